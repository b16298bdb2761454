"""Conditional models: q(z|x, c), p(x|z, c), and every bound one of log p(x|c) (Sohn, Lee & Yan 2015)."""

from __future__ import annotations

import dataclasses
import math

import mpmath as mp
import numpy as np
import pytest
from models import BACKENDS, LATENTS, LIKELIHOODS, batch, model
from sums import WHOLE_MODEL, assert_sums, assert_tensors

import vae_np
from vae_np.formulas import elbo, network
from vae_np.model.joint import Joint

C, K, N, S = 4, 3, 5, 3
LABELS = np.array([2, 0, 3, 3, 1])


def with_true_posterior(seed: int = 0) -> tuple[vae_np.VAE, np.ndarray, np.ndarray, np.ndarray]:
    """A linear Gaussian model whose encoder is exact, rows [x, c] (5, 6 + 4), and log p(x|c) in closed form.

    x = z W + c V + b + sigma e, with rows of W at right angles: so x | c ~ N(c V + b, W^T W + sigma^2 I), and
    z | x, c ~ N((x - c V - b) W^T M, sigma^2 M) with M = (W W^T + sigma^2 I)^-1, which is diagonal.
    """
    rng, d, sigma = np.random.default_rng(seed), 6, 0.7
    W = np.linalg.qr(rng.normal(size=(d, K)))[0].T * np.array([[1.5], [0.8], [0.4]])
    V, b = rng.normal(size=(C, d)), rng.normal(size=d)
    vae = vae_np.VAE(d, hidden=(), latent=K, condition=C, likelihood=vae_np.Gaussian(sigma), backend="numpy")
    M = np.diag(1 / (np.square(W).sum(axis=1) + sigma**2))
    vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"] = np.concatenate([W, V]), b
    vae.parameters["encoder.mu.W"] = np.concatenate([W.T @ M, -V @ W.T @ M])
    vae.parameters["encoder.mu.b"] = -b @ W.T @ M
    vae.parameters["encoder.logvar.W"][...] = 0
    vae.parameters["encoder.logvar.b"] = np.log(sigma**2 * np.diag(M))
    x, c = rng.normal(size=(N, d)), rng.normal(size=(N, C))
    covariance, r = W.T @ W + sigma**2 * np.eye(d), x - c @ V - b
    quadratic = (r * np.linalg.solve(covariance, r.T).T).sum(axis=1)
    exact = -(d * math.log(2 * math.pi) + np.linalg.slogdet(covariance)[1] + quadratic) / 2
    return vae, x, c, exact


def off_the_closed_form(samples: int = 1) -> float:
    """How far log p(x, z|c) - log q(z|x, c) is from log p(x|c): of the true posterior nothing, whatever the noise."""
    vae, x, c, exact = with_true_posterior()
    terms = vae.terms(x, np.random.default_rng(1).normal(size=(samples, N, K)), condition=c)
    log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
    return float(np.abs(log_w - exact).max())


@pytest.mark.parametrize("samples", [1, S])
def test_at_the_true_posterior_every_sample_weighs_log_p_of_x_given_c(samples):
    # terms of some tens of nats, of fewer than a hundred roundings each
    assert off_the_closed_form(samples) <= 100 * np.finfo(float).eps * 100


def test_the_integral_over_z_is_log_p_of_x_given_c():
    vae, x, c, exact = with_true_posterior()
    found = vae_np.exact.log_evidence(vae, vae.rows(x, c))
    assert found.converged
    np.testing.assert_allclose(found.value, exact, rtol=1e-10, atol=1e-10)  # the quadrature's own tolerance
    W, b = vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"]
    r = x - c @ W[K:] - b
    pulled = np.linalg.solve(W[:K].T @ W[:K] + 0.7**2 * np.eye(len(b)), r.T).T  # d log p(x|c) / d(c V + b)
    np.testing.assert_allclose(found.gradients["decoder.out.W"][K:], c.T @ pulled / N, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(vae_np.evaluate(vae, x, condition=c, samples=7).per_example["evidence"], exact, 1e-12)


def test_the_gradient_in_z_is_the_derivative_at_the_condition():
    vae = model(condition=C, backend="numpy")
    rows, z = batch(vae, S)
    joint, h = Joint.of(vae, rows), 1e-20
    value, gradient = joint.log_likelihood_and_gradient(z)
    assert np.array_equal(value, joint.log_likelihood(z))
    assert np.array_equal(value, vae.log_likelihood(rows, z))
    for i in range(K):
        step = joint.log_likelihood(z + 1j * h * np.eye(K)[i]).imag / h
        assert_sums(f"dz[{i}]", gradient[..., i], step, np.abs(gradient).max(), WHOLE_MODEL)


def no_condition(z, x, architecture):
    return RIGHT(z, np.where(np.arange(x.shape[1]) < architecture.n_data, x, 0), architecture)


def in_another_order(z, x, architecture):
    """As if the samples of an example stood side by side."""
    given = RIGHT(z, x, architecture)
    c = np.repeat(x[:, -C:], len(z), axis=0).reshape(*z.shape[:-1], C)
    return np.concatenate([given[..., :-C], c], axis=-1)


RIGHT = network.decoder_input


@pytest.mark.parametrize(("mistake", "samples"), [(no_condition, 1), (no_condition, S), (in_another_order, S)])
def test_a_decoder_that_is_given_another_condition_is_noticed(mistake, samples, monkeypatch):
    monkeypatch.setattr(elbo, "decoder_input", mistake)
    assert off_the_closed_form(samples) > 0.1


def test_a_gradient_that_takes_that_of_c_for_that_of_z_is_noticed(monkeypatch):
    right = elbo.decoder_backward

    def uncut(draw, cache, gradients, a):
        everything = dataclasses.replace(a, latent=a.latent + a.condition)
        return right(draw, cache, gradients, everything)[..., -a.latent :]

    vae = model(condition=C, backend="numpy")
    rows, eps = batch(vae, S)
    assert vae_np.gradcheck.check_model(vae, rows, eps).ok
    monkeypatch.setattr(elbo, "decoder_backward", uncut)
    failed = {row.tensor.split(".")[0] for row in vae_np.gradcheck.check_model(vae, rows, eps).rows if not row.ok}
    assert failed == {"encoder"}


def test_the_elbo_is_that_of_scalar_arithmetic_in_fifty_digits():
    d, k, c, samples = 3, 2, 2, 2
    vae = model(n_features=d, hidden=(2,), latent=k, condition=c, backend="numpy")
    rows, eps = batch(vae, samples, n=2)
    found = vae.elbo(rows[:, :d], eps, condition=rows[:, d:])
    with mp.workdps(50):
        p = {name: mp.matrix(array.tolist()) for name, array in vae.parameters.items()}

        def dense(name, v):
            W, b = p[f"{name}.W"], p[f"{name}.b"]
            return [mp.fsum([*(v[i] * W[i, j] for i in range(len(v))), b[j]]) for j in range(W.cols)]

        for n in range(2):
            row = [mp.mpf(float(v)) for v in rows[n]]
            h = [mp.tanh(a) for a in dense("encoder.0", row)]
            mu, logvar = dense("encoder.mu", h), dense("encoder.logvar", h)
            total = []
            for s in range(samples):
                z = [mu[i] + mp.exp(logvar[i] / 2) * mp.mpf(float(eps[s, n, i])) for i in range(k)]
                logits = dense("decoder.out", [mp.tanh(a) for a in dense("decoder.0", z + row[d:])])
                total.append(mp.fsum(row[i] * logits[i] - mp.log(1 + mp.exp(logits[i])) for i in range(d)))
            kl = mp.fsum((mu[i] ** 2 + mp.exp(logvar[i]) - 1 - logvar[i]) / 2 for i in range(k))
            expected = float(mp.fsum(total) / samples - kl)
            assert_sums("elbo", found.elbo[n], np.float64(expected), abs(float(mp.fsum(total))) + float(kl), 50)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "kind", ["bernoulli", "gaussian-heteroscedastic", "gaussian-per-feature", "exposure", *LATENTS]
)
def test_every_gradient_of_a_conditional_model_is_the_derivative(kind, backend):
    options = LATENTS.get(kind) or {"likelihood": LIKELIHOODS[kind]}
    vae = model(condition=C, backend=backend, **options)
    rows, eps = batch(vae, S)
    report = vae_np.gradcheck.check_model(vae, rows, eps, 0.37)
    assert report.ok, report.table()
    assert np.abs(vae.loss_and_grad(rows, eps)[1]["decoder.0.W"][-C:]).min() > 0


@pytest.mark.parametrize("objective", ["iwae", "dreg", vae_np.ELBO(0.3)])
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_the_compiled_step_is_the_formulas_step(hidden, objective):
    ours, theirs = (model(hidden=hidden, condition=C, backend=backend) for backend in BACKENDS)
    rows, eps = batch(ours, S)
    one, other = (v.terms(rows, eps).arrays() for v in (ours, theirs))
    for name in one:
        assert_tensors(name, other[name], one[name])
    (loss, gradient), (other_loss, other) = (v.loss_and_grad(rows, eps, objective=objective) for v in (ours, theirs))
    assert abs(loss - other_loss) <= WHOLE_MODEL * np.finfo(float).eps * (abs(loss) + 10)
    for name, expected in gradient.items():
        assert_tensors(name, other[name], expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_labels_are_their_one_hot_rows_and_one_stands_for_all(backend):
    vae = model(condition=C, backend=backend)
    x, one_hot = batch(vae)[0][:, :-C], np.eye(C)[LABELS]
    assert np.array_equal(vae.rows(x, LABELS), np.concatenate([x, one_hot], axis=1))
    for method, first in ((vae.encode, x), (vae.decode, x[:, :K])):
        assert np.array_equal(method(first, LABELS), method(first, one_hot))
        assert np.array_equal(method(first, 2), method(first, np.full(N, 2)))
        assert not np.array_equal(method(first, 2), method(first, 1))
    assert np.array_equal(vae.sample(3, seed=4, condition=[0, 0, 0]), vae.sample(3, seed=4, condition=one_hot[1]))
    assert vae.sample(3, condition=1).shape == (3, x.shape[1]) == vae.sample(3, condition=[1, 1, 2]).shape
    mu = vae.encode(x, LABELS)[0]
    assert np.array_equal(vae.reconstruct(x, LABELS), vae.decode(mu, LABELS))
    assert np.array_equal(vae.decode(mu[0], LABELS[0]), vae.decode(mu[:1], LABELS[:1])[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_of_any_sample_is_decoded_with_its_own_condition(backend):
    vae = model(condition=C, backend=backend)
    z = np.random.default_rng(0).normal(size=(S, N, K))
    found = vae.decode(z, LABELS)
    x = batch(vae)[0][:, :-C]
    density = vae.log_likelihood(x, z, LABELS)
    for s in range(S):
        for n in range(N):
            alone = vae.decode(z[s, n], LABELS[n])
            assert_sums("mean", found[s, n], alone, 1.0, WHOLE_MODEL)
            one = vae.log_likelihood(x[n : n + 1], z[s, n : n + 1], LABELS[n])
            assert_sums("density", density[s, n], one[0], 10.0, WHOLE_MODEL)


def test_one_column_is_a_number_and_not_a_label():
    vae = model(condition=1, backend="numpy")
    x, ages = batch(vae)[0][:, :-1], [31, 4, 77, 5, 12]
    assert np.array_equal(vae.rows(x, ages)[:, -1], ages)
    assert np.array_equal(vae.encode(x, ages)[0], vae.encode(x, np.reshape(ages, (-1, 1)))[0])
    assert np.array_equal(vae.encode(x, 0.5)[0], vae.encode(x, [0.5] * N)[0])


def test_what_the_messages_advise_is_taken():
    vae = model(condition=C, backend="numpy")
    x = batch(vae)[0][:, :-C]
    assert np.array_equal(vae.rows(x, np.array(LABELS, float).astype(int)), vae.rows(x, LABELS))
    for row in ([[0, 1, 0, 0]], [0.0, 1.0, 0.0, 0.0], np.eye(4, dtype=bool)[1]):
        assert np.array_equal(vae.rows(x, row), vae.rows(x, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v, x: v.encode(x), "the model is conditional: x has its 7 columns and no condition, 4 more"),
        (lambda v, x: vae_np.fit(v, x), "the model is conditional: x has its 7 columns"),
        (lambda v, x: v.decode(x[:, :3]), "the model is conditional: condition= must give labels or 4 numbers"),
        (lambda v, x: v.sample(2), "the model is conditional: condition= must give"),
        (lambda v, x: v.encode(x, [0, 1, 4, 2, 5]), r"classes from 0 to 3; row 2 has 4 \(2 of 5 are unknown\)"),
        (lambda v, x: v.encode(x, -1), "classes from 0 to 3; row 0 has -1"),
        (lambda v, x: v.encode(x, LABELS[:2]), r"one for each of 5 rows.*it has shape \(2,\)"),
        (lambda v, x: v.encode(x, np.zeros((5, 3))), "condition must have 4 columns; it has 3"),
        (lambda v, x: v.encode(x, np.zeros((2, 4))), r"numbers of shape \(4,\) or \(5, 4\); it has shape \(2, 4\)"),
        (lambda v, x: v.encode(x, np.zeros((1, 5, 4))), r"it has shape \(1, 5, 4\)"),
        (lambda v, x: v.sample(5, condition=[0, 1, 0, 0]), r"shape \(4,\), and integers .* read as labels: a row for"),
        (
            lambda v, x: v.encode(x, [0.0, 1.0, 2.0, 3.0, 0.0]),
            r"labels of an integer dtype, which \.astype\(int\) makes",
        ),
        (lambda v, x: v.encode(x, 1.5), r"or numbers of shape \(4,\) or \(5, 4\); it is float64 of shape \(\)"),
        (lambda v, x: v.encode(x, [True] * 5), r"it is bool of shape \(5,\)"),
        (lambda v, x: v.encode(x, [0, 1, np.nan, 2]), r"condition must lie in \(-inf, inf\)"),
        (lambda v, x: v.encode(np.full((5, 11), np.nan)), "x must lie in"),
        (lambda v, x: v.encode(v.rows(x, 1), 1), "x must have 7 columns; it has 11"),
        (lambda v, x: v.encode(np.where(np.arange(11) == 9, np.nan, 0.5) + x[:, :1] * 0), "the condition of x must"),
        (lambda v, x: vae_np.VAE(7, backend="numpy").encode(x, LABELS), "the model is not conditional"),
        (lambda v, x: vae_np.fit(vae_np.VAE(7, backend="numpy"), x, condition=LABELS), "the model is not conditional"),
        (lambda v, x: vae_np.VAE(7, backend="numpy").sample(2, condition=1), "the model is not conditional"),
        (lambda v, x: vae_np.VAE(7, condition=-1), "condition must be at least 0; got -1"),
        (lambda v, x: vae_np.evaluation.with_clusters(v, v.rows(x, 1), 2), "is conditional"),
    ],
)
def test_a_condition_that_is_missing_unknown_or_too_much_is_named(call, message):
    vae = model(condition=C, backend="numpy")
    with pytest.raises(ValueError, match=message):
        call(vae, batch(vae)[0][:, :-C])


@pytest.mark.parametrize(
    ("condition", "message"),
    [(["a"] * 5, "condition must hold real numbers"), (np.zeros((5, 4), np.float32), "condition is float32")],
)
def test_a_condition_of_another_type_is_a_type_error(condition, message):
    vae = model(condition=C, backend="numpy")
    with pytest.raises(TypeError, match=message):
        vae.encode(batch(vae)[0][:, :-C], condition)
