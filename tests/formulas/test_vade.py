"""VaDE's bound of the KL: by quadrature, by the complex step, as a bound, at its edges; planted mistakes."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np
import pytest
from models import batch, model
from posterior_checks import assert_gradients, derivatives

import vae_np
from vae_np.formulas import gaussian
from vae_np.formulas.numerics import log_sum_exp, phi
from vae_np.formulas.posteriors import Diagonal
from vae_np.formulas.priors import Mixture, VaDE
from vae_np.formulas.priors.base import KLGradient
from vae_np.support.noise import standard_normal

S, N, K, M = 3, 4, 2, 3
KINDS = ("optimal", "sampled")


def inputs(scale: float = 1.0, seed: int = 0, samples: int = S, n: int = N):
    """Heads, z, the prior's arrays."""
    rng = np.random.default_rng(seed)
    heads = {name: scale * rng.standard_normal((n, K)) for name in ("mu", "logvar")}
    own = {name: scale * rng.standard_normal(shape) for name, shape in VaDE(M).own_shapes(K).items()}
    return heads, Diagonal().sample(heads, rng.standard_normal((samples, n, K)), {}).z, own


def check_value(prior: VaDE, scale: float = 1.0) -> None:
    """The oracle's quadrature has 15 digits or more; here are some roundings of terms as large as those of KL_nc."""
    heads, z, own = inputs(scale)
    kl, _ = prior.kl_forward(heads, z, own)
    assert kl.shape == (N, K)
    for n in range(N):
        arrays = (own["logits"], own["mean"], own["logvar"])
        gamma = None if prior.responsibilities == "optimal" else oracle.cluster_posterior(z[:, n], *arrays)
        right = float(oracle.clustered_kl(heads["mu"][n], heads["logvar"][n], *arrays, gamma))
        m = (heads["mu"][n] - own["mean"]) * np.exp(-own["logvar"] / 2)
        size = 0.5 * (m * m + phi(heads["logvar"][n] - own["logvar"])).sum(axis=1).max() + 3
        assert abs(kl[n].sum() - right) <= 30 * np.finfo(float).eps * size


def check_gradient(prior: VaDE, scale: float = 1.0, even: bool = False) -> None:
    heads, z, own = inputs(scale)
    dkl = np.full((N, K), 0.37) if even else np.random.default_rng(5).standard_normal((N, K))

    def total(a):
        parts = {name: a[name] for name in heads}, a["z"], {name: a[f"p_{name}"] for name in own}
        return (dkl * prior.kl_forward(*parts)[0]).sum()

    _, cache = prior.kl_forward(heads, z, own)
    found = prior.kl_backward(dkl, cache)
    ours = {**found.heads, "z": np.zeros_like(z) if found.dz is None else found.dz}
    ours |= {f"p_{name}": a for name, a in found.own.items()}
    right = derivatives(total, {**heads, "z": z, **{f"p_{name}": a for name, a in own.items()}})
    assert_gradients(ours, right, np.abs(dkl).sum() * (1 + np.abs(cache.each).max()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 3.0])
def test_the_kl_is_that_of_its_definition_by_quadrature(kind, scale):
    check_value(VaDE(M, kind), scale)


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-2, 1.0, 3.0])
def test_the_gradient_is_the_complex_steps(kind, scale, even):
    check_gradient(VaDE(M, kind), scale, even)


class NoChoice(VaDE):
    """Leaves KL(gamma || pi) out."""

    def kl_forward(self, heads, z, own):
        kl, cache = super().kl_forward(heads, z, own)
        return kl - (cache.gamma * (cache.log_gamma - cache.log_pi)).sum(axis=1, keepdims=True) / K, cache


class VarianceForDeviation(VaDE):
    def kl_forward(self, heads, z, own):
        return super().kl_forward({**heads, "logvar": heads["logvar"] / 2}, z, own)


class EvenResponsibilities(VaDE):
    """Takes gamma of the densities alone, without pi."""

    def _terms(self, z, own):
        terms, y, scale = super()._terms(z, own)
        return terms - own["logits"], y, scale


class HeldResponsibilities(VaDE):
    """Takes gamma for a number in the backward pass, as an EM step would."""

    def _pull(self, d, y, scale, own):
        return super()._pull(0 * d, y, scale, own)


class NoWeights(VaDE):
    def kl_backward(self, dkl, cache):
        heads, dz, own = super().kl_backward(dkl, cache)
        return KLGradient(heads, dz, own | {"logits": 0.999 * own["logits"]})


class MeansPushed(VaDE):
    def kl_backward(self, dkl, cache):
        heads, dz, own = super().kl_backward(dkl, cache)
        return KLGradient(heads, dz, own | {"mean": -own["mean"]})


@pytest.mark.parametrize(
    ("mistaken", "check"),
    [
        (NoChoice(M), check_value),
        (NoChoice(M, "sampled"), check_value),
        (VarianceForDeviation(M), check_value),
        (EvenResponsibilities(M, "sampled"), check_value),
        (HeldResponsibilities(M, "sampled"), check_gradient),
        (NoWeights(M), check_gradient),
        (MeansPushed(M), check_gradient),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, VaDE) else value.__name__,
)
def test_a_planted_mistake_fails_its_check(mistaken, check):
    with pytest.raises(AssertionError):
        check(mistaken)


def test_it_bounds_the_kl_to_the_mixture_and_the_optimal_responsibilities_bound_it_best():
    """The KL itself as the mean of log q - log p over many samples, within 5 standard errors."""
    heads, z, own = inputs(2.0, samples=200_000)
    log_q = gaussian.log_normal(z, heads["mu"], heads["logvar"])
    ratio = log_q - Mixture(M).log_density(z, own)
    exact, error = ratio.mean(axis=0), ratio.std(axis=0) / np.sqrt(len(ratio))
    optimal, sampled = (VaDE(M, kind).kl_forward(heads, z[:1000], own)[0].sum(axis=1) for kind in KINDS)
    assert (exact - 5 * error <= optimal).all()
    assert (optimal < sampled).all()
    assert (optimal - exact > 5 * error).any()  # the bound is no equality, nor is the check idle


def test_no_other_responsibilities_have_a_smaller_kl():
    heads, z, own = inputs()
    kl, cache = VaDE(M).kl_forward(heads, z, own)
    rng = np.random.default_rng(1)
    for size in (0.01, 1.0):
        moved = cache.log_gamma + size * rng.standard_normal((50, N, M))
        moved -= log_sum_exp(moved, axis=-1)[..., None]
        other = (np.exp(moved) * (cache.each.sum(axis=-1) + moved - cache.log_pi)).sum(axis=-1)
        assert (other > kl.sum(axis=1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_of_one_standard_component_it_is_the_kl_to_the_standard_normal(kind):
    heads, z, _ = inputs()
    own = {"logits": np.array([0.7]), "mean": np.zeros((1, K)), "logvar": np.zeros((1, K))}
    kl, cache = VaDE(1, kind).kl_forward(heads, z, own)
    np.testing.assert_allclose(kl, gaussian.kl_terms(heads["mu"], heads["logvar"]), rtol=1e-15)
    found = VaDE(1, kind).kl_backward(np.ones((1, 1)), cache)
    for got, right in zip(found.heads.values(), gaussian.kl_backward(np.ones(1), *heads.values()), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-14)
    assert found.own["logits"] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logvar", [-90.0, -1500.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_that_is_out_of_reach_changes_nothing(kind, logvar, dtype):
    """Its KL may be infinite: its responsibility is 0, and value and gradient are those of the others, whose pi have
    the sum 1 - pi_c."""
    heads, z, own = inputs()
    own["mean"][1] = 5
    own["logvar"][1] = logvar
    others = {name: array[[0, 2]] for name, array in own.items()}
    cast = lambda group: {name: array.astype(dtype) for name, array in group.items()}  # noqa: E731
    with np.errstate(over="ignore"):
        kl, cache = VaDE(3, kind).kl_forward(cast(heads), z.astype(dtype), cast(own))
        found = VaDE(3, kind).kl_backward(np.ones((1, 1), dtype), cache)
    right, cache = VaDE(2, kind).kl_forward(cast(heads), z.astype(dtype), cast(others))
    expected = VaDE(2, kind).kl_backward(np.ones((1, 1), dtype), cache)
    lost = log_sum_exp(own["logits"]) - log_sum_exp(others["logits"])
    bound = 100 * N * np.finfo(dtype).eps * (1 + np.abs(cache.each).max())
    np.testing.assert_allclose(kl.sum(axis=1) - lost, right.sum(axis=1), rtol=0, atol=bound)
    for name in heads:
        np.testing.assert_allclose(found.heads[name], expected.heads[name], rtol=0, atol=bound)
    for name in ("mean", "logvar"):
        assert (found.own[name][1] == 0).all()
        np.testing.assert_allclose(found.own[name][[0, 2]], expected.own[name], rtol=0, atol=bound)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("objective", ["elbo", "elbo:free_bits=0.5", "iwae"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_models_gradients_are_right(kind, objective, backend):
    vae = model(prior=VaDE(3, kind), backend=backend)
    x, eps = batch(vae, 2)
    report = vae_np.gradcheck.check_model(vae, x, eps, objective=objective, methods=["complex step"])
    assert report.ok, report.table()
    assert {row.tensor for row in report.rows} >= {"prior.logits", "prior.mean", "prior.logvar", "encoder.0.W"}


def test_the_elbo_takes_the_bound_and_the_evidence_the_mixture_itself():
    vaded, mixed = (model(prior=prior, backend="numpy") for prior in ("vade:components=3", "mixture:components=3"))
    x, _ = batch(vaded)
    eps = standard_normal(0, 0, (2000, len(x), 3))
    assert vaded.elbo(x, eps).kl_is_analytic
    assert not mixed.elbo(x, eps).kl_is_analytic
    assert (vaded.elbo(x, eps).elbo < mixed.elbo(x, eps).elbo).all()
    np.testing.assert_array_equal(vaded.terms(x, eps).log_prior, mixed.terms(x, eps).log_prior)


def test_another_posterior_has_the_kl_at_the_samples():
    assert not model(prior="vade:components=3", posterior="full", backend="numpy").architecture.has_kl


def test_responsibilities_that_are_not_known_are_refused():
    with pytest.raises(ValueError, match="responsibilities must be one of optimal, sampled; got 'best'"):
        VaDE(3, "best")


def test_sampled_responsibilities_have_no_weights_of_samples_and_optimal_ones_have():
    """By 400 nodes in place of samples, the ELBO of the optimal ones is the mean over many samples."""
    sampled, optimal = (model(prior=VaDE(3, kind), latent=2, backend="numpy") for kind in ("sampled", "optimal"))
    x, eps = batch(sampled, 2)
    for call in (
        lambda: vae_np.exact.elbo_and_grad(sampled, x),
        lambda: sampled.loss_and_grad(x, eps, weights=np.full(2, 0.5)),
    ):
        with pytest.raises(ValueError, match="is a mean over equal samples: they cannot have weights"):
            call()
    found = optimal.elbo(x, standard_normal(0, 0, (20_000, len(x), 2)))
    spread = optimal.terms(x, standard_normal(0, 0, (2000, len(x), 2))).log_likelihood.std(axis=0)
    exact = vae_np.exact.elbo_and_grad(optimal, x)
    assert exact.converged
    assert (np.abs(found.elbo - exact.value) <= 5 * spread / np.sqrt(20_000)).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("method", "wrong", "message"),
    [
        ("kl_forward", lambda f: (f[0].sum(axis=1), f[1]), r"the KL must have shape \(5, 3\)"),
        ("kl_forward", lambda f: f[0], "must return the KL and a cache"),
        ("kl_backward", tuple, "must return a KLGradient; it returned a tuple"),
        ("kl_backward", lambda f: f._replace(heads={"mu": f.heads["mu"][0]}), "the array of mu must have shape"),
        ("kl_backward", lambda f: f._replace(own={"a": f.own["mean"]}), "there is no own array 'a'"),
        ("kl_backward", lambda f: f._replace(dz=f.heads["mu"]), "dz must have shape"),
    ],
)
def test_a_wrong_return_is_an_error(method, wrong, message, backend):
    class Wrong(VaDE):
        pass

    setattr(Wrong, method, lambda self, *given: wrong(getattr(VaDE, method)(self, *given)))
    vae = model(prior=Wrong(3), backend=backend)
    with pytest.raises((ValueError, TypeError), match=rf"^Wrong\.{method}:? .*{message}"):
        vae.loss_and_grad(*batch(vae, 2))
    plain = Mixture(3)
    for call in (lambda: plain.kl_forward({}, None, {}), lambda: plain.kl_backward(None, None)):
        with pytest.raises(NotImplementedError, match=r"Mixture\(components=3\) has no KL of its own"):
            call()
