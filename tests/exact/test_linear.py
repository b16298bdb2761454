"""The linear VAE in closed form: its gradients, its stationary points, and that training reaches the highest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import vae_np
from vae_np.exact import LinearVAE
from vae_np.exact.nodes import tensor
from vae_np.gradcheck import central_difference

X = np.random.default_rng(0).uniform(0.05, 0.95, size=(3, 5))


def linear():
    vae = vae_np.VAE(5, hidden=(), latent=2, likelihood=vae_np.Gaussian(0.4), backend="numpy", seed=2)
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(3).normal(size=vae.parameters.vector.size)
    return vae


def test_training_reaches_the_optimum_of_probabilistic_pca():
    """Tipping & Bishop's maximum: by full-batch L-BFGS on the exact ELBO, all parameters learned."""
    x = np.random.default_rng(5).normal(size=(40, 5)) @ np.diag([3.0, 2.0, 1.0, 0.5, 0.4])
    vae = vae_np.VAE(5, hidden=(), latent=2, likelihood=vae_np.Gaussian("learned"), backend="numpy", seed=1)
    eps, weights = np.repeat(tensor(3, 2)[0][:, None], 40, axis=1), tensor(3, 2)[1]  # exact: the decoder is linear

    def loss(vector):
        vae.parameters.vector[...] = vector
        value, gradients = vae.loss_and_grad(x, eps, weights=weights)
        return value, gradients.vector

    options = {"maxiter": 5000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 50}
    found = optimize.minimize(loss, vae.parameters.vector.copy(), jac=True, method="L-BFGS-B", options=options)
    vae.parameters.vector[...] = found.x
    best, reached = LinearVAE.optimum(x, 2), LinearVAE.of(vae)
    assert reached.log_evidence(x).mean() == pytest.approx(best.log_evidence(x).mean(), abs=1e-8)
    assert -found.fun == pytest.approx(best.log_evidence(x).mean(), abs=1e-8)  # the ELBO is tight there
    assert reached.variance == pytest.approx(best.variance, rel=1e-4)


def of_vector(vector, latent):
    """A linear decoder of a flat vector: W, b, sigma^2."""
    d = (len(vector) - 1) // (latent + 1)
    return LinearVAE(vector[: latent * d].reshape(latent, d), vector[latent * d : -1], vector[-1])


def flat(decoder):
    return np.concatenate([decoder.W.ravel(), decoder.b, [decoder.variance]])


def test_the_closed_forms_gradients_are_central_differences():
    closed, rng = LinearVAE.of(linear()), np.random.default_rng(0)
    m, s = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    decoder, dmu, dlogvar = closed.elbo_gradient(X, m, s)
    for found, value in [
        (flat(closed.log_evidence_gradient(X)), lambda v: of_vector(v, 2).log_evidence(X).mean()),
        (flat(decoder), lambda v: of_vector(v, 2).elbo(X, m, s).mean()),
    ]:
        start = flat(closed)
        for i, unit in enumerate(np.eye(len(start))):
            numeric, _ = central_difference(value, start, unit)
            assert found[i] == pytest.approx(numeric, rel=1e-7, abs=1e-8)
    for found, value in [
        (dmu, lambda v: closed.elbo(X, v.reshape(3, 2), s).mean()),
        (dlogvar, lambda v: closed.elbo(X, m, v.reshape(3, 2)).mean()),
    ]:
        start = (m if found is dmu else s).ravel()
        for i, unit in enumerate(np.eye(6)):
            assert found.ravel()[i] == pytest.approx(central_difference(value, start, unit)[0], rel=1e-7, abs=1e-8)


def test_the_stationary_points_have_no_gradient_and_the_first_is_the_highest():
    x = np.random.default_rng(5).normal(size=(40, 5)) @ np.diag([3.0, 2.9, 2.7, 0.5, 0.4])
    heights = []
    for chosen in ((0, 1), (0, 2), (1, 2), (0,), ()):
        point = LinearVAE.stationary(x, 2, chosen)
        np.testing.assert_allclose(flat(point.log_evidence_gradient(x)), 0, atol=1e-12)
        mean, covariance = point.posterior(x)
        logvar = np.broadcast_to(np.log(np.diag(covariance)), mean.shape)
        decoder, dmu, dlogvar = point.elbo_gradient(x, mean, logvar)  # of the ELBO with the best encoder, too
        np.testing.assert_allclose(np.concatenate([flat(decoder), dmu.ravel(), dlogvar.ravel()]), 0, atol=1e-12)
        heights.append(point.log_evidence(x).mean())
    assert max(heights) == heights[0] == pytest.approx(LinearVAE.optimum(x, 2).log_evidence(x).mean())
    assert heights[1] > heights[3] > heights[4]
    for wrong, message in [
        ((-1,), "number must be at least 0"),
        ((0, 1, 2), "at most 2 different numbers"),
        ((4,), "below the mean of the others"),
    ]:
        with pytest.raises(ValueError, match=message):
            LinearVAE.stationary(x, 2, wrong)


M, S = np.zeros((3, 2)), np.zeros((3, 2))
USES = {
    "log_evidence": lambda decoder, x: decoder.log_evidence(x),
    "log_evidence_gradient": lambda decoder, x: decoder.log_evidence_gradient(x),
    "posterior": lambda decoder, x: decoder.posterior(x),
    "elbo": lambda decoder, x: decoder.elbo(x, M[: len(x)], S[: len(x)]),
    "elbo_gradient": lambda decoder, x: decoder.elbo_gradient(x, M[: len(x)], S[: len(x)]),
}


@pytest.mark.parametrize("use", USES)
def test_what_is_no_decoder_or_no_data_is_an_error_and_not_broadcast(use):
    closed, call = LinearVAE.of(linear()), USES[use]
    for x, message in [
        (np.zeros((3, 1)), r"x must have the shape \(N, 5\); got \(3, 1\)"),
        (np.zeros((3, 4)), r"x must have the shape \(N, 5\); got \(3, 4\)"),
        (np.zeros(5), r"x must have the shape \(N, 5\); got \(5,\)"),
        (np.full((3, 5), np.nan), "row 0, column 0 is nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            call(closed, x)
    for x in (X + 1j, [["a"] * 5] * 3):
        with pytest.raises(TypeError, match="array of real numbers"):
            call(closed, x)
    for decoder, message in [
        (closed._replace(variance=-1.0), "variance must be positive; got -1.0"),
        (closed._replace(variance=0), "variance must be positive"),
        (closed._replace(b=closed.b[:1]), r"W must have the shape \(K, D\) and b \(D,\); got \(2, 5\) and \(1,\)"),
        (closed._replace(W=closed.W * np.nan), "W must lie in"),
    ]:
        with pytest.raises(ValueError, match=message):
            call(decoder, X)
    if use.endswith("gradient"):
        with pytest.raises(ValueError, match="x has no examples"):
            call(closed, X[:0])


def test_moments_of_another_shape_are_an_error_and_not_broadcast():
    closed = LinearVAE.of(linear())
    for call in (closed.elbo, closed.elbo_gradient):
        for m, s, message in [
            (M[:1], S[:1], r"mu must have the shape \(3, 2\); got \(1, 2\)"),
            (M, S[:, :1], r"logvar must have the shape \(3, 2\); got \(3, 1\)"),
            (M, S + np.inf, "logvar must lie in"),
        ]:
            with pytest.raises(ValueError, match=message):
                call(X, m, s)


def test_a_number_of_dimensions_that_is_none_is_an_error():
    for wrong, kind in ((1.5, TypeError), (True, TypeError), (0, ValueError), (5, ValueError)):
        with pytest.raises(kind, match="latent must be"):
            LinearVAE.optimum(X, wrong)
    with pytest.raises(ValueError, match="row 0, column 0 is nan"):
        LinearVAE.optimum(X * np.nan, 2)
    with pytest.raises(ValueError, match=r"x must have the shape \(N, D\), with at least one example; got \(0, 5\)"):
        LinearVAE.optimum(X[:0], 2)
    with pytest.raises(TypeError, match="an eigenvector's number must be an integer"):
        LinearVAE.stationary(X, 2, [0.5])
