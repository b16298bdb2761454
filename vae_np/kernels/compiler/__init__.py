"""How kernels are compiled, and what Numba has no words for.

decorators   `kernel`, `scalar`, `stage` ...: the one place that decides how anything is compiled
by_type      one name for the function of each kind or precision
intrinsics   memory by address, atomic words, calls by address; `vectors`, sums in vector registers
blas         the BLAS that compiled code calls; `subnormal`, the processor's mode for tiny numbers
"""
