"""The log-likelihoods of counts, measurements and levels, from their definitions, and their derivatives.

The total of a `Sum` is what a careful formula can reach: the value itself, and what it moves by where a location or a
dispersion moves by its own size (which is what rounding them, or the logarithm of x, does).
"""

from __future__ import annotations

import mpmath as mp
from mpmath import mpf

from oracles.precision import Sum, exact, more

SPARE = 60
"""Digits beyond those wanted: log Gamma of 1e15 beside 1, and derivatives by differences."""
DISPERSED = 100
"""And of counts beside an r of e^100."""


def _log_abs(x):
    return abs(mp.log(x)) if x else mpf(0)


@exact
def poisson(x, a):
    """x a - e^a - log x!."""
    with more(SPARE):
        value = x * a - mp.exp(a) - mp.loggamma(x + 1)
        moved = abs(x - mp.exp(a)) * (abs(a) + _log_abs(x))
    return Sum(value, abs(value) + moved)


@exact
def poisson_a(x, a):
    """x - e^a."""
    return Sum(x - mp.exp(a), x + mp.exp(a))


@exact
def negative_binomial(x, a, s):
    """log Gamma(x + r) - log Gamma(r) - log x! + x log(mu / (r + mu)) + r log(r / (r + mu)), r = e^-s, mu = e^a."""
    with more(SPARE + DISPERSED):
        r, mu = mp.exp(-s), mp.exp(a)
        value = mp.loggamma(x + r) - mp.loggamma(r) - mp.loggamma(x + 1)
        value += x * mp.log(mu / (r + mu)) + r * mp.log(r / (r + mu))
        moved = abs(negative_binomial_a(x, a, s).value) * (abs(a) + _log_abs(x))
    return Sum(value, abs(value) + moved)


@exact
def negative_binomial_a(x, a, s):
    """r (x - mu) / (r + mu)."""
    with more(SPARE + DISPERSED):
        r, mu = mp.exp(-s), mp.exp(a)
        value = r * (x - mu) / (r + mu)
        # of the logit a + s, rounded, the share mu / (r + mu) is made, which multiplies x and r
        share = mu / (r + mu)
        return Sum(value, abs(value) + r * (x + mu) / (r + mu) + abs(a + s) * share * (1 - share) * (x + r))


@exact
def negative_binomial_s(x, a, s):
    """-r (psi(x + r) - psi(r) + log(r / (r + mu)) + (mu - x) / (r + mu)): dr/ds = -r."""
    with more(SPARE + DISPERSED):
        r, mu = mp.exp(-s), mp.exp(a)
        value = -r * (mp.digamma(x + r) - mp.digamma(r) + mp.log(r / (r + mu)) + (mu - x) / (r + mu))
        d = mp.log((r + x) / (r + mu))  # rounded, it moves r (e^d - 1 - d)
        far = abs(r * (x - mu) / (r + mu) * d)
        moved = abs(value) + far + abs(x - mu) * r * mu / (r + mu) ** 2 * (abs(a) + _log_abs(x))
    return Sum(value, moved + (1 if x else 0) * x / (x + r) * (1 + abs(s + mp.log(x + r)) * (r < 1)))


def _words(logits):
    """The probabilities of three words, what they leave to the others, and each logit's distance from the largest."""
    top = max(logits)
    e = [mp.exp(a - top) for a in logits]
    p = [v / sum(e) for v in e]
    return p, [sum(p[:i] + p[i + 1 :]) for i in range(3)], [top - a for a in logits]


@exact
def multinomial(x, y, z, a, b, c):
    """log n! - sum log x_d! + sum x_d log p_d of three words, n = x + y + z, p = softmax(a, b, c)."""
    counts, n = (x, y, z), x + y + z
    with more(SPARE + DISPERSED):
        p, _, far = _words([a, b, c])
        value = mp.loggamma(n + 1) + sum(k * mp.log(q) - mp.loggamma(k + 1) for k, q in zip(counts, p, strict=True))
        peak = abs(mp.loggamma(n + 1) - n * mp.log(n) + n) if n else mpf(0)
        # log p_d is rounded, and so is the share x_d / n; both move the value by what the count is off
        moved = sum(
            abs(k - n * q) * (1 + d + abs(mp.log(q)) + (_log_abs(k / n) if n else 0))
            for k, q, d in zip(counts, p, far, strict=True)
        )
    return Sum(value, abs(value) + 2 * peak + moved)


@exact
def multinomial_a(x, y, z, a, b, c):
    """x - n p_0; of a p_0 above 1/2 it is the difference of n (p_1 + p_2) and y + z."""
    n = x + y + z
    with more(SPARE + DISPERSED):
        p, rest, far = _words([a, b, c])
        one, other = (n * rest[0], y + z) if p[0] > mpf(1) / 2 else (x, n * p[0])
        # the distances of the logits are rounded
        moved = n * p[0] * (rest[0] * far[0] + p[1] * far[1] + p[2] * far[2])
        return Sum(one - other, one + other + moved)


@exact
def laplace(x, m, s):
    """log(1 / (2 b) exp(-|x - m| / b)), b = e^s."""
    size = abs(x - m) / mp.exp(s)
    return Sum(-size - s - mp.log(2), size + abs(s) + mp.log(2))


@exact
def laplace_m(x, m, s):
    """sign(x - m) / b."""
    return mp.sign(x - m) / mp.exp(s)


@exact
def laplace_s(x, m, s):
    """|x - m| / b - 1."""
    size = abs(x - m) / mp.exp(s)
    return Sum(size - 1, size + 1)


DF = mpf(2.5)
"""Of the Student's t that is held to its oracle; exact in binary."""


@exact
def student_t(x, m, s):
    """log of Gamma((nu + 1)/2) / (Gamma(nu/2) sqrt(nu pi) b) (1 + r^2 / nu)^(-(nu + 1)/2), r = (x - m) / b, b = e^s."""
    with more(2 * SPARE):
        r = (x - m) / mp.exp(s)
        constant = mp.loggamma((DF + 1) / 2) - mp.loggamma(DF / 2) - mp.log(DF * mp.pi) / 2
        tail = (DF + 1) / 2 * mp.log(1 + r * r / DF)
        # beyond the scale, log|x - m| and s are rounded
        rounded = (DF + 1) * (_log_abs(x - m) + abs(s)) if abs(r) > 1 else 0
    return Sum(constant - s - tail, abs(constant) + abs(s) + tail + rounded)


@exact
def student_t_m(x, m, s):
    """(nu + 1) r / (b (nu + r^2)), in double precision of a log-odds, which is rounded."""
    with more(2 * SPARE):
        b = mp.exp(s)
        r = (x - m) / b
        value = (DF + 1) * r / (b * (DF + r * r))
        return Sum(value, abs(value) * (1 + (_log_abs(x - m) + abs(s)) * DF / (DF + r * r)))


@exact
def student_t_s(x, m, s):
    """(nu + 1) r^2 / (nu + r^2) - 1."""
    with more(2 * SPARE):
        r = (x - m) / mp.exp(s)
        share = r * r / (DF + r * r)
        moved = (_log_abs(x - m) + abs(s)) * share * (1 - share) if share else 0
        return Sum((DF + 1) * share - 1, (DF + 1) * (share + moved) + 1)


def _beta(a, s):
    """phi m and phi (1 - m)."""
    return mp.exp(s) / (1 + mp.exp(-a)), mp.exp(s) / (1 + mp.exp(a))


def _far(x, a, s):
    """What rounding the logarithms of x, m and their rests moves: phi |x - m| times their sizes."""
    m = 1 / (1 + mp.exp(-a))
    return mp.exp(s) * abs(x - m) * (_log_abs(x) + _log_abs(1 - x) + _log_abs(m) + _log_abs(1 - m))


@exact
def beta(x, a, s):
    """log Gamma(A + B) - log Gamma(A) - log Gamma(B) + (A - 1) log x + (B - 1) log(1 - x)."""
    with more(SPARE + 2 * DISPERSED):
        one, other = _beta(a, s)
        value = mp.loggamma(one + other) - mp.loggamma(one) - mp.loggamma(other)
        value += (one - 1) * mp.log(x) + (other - 1) * mp.log(1 - x)
        # whatever the parameters are, log x and log(1 - x), s and log m are there, and constants
        return Sum(value, abs(value) + _far(x, a, s) + _log_abs(x) + _log_abs(1 - x) + abs(s) + abs(a) + 2)


@exact
def beta_a(x, a, s):
    """phi m (1 - m) (psi(B) - psi(A) + log x - log(1 - x))."""
    with more(SPARE + 2 * DISPERSED):
        one, other = _beta(a, s)
        share = one * other / (one + other)
        value = share * (mp.digamma(other) - mp.digamma(one) + mp.log(x) - mp.log(1 - x))
        return Sum(value, abs(value) + share * (_log_abs(x) + _log_abs(1 - x) + abs(a)) + 1)


@exact
def beta_s(x, a, s):
    """phi psi(phi) - A psi(A) - B psi(B) + A log x + B log(1 - x)."""
    with more(SPARE + 2 * DISPERSED):
        one, other = _beta(a, s)
        both = one + other
        value = both * mp.digamma(both) - one * mp.digamma(one) - other * mp.digamma(other)
        value += one * mp.log(x) + other * mp.log(1 - x)
        return Sum(value, abs(value) + _far(x, a, s) + 2)


LEVELS = 256


def _edge(x, side):
    """The edge of x's level below (-1) or above (1) it."""
    return (mp.nint(x * (LEVELS - 1)) + side * mpf(1) / 2) / (LEVELS - 1)


def _level_edges(x, m, s):
    """(edge - m) / b of the level of x, the lowest's and the highest's at infinity."""
    k = int(mp.nint(x * (LEVELS - 1)))
    low = -mp.inf if k == 0 else (_edge(x, -1) - m) / mp.exp(s)
    high = mp.inf if k == LEVELS - 1 else (_edge(x, 1) - m) / mp.exp(s)
    return low, high


def _distribution(t):
    return 1 / (1 + mp.exp(-t)) if mp.isfinite(t) else mpf(t > 0)


def _digits(*edges):
    """Digits that 1 / (1 + e^-t) - 1 / (1 + e^-t') may lose."""
    return SPARE + int(sum(abs(t) * 0.4343 for t in edges if mp.isfinite(t))) + 1


@exact
def discretised_logistic(x, m, s):
    """log(F(B) - F(A)) of the logistic distribution function F; 1 - F(A) at the highest level, F(B) at the lowest."""
    a, b = _level_edges(x, m, s)
    with more(min(_digits(a, b), 4000)):
        a, b = _level_edges(x, m, s)
        # far in a tail all digits of the difference are lost: there it is the difference of exponentials
        p = _distribution(b) - _distribution(a) if a < 0 else _distribution(-a) - _distribution(-b)
        value = mp.log(p)
        low, high = _densities(a, b)
        return Sum(value, abs(value) + abs(s) + 6 + abs(low - high) / p / mp.exp(s) * (1 + abs(m)))


def _densities(a, b):
    """F'(A), F'(B)."""
    return tuple(_distribution(t) * _distribution(-t) for t in (a, b))


@exact
def discretised_logistic_m(x, m, s):
    """(F'(A) - F'(B)) / (b p)."""
    with more(400):
        a, b = _level_edges(x, m, s)
        p = _distribution(b) - _distribution(a) if a < 0 else _distribution(-a) - _distribution(-b)
        low, high = _densities(a, b)
        value = (low - high) / p / mp.exp(s)
        # of A and B, rounded, are made sigmoid(A) / b and sigmoid(-B) / b
        up, down = (_distribution(t) * (1 + (abs(t) if mp.isfinite(t) else 0)) for t in (a, -b))
        edge = (low + high) / mp.exp(2 * s) * (1 + abs(m))  # an edge is no float: rounded, it moves A and B
        return Sum(value, abs(value) + (up + down) / mp.exp(s) + edge)


@exact
def discretised_logistic_s(x, m, s):
    """(A F'(A) - B F'(B)) / p."""
    with more(400):
        a, b = _level_edges(x, m, s)
        p = _distribution(b) - _distribution(a) if a < 0 else _distribution(-a) - _distribution(-b)
        low, high = _densities(a, b)
        value = ((a * low if low else 0) - (b * high if high else 0)) / p
        terms = sum(_distribution(t) * abs(t) * (1 + abs(t) * _distribution(-t)) for t in (a, -b) if mp.isfinite(t))
        edge = sum(_distribution(t) * (1 + abs(t) * _distribution(-t)) for t in (a, -b) if mp.isfinite(t)) / mp.exp(s)
        return Sum(value, abs(value) + terms + 1 + edge * (1 + abs(m)))
