"""The places of a plan, the row of whole numbers that compiled code reads: plain numbers, so constants to the compiler.

    sizes       the plan's length; how many threads, layers, samples S, examples N, latent dimensions K, features D,
                entries of the parameters, hidden layers of the encoder, its heads, hidden layers of the decoder; where
                the likelihood's own parameters begin and how many they are; the length of a thread's room for sums, and
                of all activations; the bytes of a number; whether the latent stage has kernels (1 or 0), the
                terms of an example's KL, the chunks of the sums over all entries, and the blocks of raw's rows
                whose columns are added as they are made
    the order   what is to be done (`step.sequence`), whether raw has its bias, which terms are left out, whether
                subnormal numbers are 0; the addresses of x, eps and Adam's moments
    addresses   of the buffers of `workspace`
    stages      the addresses of `stages`

After `END` come the layers' rows, whose columns are the fans and where W, b and h begin, then tiles and
ranges (`plan`).
"""

# fmt: off
(
    # sizes
    LENGTH, THREADS, LAYERS, SAMPLES, N, K, D, PARAMETERS, ENCODER, HEADS, DECODER, OWN, OWN_SIZE, PARTIALS,
    ACTIVATIONS, ITEM, LATENT, KL_TERMS, CHUNKS, BLOCKS,
    # the order
    WHAT, BIASED, LEFT_OUT, FLUSH, X, EPS, M, V, V_MAX,
    # addresses
    THETA, G, H, DH, KEPT, PANEL, PARTIAL, WIDE, MU, LOGVAR, SIGMA, KL, DKL, DMU, DLOGVAR, Z, DZ, RAW, NO_BIAS,
    LOG_LIKELIHOOD, LOG_PRIOR, LOG_POSTERIOR, WEIGHT, PRIOR, REST, DIRECT, PATH, OWN_S, OWN_INVERSE, OWN_REST,
    OWN_SLOPE, OWN_DS, BLOCK_SUMS, ROW_PLACE, ROW_VALUE, ROW_START, ROW_COUNT, COLUMN_PLACE, COLUMN_VALUE, COLUMN_START,
    COLUMN_COUNT, BEGIN, SPARSE, NUMBERS, SUMS, WORDS,
    # stages
    LOOK, DECIDE, SPARSE_PRODUCT, PRODUCT, ACTIVATE, SAMPLE, MEASURE, DENSITIES, ASSESS, OWN_GRADIENT, BIAS_GRADIENT,
    ACTIVATE_BACKWARD, PRIOR_BACKWARD, LATENT_BACKWARD, POSTERIOR_BACKWARD, ADD, TOTAL, UPDATE, AMSGRAD,
    END,
) = range(95)
# fmt: on

FAN_IN, FAN_OUT, W_AT, B_AT, H_AT, COLUMNS = range(6)
FORWARD_TILE, WEIGHT_TILE, INPUT_TILE = range(3)  # numbered as `dense_products` numbers its products
EXAMPLES, ROWS = range(2)
