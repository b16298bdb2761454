"""Posteriors: closed-form KLs, moments, and the edges of the flow."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np
import pytest
from posterior_checks import CASES, K, N, S, assert_gradients, derivatives, inputs
from sums import assert_sums, assert_tensors

from vae_np.formulas import gaussian
from vae_np.formulas.posteriors import Diagonal, Full, Planar, base
from vae_np.formulas.posteriors.full import solve_transposed
from vae_np.formulas.priors import Mixture, Standard
from vae_np.support.noise import standard_normal

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
        assert_tensors("z or log q", found, right)
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logvar", [0.0, 0.5, -0.5, -1.2, 1.2, -2.5])
@pytest.mark.parametrize("lower", [0.0, 0.5, -0.5, 0.98, -0.98])
def test_the_full_posteriors_moments_exist_where_its_covariance_does_not(lower, logvar, dtype):
    """Exponents as parts of the range of numbers: at 1.2 the variance has no number in ``dtype``, at 0.98 the entry of
    the factor has one and its square has not, and one at -0.98 is what counts beside a variance at -2.5. The error is a
    few roundings of logarithms as large as the result."""
    top = np.log(np.finfo(dtype).max)
    heads = {name: head.astype(dtype) for name, head in inputs(Full())[0].items()}
    heads["logvar"] = (heads["logvar"] + logvar * top).astype(dtype)
    heads["lower"] = (heads["lower"] * np.exp(lower * top, dtype=dtype)).astype(dtype)
    mean, found = Full().moments(heads, {})
    assert mean is heads["mu"]
    assert found.dtype == dtype
    for n in range(N):
        right = np.array(oracle.full_log_variances(heads["logvar"][n], heads["lower"][n]), float)
        size = 2 + np.abs(right)
        assert (np.abs(found[n] - right) <= (K + 6) * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logvar", [0.0, 0.5, -0.5, -1.2, 1.2])
def test_the_flows_moments_exist_where_the_covariance_does_not(logvar, dtype):
    """An entry of J is a sum of products of 3 layers' entries: its error is some roundings of the largest of them."""
    top = np.log(np.finfo(dtype).max)
    heads, _, own = inputs(Planar(3))
    heads, own = ({name: array.astype(dtype) for name, array in group.items()} for group in (heads, own))
    heads["logvar"] = (heads["logvar"] + logvar * top).astype(dtype)
    mean, found = Planar(3).moments(heads, own)
    assert mean.dtype == found.dtype == dtype
    for n in range(N):
        right = oracle.planar_log_variances(heads["mu"][n], heads["logvar"][n], own["u"], own["w"], own["b"])
        size = 10 + np.abs(np.array(right, float))
        assert (np.abs(found[n] - np.array(right, float)) <= 20 * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("name", CASES)
def test_moments_may_be_taken_of_some_rows_at_a_time(name, monkeypatch):
    """N K^2 numbers at once would be more than N K of the result: the model takes blocks. (A product with a
    vector may sum in another order for another number of rows.)"""
    heads, _, own = inputs(CASES[name], n=7)
    whole, rows = CASES[name].moments(heads, own), []
    monkeypatch.setattr(base, "NUMBERS", 3 * K * K)
    moments = type(CASES[name]).moments
    monkeypatch.setattr(type(CASES[name]), "moments", lambda q, h, o: rows.append(len(h["mu"])) or moments(q, h, o))
    for found, right in zip(CASES[name].checked_moments(heads, own, K), whole, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=100 * np.finfo(float).eps)
    assert rows == [3, 3, 1]
    monkeypatch.setattr(base, "NUMBERS", 1)  # a row is more than may be held: one at a time, also of none
    for n in (0, 1, 2):
        few, rows[:] = {head: array[:n] for head, array in heads.items()}, []
        assert [found.shape for found in CASES[name].checked_moments(few, own, K)] == [(n, K)] * 2
        assert rows == ([1] * n or [0])


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
    assert_tensors("z", z[0, 0], np.array(exact_z, float), size=float(abs(inner)))  # of which z's two terms are made


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
    solved = solve_transposed(L, b)
    size = np.einsum("njk,snj->snk", np.abs(L), np.abs(solved))
    assert_sums("L^T L^-T b", np.einsum("njk,snj->snk", L, solved), b, size, 2 * K)  # Higham (2002), theorem 8.5


def test_a_flow_of_which_one_layer_has_no_direction_names_its_row():
    """The squared length is a layer's, over the dimensions: not a dimension's, over the layers."""
    w = np.array([[1.0, 0.0, 2.0], [0.5, 0.0, 0.0]])
    assert Planar(2).fault({"w": w}) is None
    w[1] = 0
    name, why = Planar(2).fault({"w": w})
    assert name == "w"
    assert why.startswith("row 1 has")


def test_a_flow_whose_arrays_have_not_as_many_layers_is_refused():
    heads, eps, own = inputs(Planar(3))
    own["b"] = own["b"][:2]
    for call in (lambda: Planar(3).sample(heads, eps, own), lambda: Planar(3).moments(heads, own)):
        with pytest.raises(ValueError, match="shorter"):
            call()


@pytest.mark.parametrize("flows", [0, -1, 1.5, "2", True])
def test_a_number_of_flows_that_makes_no_sense_is_an_error(flows):
    with pytest.raises((ValueError, TypeError), match="flows"):
        Planar(flows)
