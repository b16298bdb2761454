"""What wrong gradients of another implementation look like: one pair of numbers, a transpose, or nothing simple."""

from __future__ import annotations

import numpy as np
import pytest

import vae_np
from vae_np.gradcheck import check_model

N, D, K, BETA = 3, 7, 5, 0.37
X, EPS = np.random.default_rng(0).uniform(size=(N, D)), np.random.default_rng(1).normal(size=(N, K))


def model(**settings):
    vae = vae_np.VAE(D, latent=K, activation="tanh", backend="numpy", seed=1, **{"hidden": (11,)} | settings)
    vae.parameters.vector[...] += 0.1 * np.random.default_rng(2).normal(size=vae.parameters.vector.size)
    return vae


def parts(vae):
    (_, rec), (_, whole) = (vae.loss_and_grad(X, EPS, beta) for beta in (0.0, 1.0))
    return {name: (rec[name], whole[name] - rec[name]) for name in rec}


def facts(vae, gradients, **settings):
    report = check_model(vae, X, EPS, BETA, gradients=gradients, methods=["complex step"], **settings)
    assert not report.ok
    assert [*report.facts] == str(report).splitlines()[len(report.rows) + 1 :] == report.to_dict()["facts"]
    return report.facts


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (
            N,
            N * BETA,
            "3 x the reconstruction's + 1.11 x the KL's, in every tensor; right is 1 and 0.37: objective-batch-sum",
        ),
        (N, 2 * N * BETA, ": objective-batch-sum and kl-missing-half"),
        (1, 2 * BETA, ": kl-missing-half"),
        (1 / D, BETA, ": rec-mean-over-pixels"),
        (1 / D, BETA / D, ": objective-per-pixel"),
        (1, BETA / K, ": kl-mean-over-latent"),
        (1, 1, ": beta-ignored"),
        (-1, -BETA, ": elbo-for-loss"),
        (1, 0, ": no KL in it"),
        (0, BETA, ": no reconstruction in it"),
        (1.7, 0.9, "yours = 1.7 x the reconstruction's + 0.9 x the KL's, in every tensor; right is 1 and 0.37"),
    ],
)
def test_a_pair_of_numbers_that_explains_every_tensor_is_named(a, b, words):
    vae = model()
    (fact,) = facts(vae, {name: a * rec + b * kl for name, (rec, kl) in parts(vae).items()})
    assert words in fact
    assert fact.endswith("0.37") == words.endswith("0.37")


def test_where_no_pair_explains_them_nothing_is_said():
    vae = model()
    _, gradients = vae.loss_and_grad(X, EPS, BETA)
    wrong = {name: value.copy() for name, value in gradients.items()}
    wrong["decoder.0.b"] *= 2
    assert facts(vae, wrong) == ()
    report = check_model(vae, X, EPS, BETA, gradients=wrong, methods=["complex step"])
    (row,) = (row for row in report.rows if not row.ok)
    assert "yours " in row.worst
    assert "right " in row.worst


def test_a_square_weight_s_transpose_is_told():
    vae = model(hidden=(11, 11))
    _, gradients = vae.loss_and_grad(X, EPS, BETA)
    wrong = {name: value.T if name == "encoder.1.W" else value for name, value in gradients.items()}
    (fact,) = facts(vae, wrong)
    assert fact == "encoder.1.W: yours is the transpose of the right one; W is (fan_in, fan_out)"


def test_right_gradients_and_objectives_without_a_kl_have_no_facts():
    vae = model()
    _, gradients = vae.loss_and_grad(X, EPS, BETA)
    assert check_model(vae, X, EPS, BETA, gradients=gradients, methods=["complex step"]).facts == ()
    doubled = {name: 2 * value for name, value in gradients.items()}
    report = check_model(vae, X, EPS, 1.0, objective="iwae", gradients=doubled, methods=["complex step"])
    assert report.facts == ()


def test_a_square_weight_that_is_wrong_otherwise_is_called_no_transpose():
    vae = model(hidden=(11, 11))
    _, gradients = vae.loss_and_grad(X, EPS, BETA)
    wrong = {name: 0.9 * value.T if name == "encoder.1.W" else value for name, value in gradients.items()}
    assert facts(vae, wrong) == ()
