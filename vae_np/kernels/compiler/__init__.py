"""How kernels are compiled, and what Numba has no words for.

decorators   `kernel`, `scalar`, `stage` ...: the one place that decides how anything is compiled
cache        where machine code is kept, and what makes it stale
by_type      one name for the function of each kind or precision
intrinsics   a fused multiply-add, memory by address, atomic words, calls by address
lanes        vectors of LLVM, and sums of a block whose order is written out
micro        the inner loop of a matrix product, `packing` what it reads; `vectors`, that of a sparse one
subnormal    the processor's mode for tiny numbers
"""
