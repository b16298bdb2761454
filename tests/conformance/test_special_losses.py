"""Losses that are right in another way: free bits, a capacity, a deviation of the residuals, constants, arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from vae_np.conformance import check_objective


def bce(p, x):
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)


def kl(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)


def of_kl(f):
    """A loss whose KL, of the entries (N, K), is this."""

    def loss(x_hat, x, mu, logvar):
        return bce(x_hat, x).mean() + f(kl(mu, logvar))

    return loss


def of_rec(f):
    def loss(x_hat, x, mu, logvar):
        return f(x_hat, x) + kl(mu, logvar).sum(1).mean()

    return loss


def told(report):
    return [(finding.id, finding.severity) for finding in report.findings]


FREE = {
    "per dimension": (lambda k: np.maximum(k.mean(0), 0.25).sum(), "the batch's mean of a dimension counts as 0.25"),
    "per entry": (lambda k: np.maximum(k, 0.125).sum(1).mean(), "each entry counts as 0.125"),
    "per example": (lambda k: np.maximum(k.sum(1), 3).mean(), "each example counts as 3"),
    "of all": (lambda k: max(k.sum(1).mean(), 8), "the batch's mean of an example counts as 8"),
}


@pytest.mark.parametrize("name", FREE)
def test_free_bits_are_a_dialect_with_their_threshold(name):
    f, says = FREE[name]
    report = check_objective(of_kl(f))
    assert told(report) == [("free-bits", "dialect")], report
    assert says in report.findings[0].says


def test_free_bits_of_each_example_of_a_loss_of_each_example_and_of_a_sum_over_the_batch():
    def each(x_hat, x, mu, logvar):
        return bce(x_hat, x) + np.maximum(kl(mu, logvar).sum(1), 2.0)

    def summed(x_hat, x, mu, logvar):
        return each(x_hat, x, mu, logvar).sum()

    assert told(check_objective(each)) == [("free-bits", "dialect")]
    assert told(check_objective(summed)) == [("free-bits", "dialect"), ("objective-batch-sum", "dialect")]


def test_a_mistake_beside_free_bits_is_named():
    doubled = of_kl(lambda k: 2 * np.maximum(k, 0.125).sum(1).mean())
    assert told(check_objective(doubled)) == [("free-bits", "dialect"), ("kl-missing-half", "H")]


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda k: 1000 * abs(k.sum(1).mean() - 25), "C = 25 and gamma = 1000"),
        (lambda k: 30 * abs(k.sum(1).mean() - 0.5), "C = 0.5 and gamma = 30"),
        (lambda k: 4 * np.abs(k.sum(1) - 2).mean(), "C = 2 and gamma = 4"),
    ],
)
def test_a_capacity_is_a_dialect_with_its_numbers(f, says):
    report = check_objective(of_kl(f))
    assert told(report) == [("kl-capacity", "dialect")], report
    assert says in report.findings[0].says


def test_a_kl_of_the_wrong_sign_is_no_capacity():
    assert told(check_objective(of_kl(lambda k: -k.sum(1).mean()))) == [("kl-sign", "H")]


def softly(a, least):
    return least + np.log1p(np.exp(a - least))


def clipped(m, x):
    log_sigma = softly(0.5 * np.log(np.mean((x - m) ** 2)), -6)
    return (0.5 * ((x - m) / np.exp(log_sigma)) ** 2 + log_sigma + 0.5 * math.log(2 * math.pi)).sum(1).mean()


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda m, x: x.shape[1] / 2 * np.log(np.mean((x - m) ** 2)), "over the batch"),
        (lambda m, x: (x.shape[1] / 2 * np.log(np.mean((x - m) ** 2, axis=1))).mean(), "over each example"),
        (clipped, "softly clipped at -6"),
    ],
)
def test_a_deviation_of_the_residuals_is_the_optimal_sigma_vae(f, says):
    report = check_objective(of_rec(f))
    assert told(report) == [("sigma-optimal", "dialect")], report
    assert says in report.findings[0].says


def test_the_logarithm_of_a_mean_square_without_the_features_is_a_mistake():
    report = check_objective(of_rec(lambda m, x: 0.5 * np.log(np.mean((x - m) ** 2))))
    assert told(report) == [("sigma-optimal", "dialect"), ("rec-mean-over-pixels", "H")]


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        (float(np.float32(0.5 * np.log(2 * np.pi))), []),
        (0.5 * float(np.float32(np.log(np.float32(2 * np.pi)))), []),
        (0.5 * math.log(2 * 3.14), ["-0.0017748"]),
        (1.5 + 0.5 * math.log(2 * math.pi), ["10.5"]),
        (0.25, ["1.75"]),
    ],
)
def test_a_constant_that_float32_rounded_is_right_and_another_is_told_by_what_it_is_off(constant, expected):
    report = check_objective(of_rec(lambda m, x: (0.5 * (x - m) ** 2 + constant).sum(1).mean()))
    assert [finding.id for finding in report.findings] == ["constant-offset"] * len(expected), report
    assert all(f"off by {number} an example" in str(report) for number in expected), report


@pytest.mark.parametrize(
    ("ends", "says"),
    [((-10, 10), "to [-10, 10]"), ((-7.25, np.inf), "not below -7.25"), ((-np.inf, 4), "not above 4")],
)
def test_a_clamp_of_the_log_variance_in_the_kl_is_found_with_its_ends(ends, says):
    def loss(x_hat, x, mu, logvar):
        return bce(x_hat, x).mean() + kl(mu, np.clip(logvar, *ends)).sum(1).mean()

    report = check_objective(loss)
    assert told(report) == [("clamp-gradient", "M")], report
    assert says in report.findings[0].says


@pytest.mark.parametrize("epsilon", [1e-6, 1e-8, 1e-12])
def test_an_epsilon_in_the_kls_logarithm_is_a_dialect(epsilon):
    def loss(x_hat, x, mu, sigma):
        return bce(x_hat, x).mean() + 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2 + epsilon)).sum(1).mean()

    report = check_objective(loss)
    assert told(report) == [("log-epsilon", "dialect")], report
    assert f"{epsilon:g}" in report.findings[0].says


def sampled(x_hat, x, mu, logvar, z):
    log_q = -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar)
    return (bce(x_hat, x) + (log_q + 0.5 * z**2).sum(1)).mean()


def warmed(x_hat, x, mu, logvar, epoch):
    return bce(x_hat, x).mean() + min(1.0, epoch / 100) * kl(mu, logvar).sum(1).mean()


def weighted(x_hat, x, mu, logvar, foo):
    return bce(x_hat, x).mean() + foo * kl(mu, logvar).sum(1).mean()


def takes_z(x_hat, x, z, mu, logvar):
    return bce(x_hat, x).mean() + kl(mu, logvar).sum(1).mean()


def test_a_fifth_argument_is_z_a_step_or_a_number():
    assert told(check_objective(sampled)) == []
    assert "at the sample z" in str(check_objective(sampled))
    assert told(check_objective(takes_z)) == []
    assert told(check_objective(warmed)) == []
    with pytest.raises(ValueError, match="--arguments output,x,mu,logvar,1"):
        check_objective(weighted)
    assert told(check_objective(weighted, arguments=("output", "x", "mu", "logvar", "1"))) == []
    roles = ("output", "x", "mu", "logvar", "2")
    assert told(check_objective(weighted, arguments=roles)) == [("kl-missing-half", "H")]
    assert told(check_objective(weighted, arguments=roles, beta=2)) == []


def test_a_kl_at_the_sample_that_lacks_its_log_variance_is_unknown():
    def wrong(x_hat, x, mu, logvar, z):
        return (bce(x_hat, x) + 0.5 * (z**2 - (z - mu) ** 2 / np.exp(logvar)).sum(1)).mean()

    assert told(check_objective(wrong)) == [("unknown", "H")]


def log_w(x_hat, x, mu, logvar, z):
    log_p = (x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)).sum(-1)
    return log_p + 0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar - z**2).sum(-1)


BOUNDS = {
    "right": (lambda w: -(logsumexp(w, 0) - math.log(len(w))).mean(), []),
    "the second axis": (lambda w: -(logsumexp(w, 1) - math.log(w.shape[1])), []),
    "a sum": (lambda w: -(logsumexp(w, 0) - math.log(len(w))).sum(), [("objective-batch-sum", "dialect")]),
    "no log S": (lambda w: -logsumexp(w, 0).mean(), [("iwae-no-logk", "H")]),
    "of the loss": (lambda w: logsumexp(-w, 0).mean(), [("iwae-lse-of-loss", "H")]),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_loss_of_several_samples_is_an_importance_weighted_bound(name):
    f, expected = BOUNDS[name]

    def loss(x_hat, x, mu, logvar, z):
        if name == "the second axis":
            x, mu, logvar = x[:, None], mu[:, None], logvar[:, None]
        return f(log_w(x_hat, x, mu, logvar, z))

    report = check_objective(loss)
    assert told(report) == expected, report
    assert "an importance-weighted bound" in str(report)


def test_a_loss_that_takes_nothing_but_several_samples_is_asked_with_several():
    def loss(logits, x, mu, logvar, z):
        (n, samples, d), p = logits.shape, 1 / (1 + np.exp(-logits))
        x = np.broadcast_to(x[:, None], (n, samples, d))
        log_p = x * np.log(p) + (1 - x) * np.log(1 - p)
        log_q_over_p = -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar - z**2)
        return -(logsumexp(log_p.sum(2) - log_q_over_p.sum(2), 1) - math.log(samples)).mean()

    report = check_objective(loss)
    assert told(report) == []
    assert "4 samples in the second axis" in str(report)


@pytest.mark.parametrize(
    ("term", "right", "wrong"), [(lambda mu, s: mu - 1 - s + np.exp(s), "logvar", "mu"),
                                 (lambda mu, s: mu**2 - 1 - s + s**2, "mu", "logvar")],
)  # fmt: skip
def test_an_unknown_kl_that_is_right_by_half_says_where_to_look(term, right, wrong):
    report = check_objective(lambda x_hat, x, mu, logvar: bce(x_hat, x) + 0.5 * term(mu, logvar).sum(1))
    (finding,) = report.findings
    assert finding.id == "unknown"
    assert f"by {right} it is 1 times that of 1/2 sum(mu^2 + e^s - 1 - s), by {wrong} it is not" in finding.says


def signed(logits, x):
    """-log p of bits, as JAX's example has it: log(1 + e^-l) of a one, log(1 + e^l) of anything else."""
    return np.logaddexp(0.0, np.where(x == 1, -1.0, 1.0) * logits).sum(axis=1)


def test_a_cross_entropy_that_is_right_for_bits_alone_is_right_and_says_so():
    found = check_objective(signed)
    assert found.ok, found
    assert "it was asked with an x of 0 and 1" in str(found)
    assert not check_objective(lambda logits, x: 2 * signed(logits, x) + 0.3 * (logits**2).sum(axis=1)).ok
    grey = check_objective(lambda logits, x: (np.logaddexp(0.0, logits) - x * logits).sum(axis=1))
    assert "0 and 1" not in str(grey)
