"""The elementary functions, written once for both precisions so that LLVM vectorises a loop over them.

`elementary` documents each function and its error; `math64` and `math32` have the constants and call `define`, which
compiles these very functions with their module's constants in the place of the names below. The rules here: no branch
depends on the data (both sides are computed and one is selected, so that NaN reaches the result), no mathematical
library is called, every constant is typed: beside a float32 a Python literal is a float64 in Numba. A number is rounded
to an integer n by adding and subtracting 1.5 2^52 (or 2^23): `scalar` must not reassociate. The sum's lowest bits are
then n, and with the exponent's bias added to the constant they are, shifted, those of 2^n: no instruction more. Another
constant gives the same n, as x log2(e), a product of two floats, is never halfway between two integers. What these
functions cost is their instructions, of which two or three begin in a cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from vae_np.kernels.compiler.decorators import scalar
from vae_np.kernels.compiler.intrinsics import fused

__all__ = ["define"]

_PARTS: list[Any] = []


def define(constants: dict[str, Any]) -> None:
    """Put the functions into a module's globals, compiled with the constants there."""
    constants["fused"] = fused
    for function in _PARTS:
        own = FunctionType(function.__code__, constants, function.__name__)
        own.__doc__ = function.__doc__
        constants[function.__name__] = scalar(own)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that `define` compiles for each precision; by itself it has no constants."""
    _PARTS.append(function)
    return function


_NONE: Any = None
# what each precision has: its kinds of numbers and its constants; here they have no value
# fmt: off
(
    _AS_REAL, _AS_REAL_BIASED, _COTH, _COTH_END, _EXP, _EXPM1_LOW, _EXP_HIGH, _EXP_LOW, _FRACTION, _FRACTION_BITS,
    _HALF, _INF, _INTEGER, _INV_SQRT_2PI, _LN2_HI, _LN2_LO, _LOG, _LOG2_E, _LOG_SHIFT, _LOG_SINHC, _LOG_UNIT, _LOWER,
    _MAGIC_BIASED, _MAGIC_LESS, _MAGIC_RAISED, _MAGIC_TWICE, _MILLS, _MILLS_CENTRE, _MILLS_SHIFT, _NAN, _NORMAL,
    _NORMAL_END, _ONE, _ONE_BIT, _PHI, _PHI_END, _RAISE, _RAISED, _REAL, _SIGN, _SINHC_END, _SQRT_HALF, _TANH,
    _TANH_END, _TANH_ONE, _TINY, _TWO, _UNIT_SHIFT, _UPPER_HALF, _WORD, _ZERO,
) = [_NONE] * 51
# fmt: on


@part
def _horner(x: Any, c: tuple[Any, ...]) -> Any:
    """c[0] + c[1] x + c[2] x^2 + ...; the loop unrolls."""
    y = c[-1]
    for i in range(len(c) - 2, -1, -1):
        y = fused(x, y, c[i])
    return y


@part
def _to_exponent(i: Any) -> Any:
    """2^k from an integer whose lowest bits are k + BIAS; 0 for k = -BIAS (1023 in float64, 127 in float32)."""
    return _INTEGER(i << _FRACTION_BITS).view(_REAL)


@part
def _power(t: Any) -> Any:
    """The same from t = k + _MAGIC_BIASED."""
    return _to_exponent(_REAL(t).view(_INTEGER))


@part
def _in_two(t: Any) -> tuple[Any, Any]:
    """2^k and 2^(n - k), k the half of n rounded down, from t = n + _MAGIC_TWICE, whose lowest bits are n + 2 BIAS."""
    i = _REAL(t).view(_INTEGER)
    half = _INTEGER(i >> _ONE_BIT)
    return _to_exponent(half), _to_exponent(_INTEGER(i - half))


@part
def _scale(p: Any, t: Any) -> Any:
    """p 2^n, t = n + _MAGIC_TWICE, rounded once even where it is subnormal."""
    first, last = _in_two(t)
    return p * first * last


@part
def _reduce(x: Any, magic: Any) -> tuple[Any, Any]:
    """The n + magic and r of x = n log 2 + r, |r| <= log(2)/2 (Cody and Waite)."""
    t = fused(x, _LOG2_E, magic)
    n = t - magic
    return t, fused(-n, _LN2_LO, fused(-n, _LN2_HI, x))


@part
def _exp_less_one(r: Any) -> Any:
    """e^r - 1 for |r| <= log(2)/2."""
    return fused(r * r, _horner(r, _EXP), r)


@part
def exp(x: Any) -> Any:
    """e^x = 2^n e^r."""
    clamped = _EXP_LOW if x < _EXP_LOW else (_EXP_HIGH if x > _EXP_HIGH else x)
    t, r = _reduce(clamped, _MAGIC_TWICE)
    return _scale(_ONE + _exp_less_one(r), t)


@part
def exp_down(x: Any) -> Any:
    """e^x = 2^(n + s) e^r 2^-s for x <= 0, s = 63 or 511: only the last product rounds; the bits of `exp`."""
    t, r = _reduce(_EXP_LOW if x < _EXP_LOW else x, _MAGIC_RAISED)
    return (_ONE + _exp_less_one(r)) * _power(t) * _LOWER


@part
def expm1(x: Any) -> Any:
    """e^x - 1 = (2^n - 1) + 2^n r + 2^n (e^r - 1 - r), in units of 2 so that 2^n exists."""
    clamped = _EXPM1_LOW if x < _EXPM1_LOW else (_EXP_HIGH if x > _EXP_HIGH else x)
    t = fused(clamped, _LOG2_E, _MAGIC_LESS)
    n = t - _MAGIC_LESS
    high = fused(-n, _LN2_HI, clamped)
    r = fused(-n, _LN2_LO, high)
    lost = fused(-n, _LN2_LO, high - r)
    half = _power(t)  # 2^(n - 1)
    value = fused(half, fused(r * r, _horner(r, _EXP), lost), fused(half, r, half - _HALF))
    return x if abs(x) < _TINY else value + value


@part
def _split(u: Any) -> tuple[Any, Any]:
    """The m and k of u = m 2^k, sqrt(1/2) <= m < sqrt(2), for a normal u > 0."""
    b = _WORD(_REAL(u).view(_WORD) + _UNIT_SHIFT)  # in Numba the sum of two uint32 is a uint64: twice the vectors
    k = _WORD((b >> _LOG_SHIFT) | _AS_REAL).view(_REAL) - _AS_REAL_BIASED
    return _WORD((b & _FRACTION) + _SQRT_HALF).view(_REAL), k


@part
def _log_reduced(f: Any, k: Any) -> Any:
    """log(1 + f) + k log 2 for sqrt(1/2) <= 1 + f < sqrt(2).

    With s = f/(2 + f), log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2))), in which the
    leading term is exact (fdlibm's e_log.c).
    """
    s = f / (_TWO + f)
    z = s * s
    h = _HALF * f * f
    return fused(k, _LN2_HI, -((h - fused(s, fused(z, _horner(z, _LOG), h), k * _LN2_LO)) - f))


@part
def log(x: Any) -> Any:
    """log x = log m + k log 2."""
    small = x < _NORMAL
    m, k = _split(x * _RAISE if small else x)
    value = _log_reduced(m - _ONE, k - _RAISED if small else k)
    edge = x if x > _ZERO else (-_INF if x == _ZERO else _NAN)  # inf; -inf; NaN
    return value if _ZERO < x < _INF else edge


@part
def log1p(x: Any) -> Any:
    """log(1 + x) = log m + k log 2, where m 2^k = u + lost, u = 1 + x rounded."""
    u = _ONE + x
    lost = _ONE - (u - x) if x > _ONE else x - (u - _ONE)
    m, k = _split(u)
    value = _log_reduced(fused(lost, _HALF * _power(_ONE - k + _MAGIC_BIASED), m - _ONE), k)
    edge = x if x > _ZERO else (-_INF if u == _ZERO else _NAN)  # inf; -inf; NaN
    return x if u == _ONE else (value if _ZERO < u < _INF else edge)


@part
def _log1p_unit(y: Any) -> Any:
    """log(1 + y) for 0 <= y <= 1: y - s (y - R(s^2)), s = y/(2 + y)."""
    s = y / (_TWO + y)
    z = s * s
    return fused(-s, fused(-z, _horner(z, _LOG_UNIT), y), y)


@part
def softplus(a: Any) -> Any:
    """log(1 + e^a) = max(a, 0) + log(1 + e^-|a|)."""
    return (a if a > _ZERO else _ZERO) + _log1p_unit(exp_down(-abs(a)))


@part
def sigmoid(a: Any) -> Any:
    """1/(1 + e^-a), and e^a/(1 + e^a) for a < 0."""
    y = exp_down(-abs(a))
    return (_ONE if a > _ZERO else y) / (_ONE + y)


@part
def tanh(x: Any) -> Any:
    """tanh x: odd polynomial for |x| < 0.6, else 1 - 2/(e^2|x| + 1)."""
    t = abs(x)
    z = t * t
    near = fused(t, z * _horner(z, _TANH), t)
    s, r = _reduce(_TANH_ONE if t + t > _TANH_ONE else t + t, _MAGIC_BIASED)
    far = _ONE - _TWO / fused(_ONE + _exp_less_one(r), _power(s), _ONE)
    value = near if t < _TANH_END else far
    sign = _REAL(x).view(_INTEGER) & _SIGN
    return _INTEGER(_REAL(value).view(_INTEGER) | sign).view(_REAL)


@part
def _gauss(t: Any, shift: Any) -> tuple[Any, Any]:
    """The e and n + _MAGIC_TWICE of exp(-t^2/2 - shift) = (1 + e) 2^n; t^2 = h^2 + (t - h)(t + h), h^2 exact."""
    h = _INTEGER(_REAL(t).view(_INTEGER) & _UPPER_HALF).view(_REAL)
    scale, r = _reduce(-_HALF * (h * h), _MAGIC_TWICE)
    return _exp_less_one(r - fused(_HALF, (t - h) * (t + h), shift)), scale


@part
def normal_pdf(x: Any) -> Any:
    """exp(-x^2/2) / sqrt(2 pi)."""
    t = _NORMAL_END if abs(x) > _NORMAL_END else abs(x)
    e, scale = _gauss(t, _ZERO)
    return _scale(fused(_INV_SQRT_2PI, e, _INV_SQRT_2PI), scale)


@part
def ndtr(x: Any) -> Any:
    """Phi(x) = P(Z <= x), Z ~ N(0, 1): exp(-t^2/2) M(v)/(t + 1.25), t = |x|, v = (t - 4)/(t + 4).

    M is a polynomial (Schonfelder 1978 does this for erfc); Phi(x) = 1 - Phi(-x) for x > 0.
    """
    t = _NORMAL_END if abs(x) > _NORMAL_END else abs(x)
    v = (t - _MILLS_CENTRE) / (t + _MILLS_CENTRE)
    w = v * v
    u = t + _MILLS_SHIFT
    lost = t - (u - _MILLS_SHIFT)  # 1/(u + lost) = e^(-lost/u)/u
    mills = fused(v, _horner(w, _MILLS[1::2]), _horner(w, _MILLS[::2])) / u
    e, scale = _gauss(t, lost / u)
    tail = _scale(fused(mills, e, mills), scale)
    return _ONE - tail if x > _ZERO else tail


@part
def phi(s: Any) -> Any:
    """e^s - 1 - s: s^2 Q(s) for |s| < 1.25, else expm1(s) - s."""
    e = expm1(s)
    far = e if s > _EXP_HIGH else e - s
    return s * (s * _horner(s, _PHI)) if abs(s) < _PHI_END else far


@part
def log_expm1_over(a: Any) -> Any:
    """log((e^a - 1)/a): a/2 + a^2 E(a^2) for |a| < 3, else max(a, 0) - log(|a|/(1 - e^-|a|))."""
    t = abs(a)
    near = a * fused(a, _horner(a * a, _LOG_SINHC), _HALF)
    m, k = _split(t / (_ONE - exp_down(-t)))
    far = (a if a > _ZERO else _ZERO) - _log_reduced(m - _ONE, k)
    return (a if t == _INF else far) if t >= _SINHC_END else near


@part
def mean_expm1(a: Any) -> Any:
    """e^a/(e^a - 1) - 1/a: 1/2 + a G(a^2) for |a| < 2; h = 1/|a| - 1/(e^|a| - 1), or 1 - h."""
    t = abs(a)
    y = exp_down(-t)
    near = fused(a, _horner(a * a, _COTH), _HALF)
    h = _ONE / t - y / (_ONE - y)
    return (_ONE - h if a > _ZERO else h) if t >= _COTH_END else near
