"""The latent stage's kernels: sampler, KL and densities in one loop each, and their backward passes.

Shapes: mu, logvar, sigma, kl (N, K); eps, z, dz (S, N, K); one weight a sample (S, N).
``sums`` are a thread's `Columns`, (2 K,), room for sums over more samples than a block has. Each takes the
examples [n0, n1). Loops with elementary functions go over all their numbers as one row, since K may be less than a
vector has lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.formulas.numerics import LOG_2PI
from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import loop, unsigned
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import block_sum
from vae_np.kernels.loops.sums import BLOCK, ROWS, add, bring_back, clear, put_away, rounded
from vae_np.kernels.math import elementary

_ZERO = np.float64(0)


@loop
def forward(mu: Any, mu_b: Any, logvar: Any, logvar_b: Any, eps: Any, sigma: Any, kl: Any, z: Any,
            n0: Any, n1: Any) -> None:  # fmt: skip
    """Mu and logvar get their biases; sigma = e^(logvar/2), KL = (mu^2 + phi(logvar))/2, z = mu + sigma eps."""
    samples, n, k = eps.shape
    half = typed(mu[0, 0], 0.5)
    for i in range(unsigned(n0), unsigned(n1)):
        for j in range(k):
            mu[i, j] += mu_b[j]
            logvar[i, j] += logvar_b[j]
    m, s, deviation, divergence = mu.reshape(-1), logvar.reshape(-1), sigma.reshape(-1), kl.reshape(-1)
    noise, latent = eps.reshape(samples, n * k), z.reshape(samples, n * k)
    for p in range(unsigned(n0 * k), unsigned(n1 * k)):
        deviation[p] = elementary.exp(half * s[p])
        divergence[p] = half * fused(m[p], m[p], elementary.phi(s[p]))
    for t in range(samples):
        for p in range(unsigned(n0 * k), unsigned(n1 * k)):
            latent[t, p] = fused(deviation[p], noise[t, p], m[p])


@loop
def backward(
    dz: Any, eps: Any, mu: Any, logvar: Any, sigma: Any, dkl: Any, dmu: Any, dlogvar: Any, sums: Any,
    n0: Any, n1: Any
) -> None:  # fmt: skip
    """Dmu = sum_s dz + dkl mu, dlogvar = sum_s dz eps sigma/2 + dkl expm1(logvar)/2; dkl (N, K)."""
    samples, _, k = eps.shape
    half = typed(mu[0, 0], 0.5)
    clear(sums, 0, 2 * k)
    weight, m, s = dkl.reshape(-1), mu.reshape(-1), logvar.reshape(-1)
    dm, ds = dmu.reshape(-1), dlogvar.reshape(-1)
    for p in range(unsigned(n0 * k), unsigned(n1 * k)):
        dm[p] = weight[p] * m[p]
        ds[p] = weight[p] * half * elementary.expm1(s[p])
    for i in range(unsigned(n0), unsigned(n1)):
        for t in range(samples):
            if t > 0 and t % ROWS == 0:
                put_away(dmu, i, sums, 0)
                put_away(dlogvar, i, sums, k)
            for j in range(k):
                dmu[i, j] += dz[t, i, j]
                dlogvar[i, j] = fused(dz[t, i, j] * half, eps[t, i, j] * sigma[i, j], dlogvar[i, j])
        if samples > ROWS:
            bring_back(dmu, i, sums, 0)
            bring_back(dlogvar, i, sums, k)


@loop
def densities(z: Any, eps: Any, logvar: Any, log_prior: Any, log_posterior: Any, terms: Any,
              n0: Any, n1: Any) -> None:  # fmt: skip
    """Log p(z) = -1/2 sum (z^2 + log 2 pi) and log q(z|x) = -1/2 sum (eps^2 + logvar + log 2 pi), (S, N).

    ``terms`` (`BLOCK`,) is room for a block.
    """
    samples, _, k = eps.shape
    half, constant = typed(z[0, 0, 0], 0.5), np.float64(k * LOG_2PI)
    for t in range(samples):
        for i in range(unsigned(n0), unsigned(n1)):
            prior = posterior = constant
            prior_lost = posterior_lost = _ZERO
            for begin in range(0, k, BLOCK):
                end = min(begin + BLOCK, k)
                for j in range(unsigned(begin), unsigned(end)):
                    terms[j - unsigned(begin)] = z[t, i, j] * z[t, i, j]
                prior, prior_lost = add(prior, prior_lost, block_sum(terms, 0, end - begin))
                for j in range(unsigned(begin), unsigned(end)):
                    terms[j - unsigned(begin)] = fused(eps[t, i, j], eps[t, i, j], logvar[i, j])
                posterior, posterior_lost = add(posterior, posterior_lost, block_sum(terms, 0, end - begin))
            log_prior[t, i] = -half * rounded(prior, prior_lost, half)
            log_posterior[t, i] = -half * rounded(posterior, posterior_lost, half)


@loop
def prior_backward(dz: Any, z: Any, prior: Any, path: Any, n0: Any, n1: Any) -> None:
    """Dz = (dz - prior z) path, a weight of each a sample (S, N)."""
    samples, _, k = z.shape
    for t in range(samples):
        for i in range(unsigned(n0), unsigned(n1)):
            for j in range(k):
                dz[t, i, j] = fused(-prior[t, i], z[t, i, j], dz[t, i, j]) * path[t, i]


@loop
def posterior_backward(
    rest: Any, direct: Any, eps: Any, sigma: Any, dmu: Any, dlogvar: Any, sums: Any,
    n0: Any, n1: Any
) -> None:  # fmt: skip
    """Adds log q's part: rest eps / sigma to dmu, (rest eps^2 - direct)/2 to dlogvar; weights (S, N).

    A rest of 0 adds nothing to dmu, whatever sigma: where it is 0 too, 0 eps / sigma would be NaN.
    """
    samples, _, k = eps.shape
    zero, half = typed(eps[0, 0, 0], 0.0), typed(eps[0, 0, 0], 0.5)
    clear(sums, 0, 2 * k)
    for i in range(unsigned(n0), unsigned(n1)):
        for t in range(samples):
            if t > 0 and t % ROWS == 0:
                put_away(dmu, i, sums, 0)
                put_away(dlogvar, i, sums, k)
            for j in range(k):
                e = eps[t, i, j]
                dmu[i, j] += zero if rest[t, i] == zero else rest[t, i] * (e / sigma[i, j])
                dlogvar[i, j] = fused(half, fused(rest[t, i], e * e, -direct[t, i]), dlogvar[i, j])
        if samples > ROWS:
            bring_back(dmu, i, sums, 0)
            bring_back(dlogvar, i, sums, k)
