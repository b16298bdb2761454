"""The oracle: every formula as a scalar in 50 digits, from its definition; imports nothing of vae_np.

Arguments are floats (taken exactly) or mpf. Where a definition cancels, it is evaluated as it stands with as many more
digits as it loses; no formula here is rearranged for accuracy. A function whose result is a difference returns a `Sum`:
the value and the sum of the absolute values of its terms, to which rounding errors are proportional.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import mpmath as mp
from mpmath import mpf

DIGITS = 50
LARGE = 800
"""Where e^-a is negligible beside anything: it is below 10^-347, and the smallest subnormal is 5e-324."""


class Sum(NamedTuple):
    """A value, and the sum of its terms' absolute values."""

    value: mpf
    total: mpf


def lost(*sizes, tail=0) -> int:
    """Decimal digits lost by differences of terms near 1 that leave ``sizes``, or e^-|tail|."""
    digits = 0.0
    for size in sizes:
        size = abs(mpf(size))
        if size:
            digits += abs(mp.mag(size)) * 0.30103
    return int(digits + min(abs(float(tail)), LARGE) * 0.4343) + 1


def exact(function):
    """The function of mpf arguments, with DIGITS digits, or as many as the caller works with."""

    @functools.wraps(function)
    def wrapped(*args):
        with mp.workdps(max(DIGITS + 5, mp.mp.dps)):
            return function(*[mpf(a) if isinstance(a, (int, float)) or hasattr(a, "dtype") else a for a in args])

    return wrapped


def more(digits: int):
    """A context with that many more digits."""
    return mp.workdps(mp.mp.dps + digits)


def ways(*sums: Sum) -> Sum:
    """One value written as several sums: the least total, which a careful formula can reach."""
    return Sum(sums[0].value, min(s.total for s in sums))


# ---- elementary functions ----


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


# ---- the diagonal Gaussian ----


@exact
def kl_term(mu, s):
    """1/2 (mu^2 + e^s - 1 - s)."""
    return (mu**2 + phi(s)) / 2


@exact
def kl_term_mu(mu, s):
    return mu


@exact
def kl_term_logvar(mu, s):
    """1/2 (e^s - 1)."""
    return expm1(s) / 2


@exact
def reparameterise(mu, s, eps):
    """mu + e^(s/2) eps."""
    term = mp.exp(s / 2) * eps
    return Sum(mu + term, abs(mu) + abs(term))


@exact
def reparameterise_logvar(mu, s, eps):
    """e^(s/2) eps / 2."""
    return mp.exp(s / 2) * eps / 2


@exact
def log_normal(z, mu, s):
    """-1/2 ((z - mu)^2 e^-s + s + log 2 pi)."""
    with more(lost(z, mu)):
        square = (z - mu) ** 2 * mp.exp(-s)
    constant = mp.log(2 * mp.pi)
    return Sum(-(square + s + constant) / 2, (square + abs(s) + constant) / 2)


@exact
def log_normal_z(z, mu, s):
    """-(z - mu) e^-s."""
    with more(lost(z, mu)):
        return (mu - z) * mp.exp(-s)


@exact
def log_normal_mu(z, mu, s):
    """(z - mu) e^-s."""
    return -log_normal_z(z, mu, s)


@exact
def log_normal_logvar(z, mu, s):
    """1/2 ((z - mu)^2 e^-s - 1)."""
    with more(lost(z, mu)):
        square = (z - mu) ** 2 * mp.exp(-s)
    return Sum((square - 1) / 2, (square + 1) / 2)


@exact
def log_standard_normal(z):
    """-1/2 (z^2 + log 2 pi)."""
    return -(z**2 + mp.log(2 * mp.pi)) / 2


@exact
def log_standard_normal_z(z):
    return -z


@exact
def deviation(s):
    """e^(s/2)."""
    return mp.exp(s / 2)


@exact
def log_posterior(eps, s):
    """log N(z; mu, e^s) at z = mu + e^(s/2) eps: -1/2 (eps^2 + s + log 2 pi)."""
    constant = mp.log(2 * mp.pi)
    return Sum(-(eps**2 + s + constant) / 2, (eps**2 + abs(s) + constant) / 2)


@exact
def log_posterior_mu(eps, s):
    """(z - mu) e^-s = eps e^(-s/2)."""
    return eps * mp.exp(-s / 2)


@exact
def log_posterior_z(eps, s):
    """-eps e^(-s/2)."""
    return -eps * mp.exp(-s / 2)


@exact
def log_posterior_logvar(eps, s):
    """1/2 ((z - mu)^2 e^-s - 1) = 1/2 (eps^2 - 1)."""
    return Sum((eps**2 - 1) / 2, (eps**2 + 1) / 2)


# ---- likelihoods ----


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


def gaussian(x, m, s):
    """-1/2 ((x - m)^2 e^-s + s + log 2 pi)."""
    return log_normal(x, m, s)


def gaussian_m(x, m, s):
    """(x - m) e^-s."""
    return log_normal_mu(x, m, s)


def gaussian_s(x, m, s):
    """1/2 ((x - m)^2 e^-s - 1)."""
    return log_normal_logvar(x, m, s)


# ---- Adam ----

STEP = 10
"""The step t that `adam` takes."""


def _adam(theta, g, m, v, decay, reordered):
    """theta after step STEP at alpha = 1e-3, beta = (0.9, 0.999), epsilon = 1e-8, each the double of that name."""
    alpha, beta1, beta2, epsilon = mpf(1e-3), mpf(0.9), mpf(0.999), mpf(1e-8)
    v = beta2 * v + (1 - beta2) * g**2
    correction1, correction2 = 1 - beta1**STEP, 1 - beta2**STEP
    if reordered:
        alpha, below = alpha * mp.sqrt(correction2) / correction1, mp.sqrt(v) + epsilon
    else:
        alpha, below = alpha / correction1, mp.sqrt(v / correction2) + epsilon
    decay *= mpf(1e-3)
    terms = theta, -decay * theta, -alpha * beta1 * m / below, -alpha * (1 - beta1) * g / below
    return Sum(mp.fsum(terms), mp.fsum(abs(t) for t in terms))


@exact
def adam(theta, g, m, v):
    """Kingma & Ba (2015), algorithm 1."""
    return _adam(theta, g, m, v, mpf(0), False)


@exact
def adam_reordered(theta, g, m, v):
    """The reordered form at the end of their section 2, with a decoupled weight decay of 0.01."""
    return _adam(theta, g, m, v, mpf(0.01), True)


# ---- the linear-Gaussian model, in matrices ----


def matrix(rows: Sequence[Sequence[float]]) -> mp.matrix:
    """A matrix of exact entries."""
    return mp.matrix([[mpf(float(v)) for v in row] for row in rows])


def log_multivariate_normal(x: Sequence[float], mean: Sequence[float], covariance: mp.matrix) -> mpf:
    """log N(x; mean, covariance)."""
    with mp.workdps(DIGITS):
        d = mp.matrix([mpf(float(u)) - mpf(float(v)) for u, v in zip(x, mean, strict=True)])
        square = (d.T * mp.lu_solve(covariance, d))[0]
        return -(square + mp.log(mp.det(covariance)) + len(d) * mp.log(2 * mp.pi)) / 2


def kl_diagonal_to_full(mu, s, mean: mp.matrix, covariance: mp.matrix) -> mpf:
    """KL(N(mu, diag e^s) || N(mean, covariance))."""
    with mp.workdps(DIGITS):
        k = len(mu)
        precision = covariance**-1
        d = mp.matrix([mean[i] - mpf(float(mu[i])) for i in range(k)])
        trace = mp.fsum(precision[i, i] * mp.exp(mpf(float(s[i]))) for i in range(k))
        log_ratio = mp.log(mp.det(covariance)) - mp.fsum(mpf(float(v)) for v in s)
        return (trace + (d.T * precision * d)[0] - k + log_ratio) / 2
