"""Activations, likelihoods and the KL in many digits, written from the papers' formulas; nothing of vae_np is used.

Each likelihood is a function of (x, raw, own) for one example: the list of log p(x_d | raw), in nats, all constants
kept. ``raw`` is what the decoder puts out, ``own`` the likelihood's learned arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath as mp
from tape import Var, total, unary

__all__ = ["ACTIVATIONS", "LIKELIHOODS", "exp", "kl", "log_normal"]

ALPHA = 1  # elu's
FIXED_SIGMA = mp.mpf("0.75")
"""Of the Gaussian with a fixed deviation."""


def exp(a: Var) -> Var:
    return unary(mp.exp, mp.exp, a)


def logistic(a: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-a))


def softplus(a: Var) -> Var:
    """log(1 + e^a)."""
    return unary(lambda v: (v if v > 0 else mp.mpf(0)) + mp.log1p(mp.exp(-abs(v))), logistic, a)


def gelu(a: Var) -> Var:
    """a Phi(a), by the normal distribution itself and not its tanh form."""
    return unary(lambda v: v * mp.ncdf(v), lambda v: mp.ncdf(v) + v * mp.npdf(v), a)


ACTIVATIONS: dict[str, Callable[[Var], Var]] = {
    "identity": lambda a: a,
    "tanh": lambda a: unary(mp.tanh, lambda v: mp.sech(v) ** 2, a),
    "relu": lambda a: unary(lambda v: max(v, mp.mpf(0)), lambda v: mp.mpf(v > 0), a),
    "softplus": softplus,
    "sigmoid": lambda a: unary(logistic, lambda v: logistic(v) * logistic(-v), a),
    "elu": lambda a: unary(lambda v: v if v > 0 else mp.expm1(v), lambda v: mp.mpf(1) if v > 0 else mp.exp(v), a),
    "gelu": gelu,
}


def log_normal(r: Var, logvar: Var) -> Var:
    """log N of a value r deviations from the mean: -(r^2 + logvar + log 2 pi) / 2."""
    return (r * r + logvar + mp.log(2 * mp.pi)) * mp.mpf("-0.5")


def bernoulli(x: Sequence[mp.mpf], raw: Sequence[Var], own: Sequence[Var]) -> list[Var]:
    """x a - log(1 + e^a): raw are logits."""
    return [value * a - softplus(a) for value, a in zip(x, raw, strict=True)]


def log_mean_of_exp(a: Var) -> Var:
    """log((e^a - 1) / a), the normaliser of e^(a x) on [0, 1]; 0 at a = 0, with the slope 1/2."""

    def value(v: mp.mpf) -> mp.mpf:
        if v == 0:
            return mp.mpf(0)
        return v + mp.log(-mp.expm1(-v) / v) if v > 0 else mp.log(mp.expm1(v) / v)

    def slope(v: mp.mpf) -> mp.mpf:
        with mp.extradps(mp.mp.dps):  # the two parts cancel near 0
            return mp.mpf("0.5") if v == 0 else -1 / mp.expm1(-v) - 1 / v

    return unary(value, slope, a)


def continuous_bernoulli(x: Sequence[mp.mpf], raw: Sequence[Var], own: Sequence[Var]) -> list[Var]:
    """x a - log((e^a - 1) / a): raw are natural parameters, logits of lambda (Loaiza-Ganem & Cunningham 2019)."""
    return [value * a - log_mean_of_exp(a) for value, a in zip(x, raw, strict=True)]


def gaussian(x: Sequence[mp.mpf], means: Sequence[Var], logvars: Sequence[Var]) -> list[Var]:
    """log N(x; m, e^s)."""
    found = []
    for value, m, s in zip(x, means, logvars, strict=True):
        found.append(log_normal((value - m) * exp(s * mp.mpf("-0.5")), s))
    return found


def gaussian_fixed(x: Sequence[mp.mpf], raw: Sequence[Var], own: Sequence[Var]) -> list[Var]:
    """Sigma is the number `FIXED_SIGMA`."""
    return gaussian(x, raw, [Var(2 * mp.log(FIXED_SIGMA))] * len(x))


def gaussian_learned(x: Sequence[mp.mpf], raw: Sequence[Var], own: Sequence[Var]) -> list[Var]:
    """own is the logarithm of one variance, or of one a feature."""
    return gaussian(x, raw, list(own) * (len(x) // len(own)))


def heteroscedastic(x: Sequence[mp.mpf], raw: Sequence[Var], own: Sequence[Var]) -> list[Var]:
    """raw are D means and then D log-variances."""
    return gaussian(x, raw[: len(x)], raw[len(x) :])


LIKELIHOODS: dict[str, Callable[[Sequence[mp.mpf], Sequence[Var], Sequence[Var]], list[Var]]] = {
    "bernoulli": bernoulli,
    "continuous-bernoulli": continuous_bernoulli,
    "gaussian-fixed": gaussian_fixed,
    "gaussian-learned": gaussian_learned,
    "gaussian-per-feature": gaussian_learned,
    "gaussian-heteroscedastic": heteroscedastic,
}


def kl(mu: Sequence[Var], logvar: Sequence[Var]) -> Var:
    """KL(N(mu, e^s) || N(0, I)) = 1/2 sum_k (mu^2 + e^s - 1 - s)."""
    return total((m * m + exp(s) - 1 - s) * mp.mpf("0.5") for m, s in zip(mu, logvar, strict=True))
