"""The oracle: every formula as a scalar in 50 digits, from its definition; imports nothing of vae_np.

Arguments are floats (taken exactly) or mpf. Where a definition cancels, it is evaluated as it stands with as many more
digits as it loses; no formula here is rearranged for accuracy. A function whose result is a difference returns a `Sum`:
the value and the sum of the absolute values of its terms, to which rounding errors are proportional.
"""

# ruff: noqa: F401 (what others import)
from oracles.elementary import (
    elu,
    elu_derivative,
    exp,
    expm1,
    gelu,
    gelu_derivative,
    identity,
    log,
    log1p,
    log_mean_exp,
    normal_cdf,
    normal_pdf,
    one,
    phi,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    softplus,
    softplus_derivative,
    tanh,
    tanh_derivative,
)
from oracles.likelihoods import (
    FLOOR,
    bernoulli,
    bernoulli_a,
    continuous_bernoulli,
    continuous_bernoulli_a,
    continuous_bernoulli_mean,
    continuous_bernoulli_normaliser,
    continuous_bernoulli_variance,
    floored_gaussian,
    floored_gaussian_m,
    floored_gaussian_s,
    gaussian,
    gaussian_m,
    gaussian_of_sigma,
    gaussian_of_sigma_m,
    gaussian_s,
)
from oracles.multivariate import kl_diagonal_to_full, log_multivariate_normal, matrix
from oracles.normal import (
    deviation,
    kl_term,
    kl_term_logvar,
    kl_term_mu,
    log_normal,
    log_normal_logvar,
    log_normal_mu,
    log_normal_z,
    log_posterior,
    log_posterior_logvar,
    log_posterior_mu,
    log_standard_normal,
    log_standard_normal_z,
    reparameterise,
    reparameterise_logvar,
)
from oracles.optim import STEP, adam, adam_reordered
from oracles.precision import DIGITS
