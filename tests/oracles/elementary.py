"""Elementary functions, activations and their derivatives."""

from __future__ import annotations

import mpmath as mp
from mpmath import mpf

from oracles.precision import LARGE, Sum, exact, lost, more


@exact
def exp(a):
    return mp.exp(a)


@exact
def expm1(a):
    with more(lost(a)):
        return mp.exp(a) - 1


@exact
def log(a):
    return mp.log(a)


@exact
def log1p(a):
    with more(lost(a)):
        return mp.log(1 + a)


@exact
def softplus(a):
    """log(1 + e^a)."""
    if abs(a) > LARGE:
        return mp.exp(a) if a < 0 else a
    with more(lost(tail=a)):
        return mp.log(1 + mp.exp(a))


@exact
def sigmoid(a):
    """1 / (1 + e^-a)."""
    return 1 / (1 + mp.exp(-a))


@exact
def sigmoid_derivative(a):
    """e^-a / (1 + e^-a)^2, with sigma - sigma^2 as the sum."""
    s = 1 / (1 + mp.exp(-a))
    return Sum(mp.exp(-a) * s * s, s + s * s)


@exact
def tanh(a):
    """(e^a - e^-a) / (e^a + e^-a)."""
    if abs(a) > LARGE:
        return mp.sign(a)
    with more(lost(a)):
        p, q = mp.exp(a), mp.exp(-a)
        return (p - q) / (p + q)


@exact
def tanh_derivative(a):
    """4 / (e^a + e^-a)^2, with 1 - tanh^2 as the sum."""
    value = (2 / (mp.exp(a) + mp.exp(-a))) ** 2
    return Sum(value, 2 - value)


@exact
def relu(a):
    return max(a, mpf(0))


@exact
def relu_derivative(a):
    return mpf(1 if a > 0 else 0)


@exact
def softplus_derivative(a):
    return 1 / (1 + mp.exp(-a))


@exact
def elu(a):
    """a, or e^a - 1."""
    return a if a > 0 else expm1(a)


@exact
def elu_derivative(a):
    """1, or e^a = (e^a - 1) + 1, the sum."""
    return Sum(mpf(1), mpf(1)) if a > 0 else Sum(mp.exp(a), 2 - mp.exp(a))


@exact
def normal_pdf(a):
    """e^(-a^2 / 2) / sqrt(2 pi)."""
    return mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi)


@exact
def normal_cdf(a):
    """1/2 erfc(-a / sqrt 2)."""
    if abs(a) > 1000:
        return mpf(1 if a > 0 else 0)
    return mp.erfc(-a / mp.sqrt(2)) / 2


@exact
def gelu(a):
    """a Phi(a)."""
    return a * normal_cdf(a)


@exact
def gelu_derivative(a):
    """Phi(a) + a Phi'(a)."""
    p, q = normal_cdf(a), a * normal_pdf(a)
    return Sum(p + q, abs(p) + abs(q))


@exact
def identity(a):
    return a


@exact
def one(a):
    return mpf(1)


@exact
def phi(s):
    """e^s - 1 - s."""
    with more(2 * lost(s)):
        return mp.exp(s) - 1 - s


@exact
def log_mean_exp(*a):
    """log (1/S sum e^a), with the sum largest + log(mean e^(a - largest)), where rounding the mean is rounding at 1."""
    value = mp.log(mp.fsum(mp.exp(v) for v in a) / len(a))
    return Sum(value, 1 + abs(value - max(a)) + abs(max(a)))
