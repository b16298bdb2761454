"""Posteriors: sampler and density against the oracle, derivatives by the complex step, planted mistakes."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np
import pytest

from vae_np.formulas import gaussian
from vae_np.formulas.posteriors import POSTERIORS, Diagonal, Full, Planar, Posterior
from vae_np.formulas.posteriors.base import Gradient, Sample
from vae_np.formulas.posteriors.full import solve_transposed
from vae_np.formulas.priors import Mixture, Standard
from vae_np.support.noise import standard_normal

S, N, K = 4, 3, 5
STEP = 1e-30
CASES: dict[str, Posterior] = {"diagonal": Diagonal(), "full": Full(), "planar": Planar(3)}


def test_every_posterior_has_a_case():
    ours = {cls for cls in POSTERIORS.values() if cls.__module__.startswith("vae_np.")}
    assert {type(case) for case in CASES.values()} == ours


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
            np.testing.assert_allclose(z[s, n], np.array(exact_z, float), rtol=0, atol=rtol * size**2)
            assert abs(log_q[s, n] - float(exact_log_q)) <= rtol * size**2 * eps.shape[2]


def check_score(posterior: Posterior, **how) -> None:
    """Along a change v of the noise, the change of log q less that of its terms in the noise: d log q = score . dz."""
    heads, eps, own = inputs(posterior, **how)
    v = np.random.default_rng(9).standard_normal(eps.shape)
    moved = posterior.sample(heads, eps + 1j * STEP * v, own)
    score = posterior.score(posterior.sample(heads, eps, own).cache)
    right, found = moved.log_q.imag / STEP, (score * moved.z.imag / STEP).sum(axis=-1)
    np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-12 * np.abs(right).max())


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


# ---- KL


@pytest.mark.parametrize("scale", [1e-6, 1.0, 5.0])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_full_kl_is_that_of_the_matrices(k, scale):
    heads, _, _ = inputs(Full(), k=k, scale=scale)
    terms = Full().kl_terms(heads, {}, Standard(), {})
    assert terms.shape == (N, k)
    assert (terms >= 0).all()
    for n in range(N):
        lower = heads["lower"][n] if k > 1 else []
        right = oracle.full_kl(heads["mu"][n], heads["logvar"][n], lower)
        assert abs(terms[n].sum() - float(right)) <= 1e-15 * (k + 2) * float(abs(right)) + 1e-300


def test_a_full_posterior_without_entries_below_the_diagonal_is_the_diagonal_one():
    heads, eps, _ = inputs(Full())
    heads["lower"] = 0 * heads["lower"]
    for found, right in zip(Full().sample(heads, eps, {})[:2], Diagonal().sample(heads, eps, {})[:2], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-14)
    kl = Full().kl_terms(heads, {}, Standard(), {})
    np.testing.assert_array_equal(kl, Diagonal().kl_terms(heads, {}, Standard(), {}))


@pytest.mark.parametrize("name", ["diagonal", "full"])
def test_the_kls_gradient_is_the_complex_steps(name):
    posterior = CASES[name]
    heads, _, _ = inputs(posterior)
    dkl = np.random.default_rng(6).standard_normal((N, K))
    found, down = posterior.kl_backward(dkl, heads, {}, Standard(), {})
    right = derivatives(lambda h: (dkl * posterior.kl_terms(h, {}, Standard(), {})).sum(), heads)
    assert_gradients(found.heads, right)
    assert not down
    one, _ = posterior.kl_backward(np.full((1, 1), 0.37), heads, {}, Standard(), {})
    whole, _ = posterior.kl_backward(np.full((N, K), 0.37), heads, {}, Standard(), {})
    assert_gradients(one.heads, whole.heads)


@pytest.mark.parametrize("name", ["diagonal", "full"])
def test_the_kl_is_the_mean_of_the_log_ratio(name):
    posterior = CASES[name]
    heads, _, _ = inputs(posterior)
    z, log_q, _ = posterior.sample(heads, standard_normal(5, 0, (100_000, N, K)), {})
    ratio = log_q - gaussian.log_standard_normal(z)
    error = ratio.std(axis=0) / np.sqrt(len(ratio))
    kl = posterior.kl_terms(heads, {}, Standard(), {}).sum(axis=1)
    assert (np.abs(ratio.mean(axis=0) - kl) <= 5 * error).all()


def test_which_kls_have_a_closed_form():
    for name, posterior in CASES.items():
        assert posterior.has_kl(Standard()) == (name != "planar")
        assert not posterior.has_kl(Mixture(2))
    heads, _, own = inputs(Planar(3))
    for call in (
        lambda: Planar(3).kl_terms(heads, own, Standard(), {}),
        lambda: Planar(3).kl_backward(np.ones((1, 1)), heads, own, Standard(), {}),
    ):
        with pytest.raises(NotImplementedError, match=r"no closed form of KL\(Planar\(flows=3\) \|\| Standard\(\)\)"):
            call()


# ---- moments and other facts


@pytest.mark.parametrize("name", ["diagonal", "full"])
def test_gaussian_moments_are_those_of_the_samples(name):
    posterior = CASES[name]
    heads, _, _ = inputs(posterior)
    z = posterior.sample(heads, standard_normal(4, 0, (100_000, N, K)), {}).z
    mean, logvar = posterior.moments(heads, {})
    deviation = np.exp(logvar / 2)
    assert (np.abs(z.mean(axis=0) - mean) <= 5 * deviation / np.sqrt(len(z))).all()
    assert (np.abs(z.var(axis=0) / deviation**2 - 1) <= 5 * np.sqrt(2 / len(z))).all()


def test_the_flows_moments_are_those_of_a_narrow_posterior():
    heads, _, own = inputs(Planar(3))
    heads["logvar"] = heads["logvar"] - 18
    z = Planar(3).sample(heads, standard_normal(4, 0, (100_000, N, K)), own).z
    mean, logvar = Planar(3).moments(heads, own)
    deviation = np.exp(logvar / 2)
    assert (np.abs(z.mean(axis=0) - mean) <= 6 * deviation / np.sqrt(len(z)) + 1e-5 * deviation).all()
    assert (np.abs(z.std(axis=0) / deviation - 1) <= 0.02).all()


@pytest.mark.parametrize("inner", [-40.0, -5.0, 0.0, 40.0])
def test_a_layer_stays_invertible_and_exact_at_the_edge_of_its_constraint(inner):
    """w . u far below 0 puts w . u^ a hair above -1, where 1 + w . u^ has lost all digits and the determinant none."""
    w, b = np.array([[0.8, -0.6]]), np.array([0.0])
    own = {"u": inner * w, "w": w, "b": b}
    heads = {"mu": np.array([[1e-9, 2e-9]]), "logvar": np.array([[-60.0, -60.0]])}
    eps = np.array([[[0.3, -0.2]]])
    z, log_q, _ = Planar(1).sample(heads, eps, own)
    exact_z, exact = oracle.planar_sample(heads["mu"][0], heads["logvar"][0], own["u"], w, b, eps[0, 0])
    assert abs(log_q[0, 0] - float(exact)) <= 1e-13 * (1 + abs(float(exact)))
    np.testing.assert_allclose(z[0, 0], np.array(exact_z, float), rtol=1e-12)


def test_the_start_of_a_flow_is_near_the_identity_and_moves():
    posterior = Planar(4)
    own = posterior.own_start(K, np.random.default_rng(0))
    own["b"] = np.zeros(4)
    heads, eps, _ = inputs(posterior)
    z, _, cache = posterior.sample(heads, eps, own)
    assert 0 < np.abs(z - Diagonal().sample(heads, eps, {}).z).max() < 3
    gradient = posterior.backward(z, None, cache).own
    assert all((np.abs(gradient[name]) > 0).all() for name in "uwb")


def test_back_substitution_solves_the_transposed_system():
    L, b = np.tril(np.random.default_rng(1).standard_normal((N, K, K))) + 2 * np.eye(K), np.ones((S, N, K))
    np.testing.assert_allclose(np.einsum("njk,snj->snk", L, solve_transposed(L, b)), b, rtol=1e-12)


@pytest.mark.parametrize("flows", [0, -1, 1.5, "2", True])
def test_a_number_of_flows_that_makes_no_sense_is_an_error(flows):
    with pytest.raises((ValueError, TypeError), match="flows"):
        Planar(flows)
