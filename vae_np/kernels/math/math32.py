"""The constants of float32, and `scheme`'s functions with them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from vae_np.kernels.math.scheme import define


def _constants(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(v) for v in values)


_REAL, _INTEGER, _WORD = np.float32, np.int32, np.uint32
_ZERO, _HALF, _ONE, _TWO = _constants(0, 0.5, 1, 2)
_INF, _NAN = _constants(np.inf, np.nan)

# Rounding: x + 1.5 2^23 has the integer nearest to x in its lowest bits; with a bias added, an exponent's.
_MAGIC_BIASED = np.float32(1.5 * 2**23 + 127)
_MAGIC_LESS = np.float32(1.5 * 2**23 + 126)
_MAGIC_TWICE = np.float32(1.5 * 2**23 + 2 * 127)
_MAGIC_RAISED = np.float32(1.5 * 2**23 + 190)
_LOWER = np.float32(2.0**-63)
_ONE_BIT = np.int32(1)
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
_TANH_ONE = np.float32(20)  # of 2 x: beyond, tanh is 1

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

define(globals())

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
