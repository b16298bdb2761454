"""The oracle of posteriors and priors: 50 digits, each from its definition; imports nothing of vae_np.

Densities are taken of the sample z itself, by determinants and inverses of whole matrices: nothing here knows of the
noise, of triangular factors' shortcuts or of the matrix determinant lemma.
"""

from __future__ import annotations

import mpmath as mp
from oracles import DIGITS, log_multivariate_normal


def _row(values) -> mp.matrix:
    return mp.matrix([mp.mpf(float(v)) for v in values])


def lower_factor(logvar, lower) -> mp.matrix:
    """L with exp(logvar / 2) on its diagonal and ``lower`` below it, row by row."""
    k = len(logvar)
    L, entries = mp.zeros(k), iter(lower)
    for i in range(k):
        for j in range(i):
            L[i, j] = mp.mpf(float(next(entries)))
        L[i, i] = mp.exp(mp.mpf(float(logvar[i])) / 2)
    return L


def full_sample(mu, logvar, lower, eps):
    """z = mu + L eps and log N(z; mu, L L^T)."""
    with mp.workdps(DIGITS):
        L = lower_factor(logvar, lower)
        z = _row(mu) + L * _row(eps)
        return list(z), log_multivariate_normal(z, mu, L * L.T)


def full_kl(mu, logvar, lower):
    """1/2 (tr S + mu^T mu - K - log det S), S = L L^T."""
    with mp.workdps(DIGITS):
        L, m = lower_factor(logvar, lower), _row(mu)
        S = L * L.T
        trace = sum(S[i, i] for i in range(len(mu)))
        return (trace + (m.T * m)[0] - len(mu) - mp.log(mp.det(S))) / 2


def planar_sample(mu, logvar, u, w, b, eps):
    """z_T, and log N(z_0; mu, exp(logvar)) less the log of each layer's whole Jacobian determinant."""
    with mp.workdps(DIGITS):
        k = len(mu)
        deviation = [mp.exp(mp.mpf(float(s)) / 2) for s in logvar]
        z = mp.matrix([mp.mpf(float(m)) + d * mp.mpf(float(e)) for m, d, e in zip(mu, deviation, eps, strict=True)])
        covariance = mp.diag([d * d for d in deviation])
        log_q = log_multivariate_normal(z, mu, covariance)
        for row, (u_t, w_t, b_t) in enumerate(zip(u, w, b, strict=True)):
            u_t, w_t = _row(u_t), _row(w_t)
            inner = (w_t.T * u_t)[0]
            u_hat = u_t + (-1 + mp.log(1 + mp.exp(inner)) - inner) * w_t / (w_t.T * w_t)[0]
            assert (w_t.T * u_hat)[0] > -1, row
            a = (w_t.T * z)[0] + mp.mpf(float(b_t))
            jacobian = mp.eye(k) + (1 - mp.tanh(a) ** 2) * u_hat * w_t.T
            z = z + u_hat * mp.tanh(a)
            log_q -= mp.log(abs(mp.det(jacobian)))
        return list(z), log_q


def full_log_variances(logvar, lower):
    """The logarithms of the diagonal of L L^T."""
    with mp.workdps(DIGITS):
        L = lower_factor(logvar, lower)
        return [mp.log(sum(L[k, j] ** 2 for j in range(k + 1))) for k in range(len(logvar))]


def planar_log_variances(mu, logvar, u, w, b):
    """The logarithms of the diagonal of J diag(exp(logvar)) J^T, J the product of the layers' Jacobians at mu."""
    with mp.workdps(DIGITS):
        k, z = len(mu), _row(mu)
        J = mp.eye(k)
        for u_t, w_t, b_t in zip(map(_row, u), map(_row, w), b, strict=True):
            inner = (w_t.T * u_t)[0]
            u_hat = u_t + (-1 + mp.log(1 + mp.exp(inner)) - inner) * w_t / (w_t.T * w_t)[0]
            a = (w_t.T * z)[0] + mp.mpf(float(b_t))
            J = (mp.eye(k) + (1 - mp.tanh(a) ** 2) * u_hat * w_t.T) * J
            z = z + u_hat * mp.tanh(a)
        variance = [mp.exp(mp.mpf(float(s))) for s in logvar]
        return [mp.log(sum(J[i, j] ** 2 * variance[j] for j in range(k))) for i in range(k)]


def mixture_gradient(z, logits, mean, logvar):
    """d/dz of the log-density: sum_m r_m (mean_m - z) / exp(logvar_m), r by its definition."""
    with mp.workdps(DIGITS):
        densities = []
        for weight, m, s in zip(logits, mean, logvar, strict=True):
            covariance = mp.diag([mp.exp(mp.mpf(float(v))) for v in s])
            densities.append(mp.exp(mp.mpf(float(weight)) + log_multivariate_normal(z, m, covariance)))
        total, gradient = sum(densities), []
        for k in range(len(z)):
            pulls = [
                (mp.mpf(float(m[k])) - mp.mpf(float(z[k]))) / mp.exp(mp.mpf(float(s[k])))
                for m, s in zip(mean, logvar, strict=True)
            ]
            gradient.append(sum(r * pull for r, pull in zip(densities, pulls, strict=True)) / total)
        return gradient


def mixture_log_density(z, logits, mean, logvar):
    """log sum_m softmax(logits)_m N(z; mean_m, exp(logvar_m))."""
    with mp.workdps(DIGITS):
        weights = [mp.exp(mp.mpf(float(v))) for v in logits]
        total = mp.mpf(0)
        for weight, m, s in zip(weights, mean, logvar, strict=True):
            covariance = mp.diag([mp.exp(mp.mpf(float(v))) for v in s])
            total += weight / sum(weights) * mp.exp(log_multivariate_normal(z, m, covariance))
        return mp.log(total)


def gaussian_kl(mu, logvar, mean, other):
    """KL between diagonal Gaussians, dimension by dimension, by quadrature of q (log q - log p): no closed form."""
    with mp.workdps(20):
        total = mp.mpf(0)
        for m, s, a, b in zip(*(map(float, v) for v in (mu, logvar, mean, other)), strict=True):
            deviation, wide = mp.exp(mp.mpf(s) / 2), mp.exp(mp.mpf(b) / 2)

            def ratio(u, m=m, s=s, a=a, b=b, deviation=deviation, wide=wide):
                log_p = -(((m + deviation * u - a) / wide) ** 2 + b) / 2
                return mp.npdf(u) * (-(u * u + s) / 2 - log_p)

            total += mp.quad(ratio, [-14, -4, 0, 4, 14])
        return total


def clustered_kl(mu, logvar, logits, mean, other, gamma=None):
    """sum_c gamma_c (KL_c + log gamma_c - log pi_c); without a gamma the least over all: -log sum_c pi_c e^-KL_c."""
    with mp.workdps(20):
        weights = [mp.exp(mp.mpf(float(v))) for v in logits]
        pi = [w / sum(weights) for w in weights]
        each = [gaussian_kl(mu, logvar, m, s) for m, s in zip(mean, other, strict=True)]
        if gamma is None:
            return -mp.log(sum(p * mp.exp(-kl) for p, kl in zip(pi, each, strict=True)))
        return sum(g * (kl + mp.log(g) - mp.log(p)) for g, kl, p in zip(gamma, each, pi, strict=True))


def cluster_posterior(zs, logits, mean, logvar):
    """The mean over the samples zs (S, K) of p(c|z), by its definition, (M,)."""
    with mp.workdps(DIGITS):
        total = [mp.mpf(0)] * len(logits)
        for z in zs:
            joint = [
                mp.exp(mp.mpf(float(w)) + log_multivariate_normal(z, m, mp.diag([mp.exp(mp.mpf(float(v))) for v in s])))
                for w, m, s in zip(logits, mean, logvar, strict=True)
            ]
            total = [t + j / sum(joint) / len(zs) for t, j in zip(total, joint, strict=True)]
        return total
