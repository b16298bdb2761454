"""The log-likelihood of one feature, and its derivatives."""

from __future__ import annotations

import mpmath as mp
from mpmath import mpf

from oracles.elementary import sigmoid, softplus
from oracles.normal import log_normal, log_normal_logvar, log_normal_mu
from oracles.precision import LARGE, Sum, exact, lost, more, ways


@exact
def bernoulli(x, a):
    """x a - log(1 + e^a) = (x - 1) a - log(1 + e^-a)."""
    with more(lost(tail=a)):
        value = x * a - softplus(a)
    return ways(Sum(value, abs(x * a) + softplus(a)), Sum(value, abs((1 - x) * a) + softplus(-a)))


@exact
def bernoulli_a(x, a):
    """x - sigma(a) = sigma(-a) - (1 - x)."""
    with more(lost(tail=a)):
        value = x - 1 / (1 + mp.exp(-a))
    return ways(Sum(value, x + sigmoid(a)), Sum(value, (1 - x) + sigmoid(-a)))


@exact
def continuous_bernoulli(x, a):
    """x log(lambda) + (1 - x) log(1 - lambda) + log C(lambda) at lambda = sigma(a).

    C = 2 artanh(1 - 2 lambda) / (1 - 2 lambda), and 2 at lambda = 1/2. The sums are those of the natural parameter,
    x a - A(a) and (x - 1) a - A(-a), with A(a) = -log(1 - lambda) - log C, which is log((e^a - 1) / a).
    """
    if a == 0:
        return Sum(mpf(0), mpf(0))  # the uniform density, of which the form below leaves its own rounding
    with more(2 * lost(a) + lost(tail=a)):
        if abs(a) > LARGE:
            value = x * a - max(a, 0) + mp.log(abs(a))
            normaliser = max(a, 0) - mp.log(abs(a))
        else:
            lam = 1 / (1 + mp.exp(-a))
            u = 1 - 2 * lam
            log_c = mp.log(2 * mp.atanh(u) / u) if u else mp.log(2)
            value = x * mp.log(lam) + (1 - x) * mp.log(1 - lam) + log_c
            normaliser = -mp.log(1 - lam) - log_c
        return ways(Sum(value, abs(x * a) + abs(normaliser)), Sum(value, abs((1 - x) * a) + abs(normaliser - a)))


@exact
def continuous_bernoulli_normaliser(a):
    """-log(1 - lambda) - log C(lambda) at lambda = sigma(a): the log-density at x = 0, less its sign."""
    return -continuous_bernoulli(mpf(0), a).value


@exact
def continuous_bernoulli_mean(a):
    """lambda / (2 lambda - 1) + 1 / (2 artanh(1 - 2 lambda)), and 1/2 at lambda = 1/2, as published."""
    if abs(a) > LARGE:
        with more(lost(a)):
            return (1 if a > 0 else 0) - 1 / a
    if a == 0:
        return mpf(1) / 2
    with more(2 * lost(a) + lost(tail=a)):
        lam = 1 / (1 + mp.exp(-a))
        return lam / (2 * lam - 1) + 1 / (2 * mp.atanh(1 - 2 * lam))


@exact
def continuous_bernoulli_variance(a):
    """The second derivative of A(a) = log((e^a - 1) / a): 1/a^2 - 1/(4 sinh^2(a/2)), and 1/12 at 0."""
    if a == 0:
        return mpf(1) / 12
    with more(3 * lost(a)):
        return 1 / a**2 - 1 / (2 * mp.sinh(a / 2)) ** 2


@exact
def continuous_bernoulli_a(x, a):
    """d/da of the published form: x - lambda + lambda (1 - lambda) dlog C / dlambda.

    With u = 1 - 2 lambda, dlog C / dlambda = 2/u - 2 / ((1 - u^2) artanh u), and 0 at u = 0.
    """
    if abs(a) > LARGE or a == 0:
        with more(lost(a)):
            value = x - continuous_bernoulli_mean(a)
    else:
        with more(2 * lost(a) + lost(tail=a)):
            lam = 1 / (1 + mp.exp(-a))
            u = 1 - 2 * lam
            slope = 2 / u - 2 / ((1 - u * u) * mp.atanh(u))
            value = x - lam + lam * (1 - lam) * slope
    return ways(Sum(value, 2 * x - value), Sum(value, 2 * (1 - x) + value))


FLOOR = mpf(0.125)
"""Of the floored Gaussian whose accuracy is measured; exact in binary."""


@exact
def floored_gaussian(x, m, s):
    """log N(x; m, floor^2 + e^s)."""
    v = FLOOR**2 + mp.exp(s)
    square = (x - m) ** 2 / v
    return Sum(-(square + mp.log(v) + mp.log(2 * mp.pi)) / 2, (square + abs(mp.log(v)) + mp.log(2 * mp.pi)) / 2)


@exact
def floored_gaussian_m(x, m, s):
    """(x - m) / v."""
    return (x - m) / (FLOOR**2 + mp.exp(s))


@exact
def floored_gaussian_s(x, m, s):
    """1/2 ((x - m)^2 / v - 1) e^s / v."""
    v = FLOOR**2 + mp.exp(s)
    square, share = (x - m) ** 2 / v, mp.exp(s) / v
    return Sum((square - 1) * share / 2, (square + 1) * share / 2)


def gaussian(x, m, s):
    """-1/2 ((x - m)^2 e^-s + s + log 2 pi)."""
    return log_normal(x, m, s)


def gaussian_m(x, m, s):
    """(x - m) e^-s."""
    return log_normal_mu(x, m, s)


def gaussian_s(x, m, s):
    """1/2 ((x - m)^2 e^-s - 1)."""
    return log_normal_logvar(x, m, s)


@exact
def gaussian_of_sigma(x, m, sigma):
    """-1/2 ((x - m)^2 / sigma^2 + 2 log sigma + log 2 pi)."""
    with more(lost(x, m)):
        square = ((x - m) / sigma) ** 2
    s, constant = 2 * mp.log(sigma), mp.log(2 * mp.pi)
    return Sum(-(square + s + constant) / 2, (square + abs(s) + constant) / 2)


@exact
def gaussian_of_sigma_m(x, m, sigma):
    """(x - m) / sigma^2."""
    with more(lost(x, m)):
        return (x - m) / sigma**2
