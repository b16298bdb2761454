"""The diagonal Gaussian: KL, samples, log-densities and their derivatives."""

from __future__ import annotations

import mpmath as mp

from oracles.elementary import expm1, phi
from oracles.precision import Sum, exact, lost, more


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
def log_posterior_logvar(eps, s):
    """1/2 ((z - mu)^2 e^-s - 1) = 1/2 (eps^2 - 1)."""
    return Sum((eps**2 - 1) / 2, (eps**2 + 1) / 2)
