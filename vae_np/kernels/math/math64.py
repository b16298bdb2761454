"""Elementary functions in float64, written so that LLVM vectorises a loop over them.

`elementary` documents each function and its error. The rules here: no branch depends on the data
(both sides are computed and one is selected, so that NaN reaches the result), no mathematical
library is called, every constant is typed. A power of two is built from its bits, and a number is
rounded to an integer by adding and subtracting 1.5 2^52: `scalar` must not reassociate.
"""

import numpy as np

from vae_np.kernels.compiler.decorators import scalar


def _constants(*values: float) -> tuple[np.float64, ...]:
    return tuple(np.float64(v) for v in values)


_ZERO, _HALF, _ONE, _TWO = _constants(0, 0.5, 1, 2)
_INF, _NAN = _constants(np.inf, np.nan)

# Rounding: x + 1.5 2^52 has the integer nearest to x in its lowest bits.
_MAGIC = np.float64(1.5 * 2**52)
_MAGIC_BIASED = np.float64(1.5 * 2**52 + 1023)
_FRACTION_BITS = np.int64(52)
_FRACTION = np.uint64(2**52 - 1)
_SIGN = np.int64(-(2**63))
_UPPER_HALF = np.int64(-(2**27))  # 26 bits of the significand, whose square is exact
_SQRT_HALF = np.uint64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2)
_UNIT_SHIFT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)  # bits of 1 less the above
_LOG_SHIFT = np.uint64(52)
_AS_REAL = np.uint64(0x4330000000000000)  # bits of 2^52: an integer or-ed in is added
_AS_REAL_BIASED = np.float64(2**52 + 1023)

_LOG2_E = np.float64(1.4426950408889634)
_LN2_HI, _LN2_LO = _constants(0.6931471803691238, 1.9082149292705877e-10)  # HI has 32 bits
_INV_SQRT_2PI = np.float64(0.3989422804014327)

_EXP_LOW, _EXP_HIGH = _constants(-746, 710)  # beyond, exp is 0 and inf
_EXPM1_LOW = np.float64(-40)  # below, expm1 is -1
_TINY = np.float64(2.0**-54)  # below, expm1(x) is x
_NORMAL, _RAISE, _RAISED = _constants(2.0**-1022, 2.0**54, 54)
_NORMAL_END, _MILLS_CENTRE, _MILLS_SHIFT = _constants(39.5, 4, 1.25)  # beyond, exp(-x^2/2) is 0
_TANH_END, _PHI_END, _SINHC_END, _COTH_END = _constants(0.6, 1.25, 3, 2)

# Near-minimax polynomials, lowest coefficient first, with their largest relative error: Chebyshev
# interpolants, made by scripts/coefficients.py.
# fmt: off
# (e^r - 1 - r) / r^2; |r| <= log(2)/2; error 2.3e-16
_EXP = _constants(
    0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062,
    0.0013888888917213717, 0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06,
    2.7620088445409746e-07, 2.510038549551032e-08,
)
# (2 atanh(s)/s - 2) / z, z = s^2; s <= 0.1716; error 4.7e-16
_LOG = _constants(
    0.666666666666667, 0.39999999999899444, 0.2857142862600327, 0.22222211130259878,
    0.18182889455674947, 0.15331710618210773, 0.14616585424888623,
)
# the same; s <= 1/3; error 1.9e-16
_LOG_UNIT = _constants(
    0.6666666666666666, 0.40000000000014585, 0.2857142856710876, 0.22222222717427864,
    0.18181789436132859, 0.15385570064958623, 0.13314144209654935, 0.12001072809590713,
    0.08800738486144674, 0.1616404561194353,
)
# (tanh(x)/x - 1) / z, z = x^2; |x| <= 0.6; error 2.4e-16
_TANH = _constants(
    -0.33333333333333326, 0.13333333333330197, -0.05396825396475762, 0.02186948838378093,
    -0.008863232113541474, 0.0035920831663434575, -0.001455464802800745, 0.0005880541548418729,
    -0.0002322510406793851, 8.154737806525365e-05, -1.833596211003942e-05,
)
# (t + 1.25) Phi(-t) exp(t^2/2), v = (t - 4)/(t + 4); 0 <= t <= END; error 2.5e-17
_MILLS = _constants(
    0.4956558668353369, -0.1393029077136396, 0.04509444855924047, 0.010673512219109867,
    -0.024481636401460307, 0.01581307360938475, -0.004875488073290753, -0.00012591963904296503,
    0.0006481010483080448, -0.00010581893982237892, -8.069116782777693e-05,
    2.2407719515053895e-05, 1.2551250124494546e-05, -3.638718971381204e-06,
    -2.448160923876912e-06, 4.53888643908865e-07, 5.292812553134629e-07, -8.265843529641055e-09,
    -1.0904023829317586e-07, -2.056278860147571e-08, 1.7272313166803437e-08,
    7.912894299767981e-09, -9.59355248759442e-10, -1.3102129935055708e-09, -2.442557236045382e-10,
)
# (e^s - 1 - s) / s^2; |s| <= 1.25; error 2.8e-17
_PHI = _constants(
    0.5, 0.16666666666666666, 0.04166666666666668, 0.008333333333333333, 0.0013888888888886994,
    0.00019841269841268846, 2.4801587302557246e-05, 2.7557319224495616e-06,
    2.7557318980243306e-07, 2.5052108257344054e-08, 2.0876790237639503e-09,
    1.6059061312525205e-10, 1.1468234595061942e-11, 7.645843783338327e-13, 4.878056662602986e-14,
    2.8632927798425307e-15,
)
# log(sinh(a/2) / (a/2)) / z, z = a^2; |a| <= 3; error 5.8e-17
_LOG_SINHC = _constants(
    0.041666666666666664, -0.0003472222222222197, 5.511463844781386e-06, -1.0333994705111937e-07,
    2.0876756490404145e-09, -4.403487975640806e-11, 9.558766823309607e-13,
    -2.1179250028416326e-14, 4.755652880113685e-16, -1.0643612201735969e-17,
    2.247147472173503e-19, -3.864393950441203e-21, 3.8035818549452415e-23,
)
# (coth(a/2)/2 - 1/a) / a, z = a^2; |a| <= 2; error 5.7e-17
_COTH = _constants(
    0.08333333333333333, -0.001388888888888879, 3.3068783068684144e-05, -8.267195763322529e-07,
    2.0876756208420954e-08, -5.284180962163188e-10, 1.3381860261693094e-11,
    -3.386459155299866e-13, 8.4864076083587e-15, -1.9791936928683852e-16, 3.2193286919472327e-18,
)
# fmt: on


@scalar
def _horner(x: np.float64, c: tuple[np.float64, ...]) -> np.float64:
    """c[0] + c[1] x + c[2] x^2 + ...; the loop unrolls."""
    y = c[-1]
    for i in range(len(c) - 2, -1, -1):
        y = c[i] + x * y
    return y


@scalar
def _power_of_two(n: np.float64) -> np.float64:
    """2^n for an integer -1023 <= n <= 1023, where -1023 gives 0."""
    return np.int64(np.float64(n + _MAGIC_BIASED).view(np.int64) << _FRACTION_BITS).view(np.float64)


@scalar
def _scale(p: np.float64, n: np.float64) -> np.float64:
    """p 2^n, rounded once even where it is subnormal."""
    half = (n * _HALF + _MAGIC) - _MAGIC
    return p * _power_of_two(half) * _power_of_two(n - half)


@scalar
def _reduce(x: np.float64) -> tuple[np.float64, np.float64]:
    """The n and r of x = n log 2 + r, |r| <= log(2)/2 (Cody and Waite)."""
    n = (x * _LOG2_E + _MAGIC) - _MAGIC
    return n, (x - n * _LN2_HI) - n * _LN2_LO


@scalar
def _exp_less_one(r: np.float64) -> np.float64:
    """e^r - 1 for |r| <= log(2)/2."""
    return r + r * r * _horner(r, _EXP)


@scalar
def exp(x: np.float64) -> np.float64:
    """e^x = 2^n e^r."""
    clamped = _EXP_LOW if x < _EXP_LOW else (_EXP_HIGH if x > _EXP_HIGH else x)
    n, r = _reduce(clamped)
    return _scale(_ONE + _exp_less_one(r), n)


@scalar
def expm1(x: np.float64) -> np.float64:
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
def _split(u: np.float64) -> tuple[np.float64, np.float64]:
    """The m and k of u = m 2^k, sqrt(1/2) <= m < sqrt(2), for a normal u > 0."""
    b = np.float64(u).view(np.uint64) + _UNIT_SHIFT
    k = np.uint64((b >> _LOG_SHIFT) | _AS_REAL).view(np.float64) - _AS_REAL_BIASED
    return np.uint64((b & _FRACTION) + _SQRT_HALF).view(np.float64), k


@scalar
def _log_reduced(f: np.float64, k: np.float64) -> np.float64:
    """log(1 + f) + k log 2 for sqrt(1/2) <= 1 + f < sqrt(2).

    With s = f/(2 + f), log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2))), in which the
    leading term is exact (fdlibm's e_log.c).
    """
    s = f / (_TWO + f)
    z = s * s
    h = _HALF * f * f
    return k * _LN2_HI - ((h - (s * (h + z * _horner(z, _LOG)) + k * _LN2_LO)) - f)


@scalar
def log(x: np.float64) -> np.float64:
    """log x = log m + k log 2."""
    small = x < _NORMAL
    m, k = _split(x * _RAISE if small else x)
    value = _log_reduced(m - _ONE, k - _RAISED if small else k)
    edge = x if x > _ZERO else (-_INF if x == _ZERO else _NAN)  # inf; -inf; NaN
    return value if _ZERO < x < _INF else edge


@scalar
def log1p(x: np.float64) -> np.float64:
    """log(1 + x) = log m + k log 2, where m 2^k = u + lost, u = 1 + x rounded."""
    u = _ONE + x
    lost = _ONE - (u - x) if x > _ONE else x - (u - _ONE)
    m, k = _split(u)
    value = _log_reduced((m - _ONE) + lost * (_HALF * _power_of_two(_ONE - k)), k)
    edge = x if x > _ZERO else (-_INF if u == _ZERO else _NAN)  # inf; -inf; NaN
    return x if u == _ONE else (value if _ZERO < u < _INF else edge)


@scalar
def _log1p_unit(y: np.float64) -> np.float64:
    """log(1 + y) for 0 <= y <= 1: y - s (y - R(s^2)), s = y/(2 + y)."""
    s = y / (_TWO + y)
    z = s * s
    return y - s * (y - z * _horner(z, _LOG_UNIT))


@scalar
def softplus(a: np.float64) -> np.float64:
    """log(1 + e^a) = max(a, 0) + log(1 + e^-|a|)."""
    return (a if a > _ZERO else _ZERO) + _log1p_unit(exp(-abs(a)))


@scalar
def sigmoid(a: np.float64) -> np.float64:
    """1/(1 + e^-a), and e^a/(1 + e^a) for a < 0."""
    y = exp(-abs(a))
    return (_ONE if a > _ZERO else y) / (_ONE + y)


@scalar
def tanh(x: np.float64) -> np.float64:
    """tanh x: odd polynomial for |x| < 0.6, else 1 - 2/(e^2|x| + 1)."""
    t = abs(x)
    z = t * t
    near = t + t * (z * _horner(z, _TANH))
    far = _ONE - _TWO / (exp(t + t) + _ONE)
    value = near if t < _TANH_END else far
    sign = np.float64(x).view(np.int64) & _SIGN
    return np.int64(np.float64(value).view(np.int64) | sign).view(np.float64)


@scalar
def _gauss(t: np.float64, shift: np.float64) -> tuple[np.float64, np.float64]:
    """The e and n of exp(-t^2/2 - shift) = (1 + e) 2^n; t^2 = h^2 + (t - h)(t + h), h^2 exact."""
    h = np.int64(np.float64(t).view(np.int64) & _UPPER_HALF).view(np.float64)
    n, r = _reduce(-_HALF * (h * h))
    return _exp_less_one(r - (_HALF * ((t - h) * (t + h)) + shift)), n


@scalar
def normal_pdf(x: np.float64) -> np.float64:
    """exp(-x^2/2) / sqrt(2 pi)."""
    t = _NORMAL_END if abs(x) > _NORMAL_END else abs(x)
    e, n = _gauss(t, _ZERO)
    return _scale(_INV_SQRT_2PI + _INV_SQRT_2PI * e, n)


@scalar
def ndtr(x: np.float64) -> np.float64:
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
def phi(s: np.float64) -> np.float64:
    """e^s - 1 - s: s^2 Q(s) for |s| < 1.25, else expm1(s) - s."""
    e = expm1(s)
    far = e if s > _EXP_HIGH else e - s
    return s * (s * _horner(s, _PHI)) if abs(s) < _PHI_END else far


@scalar
def log_expm1_over(a: np.float64) -> np.float64:
    """log((e^a - 1)/a): a/2 + a^2 E(a^2) for |a| < 3, else max(a, 0) - log(|a|/(1 - e^-|a|))."""
    t = abs(a)
    near = a * (_HALF + a * _horner(a * a, _LOG_SINHC))
    m, k = _split(t / (_ONE - exp(-t)))
    far = (a if a > _ZERO else _ZERO) - _log_reduced(m - _ONE, k)
    return (a if t == _INF else far) if t >= _SINHC_END else near


@scalar
def mean_expm1(a: np.float64) -> np.float64:
    """e^a/(e^a - 1) - 1/a: 1/2 + a G(a^2) for |a| < 2; h = 1/|a| - 1/(e^|a| - 1), or 1 - h."""
    t = abs(a)
    y = exp(-t)
    near = _HALF + a * _horner(a * a, _COTH)
    h = _ONE / t - y / (_ONE - y)
    return (_ONE - h if a > _ZERO else h) if t >= _COTH_END else near
