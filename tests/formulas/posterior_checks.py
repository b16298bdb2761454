"""The checks that every posterior passes and planted mistakes fail: oracle, complex step, density of the samples."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np

from vae_np.formulas import gaussian
from vae_np.formulas.posteriors import Diagonal, Full, Planar, Posterior
from vae_np.support.noise import standard_normal

S, N, K = 4, 3, 5
STEP = 1e-30
CASES: dict[str, Posterior] = {"diagonal": Diagonal(), "full": Full(), "planar": Planar(3)}


def inputs(posterior: Posterior, k: int = K, n: int = N, samples: int = S, seed: int = 0, scale: float = 1.0):
    """Heads, noise and own arrays of order ``scale``, none of them 0."""
    rng = np.random.default_rng(seed)
    heads = {name: scale * rng.standard_normal((n, width)) for name, width in posterior.heads(k).items()}
    own = {name: scale * rng.standard_normal(shape) for name, shape in posterior.own_shapes(k).items()}
    return heads, rng.standard_normal((samples, n, k)), own


def exact_sample(posterior: Posterior, heads, own, eps):
    """z and log q of one example and one sample, by the oracle."""
    mu, logvar = heads["mu"], heads["logvar"]
    if isinstance(posterior, Planar):
        return oracle.planar_sample(mu, logvar, own["u"], own["w"], own["b"], eps)
    lower = heads.get("lower", np.zeros(len(mu) * (len(mu) - 1) // 2))
    return oracle.full_sample(mu, logvar, lower, eps)


# ---- the checks, which planted mistakes must fail


def check_sample(posterior: Posterior, rtol: float = 1e-13, **how) -> None:
    """z and log q within a few ULP of the largest term."""
    heads, eps, own = inputs(posterior, **how)
    z, log_q, _ = posterior.sample(heads, eps, own)
    for s in range(len(eps)):
        for n in range(eps.shape[1]):
            one = {name: head[n] for name, head in heads.items()}
            exact_z, exact_log_q = exact_sample(posterior, one, own, eps[s, n])
            size = 1 + max(np.abs(a).max() for a in (eps[s, n], *one.values(), *own.values()))
            assert np.abs(z[s, n] - np.array(exact_z, float)).max() <= rtol * size**2
            assert abs(log_q[s, n] - float(exact_log_q)) <= rtol * size**2 * eps.shape[2]


def check_score(posterior: Posterior, **how) -> None:
    """Along a change v of the noise, the change of log q less that of its terms in the noise: d log q = score . dz."""
    heads, eps, own = inputs(posterior, **how)
    v = np.random.default_rng(9).standard_normal(eps.shape)
    moved = posterior.sample(heads, eps + 1j * STEP * v, own)
    score = posterior.score(posterior.sample(heads, eps, own).cache)
    right, found = moved.log_q.imag / STEP, (score * moved.z.imag / STEP).sum(axis=-1)
    assert np.abs(found - right).max() <= 1e-12 * np.abs(right).max()


def derivatives(function, arrays):
    """The complex step through every entry of the named arrays."""
    found = {}
    for name, array in arrays.items():
        found[name] = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[index] += 1j * STEP
            found[name][index] = np.imag(function({**arrays, name: moved})) / STEP
    return found


def assert_gradients(found, right, terms: float = 0.0) -> None:
    """Within 1e-12 of each array's largest entry, or a few ULP of the ``terms`` whose sum may cancel."""
    assert found.keys() == right.keys()
    for name in right:
        assert found[name].shape == right[name].shape, name
        error, largest = np.abs(found[name] - right[name]).max(), np.abs(right[name]).max()
        assert error <= 1e-12 * largest + 4 * np.finfo(float).eps * terms, f"{name}: {error:.1e} of {largest:.1e}"


def check_backward(posterior: Posterior, **how) -> None:
    """`backward`, with and without log q."""
    heads, eps, own = inputs(posterior, **how)
    rng = np.random.default_rng(8)
    dz, dlog_q = rng.standard_normal(eps.shape), rng.standard_normal(eps.shape[:2])
    cache = posterior.sample(heads, eps, own).cache
    for weight in (dlog_q, None):

        def total(arrays, weight=weight):
            z, log_q, _ = posterior.sample({n: arrays[n] for n in heads}, eps, {n: arrays[n] for n in own})
            return (dz * z).sum() + (0 if weight is None else (weight * log_q).sum())

        found = posterior.backward(dz, weight, cache)
        assert_gradients({**found.heads, **found.own}, derivatives(total, {**heads, **own}))


def check_parts(posterior: Posterior, **how) -> None:
    """`log_q_backward` of rest and direct is d T - rest score dz/dphi."""
    heads, eps, own = inputs(posterior, **how)
    rng = np.random.default_rng(7)
    rest, direct = rng.standard_normal((2, *eps.shape[:2]))
    cache = posterior.sample(heads, eps, own).cache
    score = posterior.score(cache)

    def total(arrays):
        z, log_q, _ = posterior.sample({n: arrays[n] for n in heads}, eps, {n: arrays[n] for n in own})
        return (direct * log_q).sum() - (rest * (score * z).sum(axis=-1)).sum()

    found = posterior.log_q_backward(rest, direct, cache)
    assert_gradients({**found.heads, **found.own}, derivatives(total, {**heads, **own}))


def check_normalised(posterior: Posterior) -> None:
    """The mean of N(z; 0, I) / q(z) over q's samples is 1: log q is the density of what the sampler draws."""
    heads, _, own = inputs(posterior, k=2, n=1, scale=0.5)
    heads["logvar"] = heads["logvar"] + 1.0  # wide enough that the ratio has a variance
    eps = standard_normal(3, 0, (200_000, 1, 2))
    z, log_q, _ = posterior.sample(heads, eps, own)
    ratio = np.exp(gaussian.log_standard_normal(z) - log_q)
    error = ratio.std() / np.sqrt(ratio.size)
    assert abs(ratio.mean() - 1) <= 5 * error, (ratio.mean(), error)
    assert error < 0.01


CHECKS = {check.__name__: check for check in (check_sample, check_score, check_backward, check_parts, check_normalised)}
