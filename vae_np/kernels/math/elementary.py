"""The elementary functions of the kernels, one name for float64 and float32.

Inside a kernel the type of the argument chooses `math64` or `math32` when the kernel is compiled;
under `NUMBA_DISABLE_JIT=1` it is chosen at the call. None calls the machine's mathematical library,
none branches on the data, so a loop over an array is vectorised. NaN gives NaN, overflow gives inf,
underflow is gradual, and -0 gives -0 where f(0) = 0 (but phi(-0) = +0).

What is fused is written so: every processor has the same bits. The worst error in ULP of each, over all magnitudes and
both signs, is in docs/accuracy.md, at most 2.8, and tests/kernels/test_elementary.py holds it; benchmarks/kernels.py
puts the loops over them beside what the machine can do.
"""

from typing import Any

from vae_np.kernels.compiler.decorators import by_precision
from vae_np.kernels.math import math32, math64

__all__ = [
    "exp",
    "exp_down",
    "expm1",
    "log",
    "log1p",
    "log_expm1_over",
    "mean_expm1",
    "ndtr",
    "normal_pdf",
    "phi",
    "sigmoid",
    "softplus",
    "tanh",
]


@by_precision(math64.exp, math32.exp)
def exp(x: Any) -> Any:
    """e^x = 2^n e^r, x = n log 2 + r (Cody & Waite), e^r by a polynomial on |r| <= log(2)/2."""


@by_precision(math64.exp_down, math32.exp_down)
def exp_down(x: Any) -> Any:
    """e^x for x <= 0, with the bits of `exp`; NaN gives NaN, and what x > 0 gives means nothing."""


@by_precision(math64.expm1, math32.expm1)
def expm1(x: Any) -> Any:
    """e^x - 1 = (2^n - 1) + 2^n (e^r - 1), smallest terms first; x itself where |x| < eps/4."""


@by_precision(math64.log, math32.log)
def log(x: Any) -> Any:
    """log x = k log 2 + log m, sqrt(1/2) <= m < sqrt(2); log m = 2 atanh((m - 1)/(m + 1)).

    -inf at 0, NaN below.
    """


@by_precision(math64.log1p, math32.log1p)
def log1p(x: Any) -> Any:
    """log(1 + x), with what 1 + x loses to rounding added to m - 1; -inf at -1, NaN below."""


@by_precision(math64._log1p_unit, math32._log1p_unit)
def log1p_unit(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1."""


@by_precision(math64.softplus, math32.softplus)
def softplus(a: Any) -> Any:
    """log(1 + e^a) = max(a, 0) + log(1 + e^-|a|): the -log(1 - p) of a logit."""


@by_precision(math64.sigmoid, math32.sigmoid)
def sigmoid(a: Any) -> Any:
    """1/(1 + e^-a), relatively accurate in the lower tail; 1 - sigmoid(a) is sigmoid(-a)."""


@by_precision(math64.tanh, math32.tanh)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent: an odd polynomial for |x| < 0.6, else 1 - 2/(e^2|x| + 1)."""


@by_precision(math64.ndtr, math32.ndtr)
def ndtr(x: Any) -> Any:
    """Phi(x) = P(Z <= x) of a standard normal Z, relatively accurate down to the subnormals.

    With t = |x|: Phi(-t) = exp(-t^2/2) M(v)/(t + 5/4), v = (t - 4)/(t + 4), M a polynomial
    (Shepherd & Laframboise 1981 treat erfc so); Phi(t) = 1 - Phi(-t). t^2 is h^2 + (t - h)(t + h)
    with h the leading half of t, because rounding t^2 would cost t^2/4 ULP.
    """


@by_precision(math64.normal_pdf, math32.normal_pdf)
def normal_pdf(x: Any) -> Any:
    """exp(-x^2/2)/sqrt(2 pi), the density of a standard normal, with x^2 as in `ndtr`."""


@by_precision(math64.phi, math32.phi)
def phi(s: Any) -> Any:
    """e^s - 1 - s: s^2 times a polynomial for |s| < 5/4, else expm1(s) - s.

    Twice the KL divergence of N(0, e^s) from N(0, 1), so never negative.
    """


@by_precision(math64.log_expm1_over, math32.log_expm1_over)
def log_expm1_over(a: Any) -> Any:
    """log((e^a - 1)/a), the continuous Bernoulli's log normaliser; 0 at a = 0.

    a/2 + a^2 E(a^2) for |a| < 3, else max(a, 0) - log(|a|/(1 - e^-|a|)). For large a > 0 the terms
    cancel in part; the error is in units of their sum max(a, 0) + |log(...)|.
    """


@by_precision(math64.mean_expm1, math32.mean_expm1)
def mean_expm1(a: Any) -> Any:
    """e^a/(e^a - 1) - 1/a, the derivative of `log_expm1_over`: the continuous Bernoulli's mean.

    1/2 + a G(a^2) for |a| < 2; else h = 1/|a| - 1/(e^|a| - 1) for a < 0 and 1 - h for a > 0.
    """
