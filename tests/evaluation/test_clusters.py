"""The mixture on posteriors, by what EM must reach, and who belongs where by the definition."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np
import pytest
from models import batch, model

import vae_np
from vae_np.evaluation import clusters
from vae_np.evaluation.clusters import cluster_probabilities, fit_mixture, sample_clusters, with_clusters
from vae_np.formulas.priors import Mixture, VaDE
from vae_np.support.noise import standard_normal

N, K, M = 200, 3, 3


def posteriors(seed: int = 0):
    """Means of three groups that overlap, log-variances of the order of their spread."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=(N, K)) + 3 * rng.integers(0, 2, size=(N, 1)) * [1, -1, 0.5]
    return mu, -1 + 0.5 * rng.normal(size=(N, K))


def slope() -> float:
    """The largest entry of the gradient of VaDE's mean KL with respect to the prior that EM ended at."""
    mu, logvar = posteriors()
    found = fit_mixture(mu, M, variance=np.exp(logvar), restarts=2, tolerance=0, most=5000)
    own = {name: getattr(found, name) for name in ("logits", "mean", "logvar")}
    kl, cache = VaDE(M).kl_forward({"mu": mu, "logvar": logvar}, mu[None], own)
    entropy = 0.5 * (logvar + 1 + np.log(2 * np.pi)).sum(axis=1)
    assert -kl.sum(axis=1).mean() - entropy.mean() == pytest.approx(found.bound, rel=1e-12)
    down = VaDE(M).kl_backward(np.full((1, 1), 1 / N), cache).own
    return max(np.abs(array).max() for array in down.values())


def test_em_on_posteriors_ends_where_the_gradient_of_vades_kl_vanishes():
    """Two derivations of the same optimum. EM stops where rounding lets the bound rise no more: its slope is then of
    the order of the root of eps."""
    assert slope() < 1e-6


def test_an_m_step_that_forgets_the_posteriors_variances_does_not_end_there(monkeypatch):
    right = clusters._m_step
    monkeypatch.setattr(clusters, "_m_step", lambda x, v, gamma, floor: right(x, 0 * v, gamma, floor))
    assert slope() > 1e-3


def test_the_bound_of_points_is_their_log_likelihood_and_no_step_lowers_it():
    mu, _ = posteriors()
    bounds = []
    for most in range(1, 30):
        found = fit_mixture(mu, M, restarts=1, most=most, tolerance=0)
        bounds.append(found.bound)
    assert (np.diff(bounds) > -1e-12).all()
    assert bounds[-1] > bounds[0] + 0.01
    found = fit_mixture(mu, M, tolerance=0, most=2000)
    own = {name: getattr(found, name) for name in ("logits", "mean", "logvar")}
    assert found.bound == pytest.approx(Mixture(M).log_density(mu[None], own).mean(), rel=1e-12)
    np.testing.assert_allclose(
        found.probabilities(mu), Mixture(M).component_probabilities(mu[None], own)[0], atol=1e-12
    )


def test_no_step_of_k_means_raises_the_sum_of_squares_and_at_its_end_no_row_moves():
    mu, _ = posteriors()
    sums = []
    for most in range(1, 30):
        found = fit_mixture(mu, 8, by="k-means", restarts=1, most=most)
        distance = ((mu[:, None] - found.mean) ** 2).sum(axis=-1)
        sums.append(distance.min(axis=1).sum())
    assert (np.diff(sums) <= 1e-9).all()
    assert sums[-1] < sums[0]
    assert found.steps < 29
    owner = distance.argmin(axis=1)
    np.testing.assert_allclose(found.mean, [mu[owner == c].mean(axis=0) for c in range(8)], atol=1e-12)
    np.testing.assert_allclose(np.exp(found.logits), np.bincount(owner, minlength=8) / N, rtol=1e-6)


def test_an_empty_cluster_begins_anew_at_the_row_that_is_farthest(monkeypatch):
    x = np.concatenate([np.zeros((5, 2)), np.ones((5, 2)), [[9.0, 9.0]]])
    monkeypatch.setattr(clusters, "_drawn", lambda x, components, generator: np.repeat([0, 1], [5, 6]))
    found = fit_mixture(x, 3, by="k-means", restarts=1)
    np.testing.assert_allclose(np.sort(found.mean[:, 0]), [0, 1, 9], atol=1e-9)


def test_the_bound_does_not_depend_on_where_the_rows_lie():
    """By as much as their digits are moved, 1e-4 of 1e12: 2.9 nats were lost to a constant that was added to a sum."""
    mu, logvar = posteriors()
    near = fit_mixture(mu, M, variance=np.exp(logvar), restarts=2)
    for far in (-1e9, 1e12):
        found = fit_mixture(mu + far, M, variance=np.exp(logvar), restarts=2)
        assert found.bound == pytest.approx(near.bound, abs=1e-3)
        np.testing.assert_allclose(found.mean - far, near.mean, atol=2e-2)


def test_one_component_has_the_mean_and_the_whole_variance():
    mu, logvar = posteriors()
    found = fit_mixture(mu, 1, variance=np.exp(logvar), restarts=1)
    np.testing.assert_allclose(found.mean[0], mu.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(np.exp(found.logvar[0]), mu.var(axis=0) + np.exp(logvar).mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    "x", [np.ones((5, 2)), np.arange(6.0).reshape(3, 2), np.column_stack([np.arange(9.0), np.ones(9)])], ids=len
)
@pytest.mark.parametrize("by", ["em", "k-means"])
def test_rows_that_are_equal_or_as_few_as_clusters_leave_finite_numbers(x, by):
    found = fit_mixture(x, 3, by=by)
    assert all(np.isfinite(part).all() for part in found)
    np.testing.assert_allclose(found.probabilities(x).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.ones((2, 2)), {}, "x must be .* with N at least components=3"),
        (np.full((4, 2), np.nan), {}, "x must be .*finite"),
        (np.ones((4, 2)), {"variance": np.ones((4, 1))}, "variance must have x's shape"),
        (np.ones((4, 2)), {"variance": -np.ones((4, 2))}, "not be negative"),
        (np.ones((4, 2)), {"restarts": 0}, "restarts must be at least 1"),
    ],
)
def test_what_is_no_set_of_points_is_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        fit_mixture(x, 3, **options)


def test_probabilities_are_the_mean_over_samples_of_the_definition_and_a_rows_own():
    vae = model(prior="vade:components=3", backend="numpy")
    x, _ = batch(vae)
    found = cluster_probabilities(vae, x, 4)
    mu, logvar = vae.encode(x)
    eps = standard_normal(0, 0, (4, 1, 3), purpose="common")
    own = vae.architecture.own(vae.parameters, "prior")
    for n in range(len(x)):
        z = mu[n] + np.exp(logvar[n] / 2) * eps[:, 0]
        right = np.array(oracle.cluster_posterior(z, own["logits"], own["mean"], own["logvar"]), float)
        np.testing.assert_allclose(found[n], right, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(cluster_probabilities(vae, x[2:4], 4), found[2:4], rtol=1e-12)
    with pytest.raises(ValueError, match="clusters are those of a mixture prior"):
        cluster_probabilities(model(backend="numpy"), x)


def test_many_rows_are_taken_in_blocks(monkeypatch):
    vae = model(prior="vade:components=3", backend="numpy")
    x, _ = batch(vae, n=7)
    whole = cluster_probabilities(vae, x, 4)
    monkeypatch.setattr(clusters, "BLOCK", 9)
    np.testing.assert_allclose(cluster_probabilities(vae, x, 4), whole, rtol=1e-12)


@pytest.mark.parametrize("by", ["em", "k-means"])
@pytest.mark.parametrize("of", ["means", "posteriors"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_with_clusters_has_the_same_networks_and_a_better_prior_than_none(dtype, of, by):
    vae = model(likelihood="gaussian", scale="standard", backend="numpy", dtype=dtype)
    x = np.random.default_rng(0).normal(5, 3, size=(60, 7)).astype(dtype)
    vae.start_scaling(x)
    made = with_clusters(vae, x, 3, of=of, by=by)
    assert made.prior == VaDE(3)
    assert made.dtype == vae.dtype
    for name in vae.parameters:
        np.testing.assert_array_equal(made.parameters[name], vae.parameters[name])
    np.testing.assert_array_equal(made.encode(x)[0], vae.encode(x)[0])
    eps = standard_normal(0, 0, (5, 60, 3), dtype)
    assert made.elbo(x, eps).kl.mean() < vae.elbo(x, eps).kl.mean()
    with pytest.raises(ValueError, match="of must be means or posteriors"):
        with_clusters(vae, x, 3, of="rows")
    with pytest.raises(ValueError, match="clusters need the diagonal posterior"):
        with_clusters(model(posterior="full", backend="numpy"), x, 3)


def test_the_prior_of_k_means_is_each_clusters_mean_and_variance_of_z():
    """Var[z] of a cluster's rows: that of their means and the mean of their posteriors' variances."""
    vae = model(likelihood="gaussian", backend="numpy")
    x = np.random.default_rng(0).normal(size=(60, 7))
    mu, logvar = vae.encode(x)
    own = with_clusters(vae, x, 3).architecture.own(with_clusters(vae, x, 3).parameters, "prior")
    owner = ((mu[:, None] - own["mean"]) ** 2).sum(axis=-1).argmin(axis=1)
    for c in range(3):
        mine = owner == c
        np.testing.assert_allclose(own["mean"][c], mu[mine].mean(axis=0), atol=1e-9)
        variance = mu[mine].var(axis=0) + np.exp(logvar[mine]).mean(axis=0)
        np.testing.assert_allclose(np.exp(own["logvar"][c]), variance, rtol=1e-6)


def test_draws_come_by_weight_from_their_clusters():
    vae = vae_np.VAE(
        2, hidden=(), latent=2, likelihood=vae_np.Gaussian(0.01), prior="vade:components=2", backend="numpy"
    )
    vae.parameters["decoder.out.W"][...] = np.eye(2)
    for name, value in {
        "logits": np.log([0.25, 0.75]),
        "mean": [[-5, 0], [5, 0]],
        "logvar": [[0, -4], [-2, 0]],
    }.items():
        vae.parameters[f"prior.{name}"][...] = value
    x, c = sample_clusters(vae, 20_000)
    assert abs((c == 1).mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 20_000)
    np.testing.assert_array_equal(x[:, 0] > 0, c == 1)
    for cluster in (0, 1):
        variance = np.exp(vae.parameters["prior.logvar"][cluster]) + 0.01**2
        one, label = sample_clusters(vae, 20_000, cluster=cluster)
        assert (label == cluster).all()
        for mine in (one, x[c == cluster]):
            assert (np.abs(mine.var(axis=0) / variance - 1) < 5 * np.sqrt(2 / len(mine))).all()
    with pytest.raises(ValueError, match="cluster must be below 2; got 2"):
        sample_clusters(vae, 1, cluster=2)
    with pytest.raises(ValueError, match="clusters are those of a mixture prior"):
        sample_clusters(model(backend="numpy"), 1)
