"""Elementary functions in float32: the methods of `math64` with polynomials as short as suffices.

Beside a float32 a Python literal is a float64 in Numba, hence no literals below the constants.
"""

import numpy as np

from vae_np.kernels.compiler.decorators import scalar


def _constants(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(v) for v in values)


_ZERO, _HALF, _ONE, _TWO = _constants(0, 0.5, 1, 2)
_INF, _NAN = _constants(np.inf, np.nan)

# Rounding: x + 1.5 2^23 has the integer nearest to x in its lowest bits.
_MAGIC = np.float32(1.5 * 2**23)
_MAGIC_BIASED = np.float32(1.5 * 2**23 + 127)
_FRACTION_BITS = np.int32(23)
_FRACTION = np.uint32(2**23 - 1)
_SIGN = np.int32(-(2**31))
_UPPER_HALF = np.int32(-(2**12))  # 12 bits of the significand, whose square is exact
_SQRT_HALF = np.uint32(0x3F3504F3)  # bits of sqrt(1/2)
_UNIT_SHIFT = np.uint32(0x3F800000 - 0x3F3504F3)  # bits of 1 less the above
_LOG_SHIFT = np.uint32(23)
_AS_REAL = np.uint32(0x4B000000)  # bits of 2^23: an integer or-ed in is added
_AS_REAL_BIASED = np.float32(2**23 + 127)

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HI, _LN2_LO = _constants(0.693145751953125, 1.4286068203094173e-06)  # HI has 15 bits
_INV_SQRT_2PI = np.float32(0.3989422804014327)

_EXP_LOW, _EXP_HIGH = _constants(-105, 89)  # beyond, exp is 0 and inf
_EXPM1_LOW = np.float32(-20)  # below, expm1 is -1
_TINY = np.float32(2.0**-25)  # below, expm1(x) is x
_NORMAL, _RAISE, _RAISED = _constants(2.0**-126, 2.0**25, 25)
_NORMAL_END, _MILLS_CENTRE, _MILLS_SHIFT = _constants(15, 4, 1.25)  # beyond, exp(-x^2/2) is 0
_TANH_END, _PHI_END, _SINHC_END, _COTH_END = _constants(0.6, 1.25, 3, 2)

# Near-minimax polynomials, lowest coefficient first, with their largest relative error: Chebyshev
# interpolants, made by scripts/coefficients.py.
# fmt: off
# (e^r - 1 - r) / r^2; |r| <= log(2)/2; error 1.4e-07
_EXP = _constants(0.5, 0.16666576, 0.041666556, 0.008363179, 0.0013926184)
# (2 atanh(s)/s - 2) / z, z = s^2; s <= 0.1716; error 3.3e-08
_LOG = _constants(0.6666667, 0.40000123, 0.28550816, 0.23330583)
# the same; s <= 1/3; error 3.0e-08
_LOG_UNIT = _constants(0.6666667, 0.39999706, 0.28592357, 0.21706575, 0.2322433)
# (tanh(x)/x - 1) / z, z = x^2; |x| <= 0.6; error 1.2e-07
_TANH = _constants(-0.3333333, 0.13332915, -0.05387395, 0.02111096, -0.0062691197)
# (t + 1.25) Phi(-t) exp(t^2/2), v = (t - 4)/(t + 4); 0 <= t <= END; error 1.4e-08
_MILLS = _constants(
    0.49565586, -0.1393029, 0.04509445, 0.010673257, -0.024481537, 0.015815724, -0.004876072,
    -0.00013782392, 0.000647529, -8.049231e-05, -7.247305e-05,
)
# (e^s - 1 - s) / s^2; |s| <= 1.25; error 2.4e-08
_PHI = _constants(
    0.5, 0.16666666, 0.041666668, 0.008333379, 0.0013888926, 0.00019830743, 2.479284e-05,
    2.8451416e-06, 2.8300798e-07,
)
# log(sinh(a/2) / (a/2)) / z, z = a^2; |a| <= 3; error 4.1e-08
_LOG_SINHC = _constants(
    0.041666668, -0.00034722107, 5.509962e-06, -1.0260703e-07, 1.9215785e-09, -2.556639e-11,
)
# (coth(a/2)/2 - 1/a) / a, z = a^2; |a| <= 2; error 5.0e-08
_COTH = _constants(0.083333336, -0.0013888786, 3.304782e-05, -8.1170043e-07, 1.6356871e-08)
# fmt: on


@scalar
def _horner(x: np.float32, c: tuple[np.float32, ...]) -> np.float32:
    """c[0] + c[1] x + c[2] x^2 + ...; the loop unrolls."""
    y = c[-1]
    for i in range(len(c) - 2, -1, -1):
        y = c[i] + x * y
    return y


@scalar
def _power_of_two(n: np.float32) -> np.float32:
    """2^n for an integer -127 <= n <= 127, where -127 gives 0."""
    return np.int32(np.float32(n + _MAGIC_BIASED).view(np.int32) << _FRACTION_BITS).view(np.float32)


@scalar
def _scale(p: np.float32, n: np.float32) -> np.float32:
    """p 2^n, rounded once even where it is subnormal."""
    half = (n * _HALF + _MAGIC) - _MAGIC
    return p * _power_of_two(half) * _power_of_two(n - half)


@scalar
def _reduce(x: np.float32) -> tuple[np.float32, np.float32]:
    """The n and r of x = n log 2 + r, |r| <= log(2)/2 (Cody and Waite)."""
    n = (x * _LOG2_E + _MAGIC) - _MAGIC
    return n, (x - n * _LN2_HI) - n * _LN2_LO


@scalar
def _exp_less_one(r: np.float32) -> np.float32:
    """e^r - 1 for |r| <= log(2)/2."""
    return r + r * r * _horner(r, _EXP)


@scalar
def exp(x: np.float32) -> np.float32:
    """e^x = 2^n e^r."""
    clamped = _EXP_LOW if x < _EXP_LOW else (_EXP_HIGH if x > _EXP_HIGH else x)
    n, r = _reduce(clamped)
    return _scale(_ONE + _exp_less_one(r), n)


@scalar
def expm1(x: np.float32) -> np.float32:
    """e^x - 1 = (2^n - 1) + 2^n r + 2^n (e^r - 1 - r), in units of 2 so that 2^n exists."""
    clamped = _EXPM1_LOW if x < _EXPM1_LOW else (_EXP_HIGH if x > _EXP_HIGH else x)
    n = (clamped * _LOG2_E + _MAGIC) - _MAGIC
    high = clamped - n * _LN2_HI
    r = high - n * _LN2_LO
    lost = (high - r) - n * _LN2_LO
    half = _power_of_two(n - _ONE)
    value = ((half - _HALF) + half * r) + half * (r * r * _horner(r, _EXP) + lost)
    return x if abs(x) < _TINY else value + value


@scalar
def _split(u: np.float32) -> tuple[np.float32, np.float32]:
    """The m and k of u = m 2^k, sqrt(1/2) <= m < sqrt(2), for a normal u > 0."""
    b = np.float32(u).view(np.uint32) + _UNIT_SHIFT
    k = np.uint32((b >> _LOG_SHIFT) | _AS_REAL).view(np.float32) - _AS_REAL_BIASED
    return np.uint32((b & _FRACTION) + _SQRT_HALF).view(np.float32), k


@scalar
def _log_reduced(f: np.float32, k: np.float32) -> np.float32:
    """log(1 + f) + k log 2 for sqrt(1/2) <= 1 + f < sqrt(2).

    With s = f/(2 + f), log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2))), in which the
    leading term is exact (fdlibm's e_log.c).
    """
    s = f / (_TWO + f)
    z = s * s
    h = _HALF * f * f
    return k * _LN2_HI - ((h - (s * (h + z * _horner(z, _LOG)) + k * _LN2_LO)) - f)


@scalar
def log(x: np.float32) -> np.float32:
    """log x = log m + k log 2."""
    small = x < _NORMAL
    m, k = _split(x * _RAISE if small else x)
    value = _log_reduced(m - _ONE, k - _RAISED if small else k)
    edge = x if x > _ZERO else (-_INF if x == _ZERO else _NAN)  # inf; -inf; NaN
    return value if _ZERO < x < _INF else edge


@scalar
def log1p(x: np.float32) -> np.float32:
    """log(1 + x) = log m + k log 2, where m 2^k = u + lost, u = 1 + x rounded."""
    u = _ONE + x
    lost = _ONE - (u - x) if x > _ONE else x - (u - _ONE)
    m, k = _split(u)
    value = _log_reduced((m - _ONE) + lost * (_HALF * _power_of_two(_ONE - k)), k)
    edge = x if x > _ZERO else (-_INF if u == _ZERO else _NAN)  # inf; -inf; NaN
    return x if u == _ONE else (value if _ZERO < u < _INF else edge)


@scalar
def _log1p_unit(y: np.float32) -> np.float32:
    """log(1 + y) for 0 <= y <= 1: y - s (y - R(s^2)), s = y/(2 + y)."""
    s = y / (_TWO + y)
    z = s * s
    return y - s * (y - z * _horner(z, _LOG_UNIT))


@scalar
def softplus(a: np.float32) -> np.float32:
    """log(1 + e^a) = max(a, 0) + log(1 + e^-|a|)."""
    return (a if a > _ZERO else _ZERO) + _log1p_unit(exp(-abs(a)))


@scalar
def sigmoid(a: np.float32) -> np.float32:
    """1/(1 + e^-a), and e^a/(1 + e^a) for a < 0."""
    y = exp(-abs(a))
    return (_ONE if a > _ZERO else y) / (_ONE + y)


@scalar
def tanh(x: np.float32) -> np.float32:
    """tanh x: odd polynomial for |x| < 0.6, else 1 - 2/(e^2|x| + 1)."""
    t = abs(x)
    z = t * t
    near = t + t * (z * _horner(z, _TANH))
    far = _ONE - _TWO / (exp(t + t) + _ONE)
    value = near if t < _TANH_END else far
    sign = np.float32(x).view(np.int32) & _SIGN
    return np.int32(np.float32(value).view(np.int32) | sign).view(np.float32)


@scalar
def _gauss(t: np.float32, shift: np.float32) -> tuple[np.float32, np.float32]:
    """The e and n of exp(-t^2/2 - shift) = (1 + e) 2^n; t^2 = h^2 + (t - h)(t + h), h^2 exact."""
    h = np.int32(np.float32(t).view(np.int32) & _UPPER_HALF).view(np.float32)
    n, r = _reduce(-_HALF * (h * h))
    return _exp_less_one(r - (_HALF * ((t - h) * (t + h)) + shift)), n


@scalar
def normal_pdf(x: np.float32) -> np.float32:
    """exp(-x^2/2) / sqrt(2 pi)."""
    t = _NORMAL_END if abs(x) > _NORMAL_END else abs(x)
    e, n = _gauss(t, _ZERO)
    return _scale(_INV_SQRT_2PI + _INV_SQRT_2PI * e, n)


@scalar
def ndtr(x: np.float32) -> np.float32:
    """Phi(x) = P(Z <= x), Z ~ N(0, 1): exp(-t^2/2) M(v)/(t + 1.25), t = |x|, v = (t - 4)/(t + 4).

    M is a polynomial (Schonfelder 1978 does this for erfc); Phi(x) = 1 - Phi(-x) for x > 0.
    """
    t = _NORMAL_END if abs(x) > _NORMAL_END else abs(x)
    v = (t - _MILLS_CENTRE) / (t + _MILLS_CENTRE)
    w = v * v
    u = t + _MILLS_SHIFT
    lost = t - (u - _MILLS_SHIFT)  # 1/(u + lost) = e^(-lost/u)/u
    mills = (_horner(w, _MILLS[::2]) + v * _horner(w, _MILLS[1::2])) / u
    e, n = _gauss(t, lost / u)
    tail = _scale(mills + mills * e, n)
    return _ONE - tail if x > _ZERO else tail


@scalar
def phi(s: np.float32) -> np.float32:
    """e^s - 1 - s: s^2 Q(s) for |s| < 1.25, else expm1(s) - s."""
    e = expm1(s)
    far = e if s > _EXP_HIGH else e - s
    return s * (s * _horner(s, _PHI)) if abs(s) < _PHI_END else far


@scalar
def log_expm1_over(a: np.float32) -> np.float32:
    """log((e^a - 1)/a): a/2 + a^2 E(a^2) for |a| < 3, else max(a, 0) - log(|a|/(1 - e^-|a|))."""
    t = abs(a)
    near = a * (_HALF + a * _horner(a * a, _LOG_SINHC))
    m, k = _split(t / (_ONE - exp(-t)))
    far = (a if a > _ZERO else _ZERO) - _log_reduced(m - _ONE, k)
    return (a if t == _INF else far) if t >= _SINHC_END else near


@scalar
def mean_expm1(a: np.float32) -> np.float32:
    """e^a/(e^a - 1) - 1/a: 1/2 + a G(a^2) for |a| < 2; h = 1/|a| - 1/(e^|a| - 1), or 1 - h."""
    t = abs(a)
    y = exp(-t)
    near = _HALF + a * _horner(a * a, _COTH)
    h = _ONE / t - y / (_ONE - y)
    return (_ONE - h if a > _ZERO else h) if t >= _COTH_END else near
