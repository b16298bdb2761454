"""Elementary functions by IEEE operations alone: the same bits on every machine.

Addition, multiplication, division and the root are rounded in one way everywhere (IEEE 754); a mathematical library's
exp and log are not, and NumPy's differ from processor to processor. What decides the numbers of a run and is no formula
of the model (the noise, weights of samples, a schedule, a start) is computed with these.

All take and give float64, arrays or numbers; `sine_of_quarter` and `minus_log_unit` are also compiled as they stand
(`kernels.loops.noise`): nothing there is fused, so that it is the same twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["cosine_of_half_turn", "exp", "log", "log1p", "minus_log_unit", "one_less_power", "sine_of_quarter"]

_FRACTION, _FRACTION_BITS = np.uint64(2**52 - 1), np.uint64(52)
_SQRT_HALF = np.uint64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2)
_SHIFT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)  # bits of 1 less the above
_AS_REAL = np.uint64(0x4330000000000000)  # bits of 2^52: an integer or-ed in is added
_BIASED = np.float64(2**52 + 1023)
_LN2_HI, _LN2_LO = np.float64(0.6931471803691238), np.float64(1.9082149292705877e-10)  # HI has 32 bits
_QUARTER_HI, _QUARTER_LO = np.float64(np.pi / 2), np.float64(6.123233995736766e-17)  # pi/2
_LOG2_E, _MAGIC = np.float64(1.4426950408889634), np.float64(1.5 * 2**52)
_SPLIT = 134217729.0  # 2^27 + 1

# Chebyshev interpolants, made by scripts/coefficients.py, lowest coefficient first.
# (2 atanh(s)/s - 2) / z, z = s^2; s <= 0.1716; error 4.7e-16
_LOG = (
    0.666666666666667, 0.39999999999899444, 0.2857142862600327, 0.22222211130259878, 0.18182889455674947,
    0.15331710618210773, 0.14616585424888623,
)  # fmt: skip
# (sin(pi t/2)/t - pi/2) / z, z = t^2; t <= 1; error 4.6e-17
_QUARTER = (
    -0.6459640975062463, 0.07969262624616705, -0.004681754135318688, 0.0001604411847873596, -3.598843235210798e-06,
    5.692172921487081e-08, -6.688035000450839e-10, 6.0669203313096375e-12, -4.37575396856151e-14,
    2.509463523844912e-16,
)  # fmt: skip
# (e^r - 1 - r) / r^2; |r| <= log(2)/2; error 2.3e-16
_EXP = (
    0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
    0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
    2.510038549551032e-08,
)  # fmt: skip


def _horner(x: Any, c: tuple[float, ...]) -> Any:
    """c[0] + c[1] x + c[2] x^2 + ..."""
    y = c[-1] * x + c[-2]
    for i in range(len(c) - 3, -1, -1):
        y = y * x + c[i]
    return y


def _minus_log(x: Any, biased: Any) -> Any:
    """-(log x + (biased - _BIASED) log 2) for a normal x: x = m 2^k, sqrt(1/2) <= m < sqrt(2).

    With f = m - 1 and s = f/(2 + f), log m = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2))) (fdlibm's e_log.c).
    """
    bits = np.float64(x).view(np.uint64) + _SHIFT
    k = np.uint64((bits >> _FRACTION_BITS) | _AS_REAL).view(np.float64) - biased
    f = np.uint64((bits & _FRACTION) + _SQRT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    return ((h - (s * (h + z * _horner(z, _LOG)) + k * _LN2_LO)) - f) - k * _LN2_HI


def minus_log_unit(n: Any, scale: Any) -> Any:
    """-log(n / 2^scale) for a whole number 1 <= n <= 2^53, float64."""
    return _minus_log(n, _BIASED + scale)


def sine_of_quarter(t: Any) -> Any:
    """sin(pi t/2), 0 <= t <= 1."""
    z = t * t
    return t * _QUARTER_HI + t * (_QUARTER_LO + z * _horner(z, _QUARTER))


def cosine_of_half_turn(t: float) -> float:
    """cos(pi t), 0 <= t <= 1."""
    found = sine_of_quarter(abs(1.0 - 2.0 * t))
    return float(found if t <= 0.5 else -found)


def log(x: Any) -> Any:
    """log x, off by at most 1 ULP; -inf at 0, NaN below, inf and NaN as they are."""
    x = np.asarray(x, np.float64)
    proper = (x > 0) & (x < np.inf)
    m, k = np.frexp(np.where(proper, x, 1.0))  # exact
    edge = np.where(x > 0, x, np.where(x == 0, -np.inf, np.nan))
    return np.where(proper, -_minus_log(m, _BIASED - k), edge)


def log1p(x: Any) -> Any:
    """log(1 + x) for x >= 0, off by at most 4 ULP: log(w) x/(w - 1), where w is 1 + x as it is rounded (Kahan)."""
    x = np.asarray(x, np.float64)
    w = 1.0 + x
    lost = w == 1.0
    return np.where(lost, x, log(w) * (x / np.where(lost, 1.0, w - 1.0)))


def exp(x: Any) -> Any:
    """e^x = 2^n e^r, x = n log 2 + r, |r| <= log(2)/2; off by at most 1 ULP."""
    x = np.asarray(x, np.float64)
    held = np.clip(x, -746.0, 710.0)  # beyond, it is 0 and inf; NaN stays
    n = (held * _LOG2_E + _MAGIC) - _MAGIC
    r = (held - n * _LN2_HI) - n * _LN2_LO
    half = np.where(np.isnan(n), 0, np.trunc(0.5 * n))
    rest = np.where(np.isnan(n), 0, n) - half
    with np.errstate(over="ignore"):
        return ((1.0 + (r + (r * r) * _horner(r, _EXP))) * _power_of_two(half)) * _power_of_two(rest)


def _power_of_two(n: Any) -> Any:
    """2^n for a whole number -1022 <= n <= 1023."""
    return ((np.asarray(n, np.int64) + 1023) << np.int64(52)).view(np.float64)


def one_less_power(beta: float, n: int) -> float:
    """1 - beta^n for 0 <= beta < 1, n >= 1: by squaring, with numbers of twice the precision.

    Written out, 1 - beta^n magnifies the rounding of beta^n by beta^n / (1 - beta^n). Products are split as Dekker
    (1971) does it; the numbers are float64's, and compiled code runs this very function.
    """
    high, low, square, rest = 1.0, 0.0, beta * 1.0, 0.0
    while n > 0:
        if n % 2 == 1:
            high, low = _twofold(high, low, square, rest)
        square, rest = _twofold(square, rest, square, rest)
        n = n // 2
    return (1.0 - high) - low


def _twofold(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """(a + a_low) (b + b_low), as a sum of two."""
    product = a * b
    t = _SPLIT * a
    a_high = t - (t - a)
    t = _SPLIT * b
    b_high = t - (t - b)
    a_rest, b_rest = a - a_high, b - b_high
    lost = ((a_high * b_high - product) + a_high * b_rest + a_rest * b_high) + a_rest * b_rest
    lost += a * b_low + a_low * b
    total = product + lost
    return total, lost - (total - product)
