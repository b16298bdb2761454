"""Every posterior passes every check, at every size; each planted mistake fails those that it concerns."""

from __future__ import annotations

import numpy as np
import pytest
from posterior_checks import CASES, CHECKS, K, N, S, check_backward, check_sample, inputs

from vae_np.formulas import gaussian
from vae_np.formulas.posteriors import POSTERIORS, Diagonal, Full, Planar, Posterior
from vae_np.formulas.posteriors.base import Gradient, Sample


def test_every_posterior_has_a_case():
    ours = {cls for cls in POSTERIORS.values() if cls.__module__.startswith("vae_np.")}
    assert {type(case) for case in CASES.values()} == ours


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", CASES)
def test_a_posterior_passes_every_check(name, check):
    CHECKS[check](CASES[name])


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 3.0])
@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("name", CASES)
def test_samples_and_densities_are_exact_at_every_size(name, k, scale):
    check_sample(CASES[name], k=k, scale=scale)
    check_backward(CASES[name], k=k, scale=scale)


# ---- planted mistakes


class VarianceForDeviation(Diagonal):
    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        return Sample(heads["mu"] + np.exp(heads["logvar"]) * eps, found.log_q, found.cache)

    def backward(self, dz, dlog_q, cache):  # consistent with the wrong sampler: a gradient check passes
        dlogvar = (dz * cache.eps * np.exp(cache.logvar)).sum(axis=0)
        if dlog_q is not None:
            dlogvar = dlogvar - 0.5 * dlog_q.sum(axis=0)[:, None]
        return Gradient({"mu": dz.sum(axis=0), "logvar": dlogvar}, {})


class UpperFactor(Full):
    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        z = heads["mu"] + np.einsum("njk,snj->snk", found.cache.L, eps)
        return Sample(z, found.log_q, found.cache)


class NoTranspose(Full):
    def score(self, cache):
        return -np.stack([np.linalg.solve(cache.L, eps[..., None])[..., 0] for eps in cache.eps])


class DeterminantHalved(Full):
    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        return found._replace(log_q=found.log_q + 0.25 * heads["logvar"].sum(axis=-1))


class DeterminantAdded(Planar):
    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        base = gaussian.log_normal_at_noise(eps, heads["logvar"])
        return found._replace(log_q=2 * base - found.log_q)


class ScoreOfTheBase(Planar):
    def score(self, cache):
        return Diagonal().score(cache.base)


class FlowsInOrder(Planar):
    def backward(self, dz, dlog_q, cache):
        return super().backward(dz, dlog_q, cache._replace(layers=cache.layers[::-1]))


class NoDeterminantBackward(Planar):
    def backward(self, dz, dlog_q, cache):
        own = super().backward(dz, None, cache).own
        return super().backward(dz, dlog_q, cache)._replace(own=own)


class DirectPartForgotten(Full):
    def log_q_backward(self, rest, direct, cache):
        return super().log_q_backward(rest, 0 * direct, cache)


@pytest.mark.parametrize(
    ("mistaken", "checks"),
    [
        (VarianceForDeviation(), {"check_sample", "check_normalised"}),
        (UpperFactor(), {"check_sample", "check_backward"}),
        (NoTranspose(), {"check_score"}),
        (DeterminantHalved(), {"check_sample", "check_normalised"}),
        (DeterminantAdded(3), {"check_sample", "check_normalised"}),
        (ScoreOfTheBase(3), {"check_score"}),
        (FlowsInOrder(3), {"check_backward"}),
        (NoDeterminantBackward(3), {"check_backward"}),
        (DirectPartForgotten(), {"check_parts"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Posterior) else "",
)
def test_a_planted_mistake_fails_its_checks(mistaken, checks):
    for name in checks:
        with pytest.raises(AssertionError):
            CHECKS[name](mistaken)


def test_a_wrong_sampler_with_its_own_backward_passes_the_gradient_check_alone():
    check_backward(VarianceForDeviation())


@pytest.mark.parametrize("name", CASES)
def test_samples_without_a_score_to_weigh_keep_an_infinite_one_out(name):
    """Example 0 has a sigma that underflows and an infinite score, and no sample of it has a rest to weigh that by."""
    heads, eps, own = inputs(CASES[name])
    heads["logvar"][0] = -2000.0
    rest = np.ones((S, N))
    rest[:, 0] = 0
    found = CASES[name].log_q_backward(rest, np.ones((S, N)), CASES[name].sample(heads, eps, own).cache)
    for array in (*found.heads.values(), *found.own.values()):
        assert np.isfinite(array).all()
    np.testing.assert_array_equal(found.heads["logvar"][0], np.full(K, -S / 2))


def test_the_factor_s_gradient_does_not_lose_digits_with_the_samples():
    """100,000 equal terms, which one running float32 sum adds with an error of 1e-4 of itself."""
    s, heads = (
        100_000,
        {name: np.full((1, 2 - (name == "lower")), 0.3, np.float32) for name in ("mu", "logvar", "lower")},
    )
    eps, dz = np.full((s, 1, 2), 1.1, np.float32), np.full((s, 1, 2), 0.1, np.float32)
    cache = Full().sample(heads, eps, {}).cache
    found = Full().backward(dz, None, cache).heads["lower"]
    term = float(np.float32(1.1)) * float(np.float32(0.1))
    assert abs(float(found[0, 0]) - s * term) <= 4 * 64 * 2.0**-24 * s * term
