"""The special functions of the formulas: pure NumPy, exact near their traps, and open to complex arguments.

The complex step differentiates through these, so a case is chosen by the real part (``x < 0`` of a complex number is
not what the paper means) and what ``np.where`` throws away is computed from a harmless argument.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from vae_np.support import portable

__all__ = [
    "column_sums",
    "expm1_mean",
    "log1p",
    "log_expm1_over",
    "log_mean_exp",
    "log_sum_exp",
    "normal_cdf",
    "normal_pdf",
    "normalised_exp",
    "normalised_weights",
    "phi",
    "sigmoid",
    "softplus",
]

Array = NDArray[Any]

LOG_2PI = 1.8378770664093454  # log(2 pi), written out: a library may round it the other way
_PHI_SERIES = [1 / math.factorial(n) for n in range(22, 1, -1)]
# B_2n / (2n)! = (-1)^(n+1) 2 zeta(2n) / (2 pi)^2n, highest n first; scipy.special.bernoulli has B_4 wrong at 1.7e-12
_MEAN_SERIES = [(-1) ** (n + 1) * 2 * float(special.zeta(2 * n)) / (2 * math.pi) ** (2 * n) for n in range(20, 0, -1)]


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    """Horner, highest power first; the coefficients take x's dtype."""
    total = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def log1p(a: Array) -> Array:
    """log(1 + a); of complex numbers SciPy's, since NumPy's adds 1 to the real part first and loses a small one."""
    found: Array = (special.log1p if np.iscomplexobj(a) else np.log1p)(a)
    return found


def softplus(a: Array) -> Array:
    """log(1 + e^a) = max(a, 0) + log1p(e^-|a|)."""
    positive = a.real > 0
    return np.where(positive, a, 0) + log1p(np.exp(np.where(positive, -a, a)))


def sigmoid(a: Array) -> Array:
    """1 / (1 + e^-a), relatively exact in both tails."""
    positive = a.real > 0
    e = np.exp(np.where(positive, -a, a))
    return np.where(positive, 1, e) / (1 + e)


def phi(s: Array) -> Array:
    """phi(s) = e^s - 1 - s >= 0, the variance's part of the Gaussian KL.

    Written as it stands it cancels near 0, and so does expm1(s) - s (seven digits are left at s = 1e-9). For |s| < 1 it
    is the series s^2/2! + s^3/3! + ..., elsewhere the difference, which then loses less than three bits.
    """
    small = np.abs(s.real) < 1
    t = np.where(small, s, 0)
    big = np.where(small, 2, s)
    return np.where(small, t * t * _polynomial(t, _PHI_SERIES), np.expm1(big) - big)


def _exp_minus_half_square(x: Array) -> Array:
    """e^(-x^2/2) without the error of rounding x^2: with a few leading bits h of x, x^2 = h^2 + (x - h)(x + h)."""
    x = np.where(np.abs(x.real) > 60, 60, x)  # e^-1800 is 0 already; NaN stays
    h = np.round(x.real * 16) / 16
    return np.exp(-0.5 * h * h) * np.exp(-0.5 * (x - h) * (x + h))


def normal_pdf(x: Array) -> Array:
    """The standard normal density e^(-x^2/2) / sqrt(2 pi)."""
    return _exp_minus_half_square(x) * (1 / math.sqrt(2 * math.pi))


def normal_cdf(x: Array) -> Array:
    """The standard normal distribution function, relatively exact in its lower tail.

    Phi(x) = erfcx(-x / sqrt 2) e^(-x^2/2) / 2 for x <= 0, and 1 - Phi(-x) elsewhere, with the scaled complementary
    error function of SciPy.
    """
    positive = x.real > 0
    lower = np.where(positive, -x, x)
    lower = np.where(lower.real < -60, -60, lower)
    tail = 0.5 * special.erfcx(lower * -math.sqrt(0.5)) * _exp_minus_half_square(lower)
    return np.where(positive, 1 - tail, tail)


def log_expm1_over(a: Array) -> Array:
    """log((e^a - 1) / a), the log normaliser of the density proportional to e^(a x) on [0, 1].

    With t = |a|, it is max(a, 0) + log((1 - e^-t) / t); for t < 1 the last logarithm is log1p(-phi(-t) / t), by phi's
    series, which is exact at the uniform density a = 0, where the textbook form is 0/0, and where t^2 underflows.
    """
    positive = a.real > 0
    t = np.where(positive, a, -a)
    small = t.real < 1
    near = np.where(small, -t, 0)
    far = np.where(small, 1, t)
    decay = np.where(small, np.log1p(near * _polynomial(near, _PHI_SERIES)), np.log(-np.expm1(-far) / far))
    return np.where(positive, a, 0) + decay


def expm1_mean(a: Array) -> Array:
    """e^a / (e^a - 1) - 1/a, the mean of the density proportional to e^(a x) on [0, 1]; 1/2 at a = 0.

    For |a| < 2 the series 1/2 + sum_n B_2n a^(2n-1) / (2n)! with Bernoulli's numbers, elsewhere as written.
    """
    small = np.abs(a.real) < 2
    t = np.where(small, a, 0)
    big = np.where(small, 2, a)
    with np.errstate(over="ignore"):  # e^-a = inf is the right limit: the first term is then 0
        far = -1 / np.expm1(-big) - 1 / big
    return np.where(small, 0.5 + t * _polynomial(t * t, _MEAN_SERIES), far)


def log_sum_exp(a: Array, axis: int = 0) -> Array:
    """log sum_s e^(a_s) along an axis, shifted by the largest so that nothing overflows."""
    largest = np.max(a.real, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0)
    total = np.log(np.sum(np.exp(a - shift), axis=axis, keepdims=True)) + shift
    return np.squeeze(total, axis)


def log_mean_exp(a: Array, axis: int = 0) -> Array:
    """log (1/S sum_s e^(a_s)) along an axis of length S, shifted by the largest so that nothing overflows.

    With the same bits everywhere, as all that is made of the weights of samples: `support.portable`.
    """
    exp, log = (np.exp, np.log) if np.iscomplexobj(a) else (_exp, _log)
    largest = np.max(a.real, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0)
    total = log(np.mean(exp(a - shift), axis=axis, keepdims=True)) + shift
    return np.squeeze(total, axis)


def _exp(a: Array) -> Array:
    return np.asarray(portable.exp(a), a.dtype)


def _log(a: Array) -> Array:
    return np.asarray(portable.log(a), a.dtype)


def normalised_exp(a: Array, axis: int = 0) -> Array:
    """e^(a_s) / sum_s e^(a_s) along an axis, the gradient of `log_sum_exp`, shifted by the largest.

    The sum is that of the numbers that are divided, so that the quotients add up to 1 whatever the size of a.
    e^(a - log_sum_exp(a)) does not: the logarithm has been rounded, with |a| u, and all quotients are off by that.
    """
    return _normalised(np.exp(_less_the_largest(a, axis)), axis)


def normalised_weights(a: Array, axis: int = 0) -> Array:
    """The same of the logarithms of samples' weights, which are real, with the same bits everywhere."""
    return _normalised(_exp(_less_the_largest(a, axis)), axis)


def _less_the_largest(a: Array, axis: int) -> Array:
    shifted: Array = a - np.max(a.real, axis=axis, keepdims=True)
    return shifted


def _normalised(e: Array, axis: int) -> Array:
    quotients: Array = e / np.sum(e, axis=axis, keepdims=True)
    return quotients


def column_sums(a: Array) -> Array:
    """The sum over the first axis, 64 rows at a time until 64 are left.

    NumPy adds by pairs along the last axis of an array in C order, but row to row along the others, where the error
    grows with the number N of rows; here it grows with log N (at most 64 u of the terms' sum for each power of 64).
    """
    while len(a) > 64:
        a = np.add.reduceat(a, np.arange(0, len(a), 64), axis=0)
    total: Array = a.sum(axis=0)
    return total
