"""check_objective names the mistakes of a loss and of a sampler, and accuses none that is right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vae_np.conformance import check_objective
from vae_np.conformance.objective import naming
from vae_np.conformance.objective.fitting import explain
from vae_np.conformance.objective.frameworks import Numpy
from vae_np.conformance.objective.probes import D, N, orders, probe

randn, normal = np.random.randn, np.random.normal


def kl(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)


def bce(p, x):
    return -(x * np.log(p) + (1 - x) * np.log(1 - p))


def logits_bce(a, x):
    return np.logaddexp(0, a) - x * a


def squares(m, x):
    return (x - m) ** 2


def continuous(p, x):
    a = np.log(p / (1 - p))
    near = np.abs(a) < 1e-3
    safe = np.where(near, 1, a)
    log_c = np.where(near, np.log(2) + a**2 / 24, np.log(np.abs(safe / np.tanh(safe / 2))))
    return bce(p, x) - log_c


def of(rec, divergence=kl, *, combine=None, constant=0.0):
    """A loss: the mean over the batch, unless ``combine`` says how, of (rec (N, D), kl (N, K))."""
    combine = combine or (lambda r, k: (r.sum(1) + k.sum(1)).mean())

    def loss(recon, x, mu, logvar):
        found = combine(rec(recon, x), divergence(mu, logvar))
        return found + constant if constant else found

    return loss


LOG_2PI = D / 2 * np.log(2 * np.pi)
RIGHT = {
    "cross-entropy of probabilities": of(bce),
    "of logits": of(logits_bce),
    "for each example": of(bce, combine=lambda r, k: r.sum(1) + k.sum(1)),
    "continuous Bernoulli": of(continuous),
    "Gaussian": of(lambda m, x: 0.5 * squares(m, x), constant=LOG_2PI),
    "of sigma": lambda x_hat, x, mu, sigma: (bce(x_hat, x).sum(1) + kl(mu, 2 * np.log(sigma)).sum(1)).mean(),
    "other names": lambda data, pred, z_mean, z_log_var: (bce(pred, data).sum(1) + kl(z_mean, z_log_var).sum(1)).mean(),
    "no names": lambda a, b, c, d: (bce(b, a).sum(1) + kl(d, c).sum(1)).mean(),
    "a tuple": of(bce, combine=lambda r, k: ((r.sum(1) + k.sum(1)).mean(), r.mean(), k.mean())),
    "a dict": of(bce, combine=lambda r, k: {"loss": (r.sum(1) + k.sum(1)).mean(), "kl": -k.mean()}),
    "the reconstruction alone": lambda recon, x: bce(recon, x).sum(1).mean(),
}
DIALECTS = {
    "objective-batch-sum": of(bce, combine=lambda r, k: r.sum() + k.sum()),
    "objective-per-pixel": of(bce, combine=lambda r, k: (r.sum(1) + k.sum(1)).mean() / D),
    "elbo-for-loss": of(bce, combine=lambda r, k: -(r.sum(1) + k.sum(1)).mean()),
    "gaussian-no-constant": of(lambda m, x: 0.5 * squares(m, x)),
    "log-epsilon": of(lambda p, x: -(x * np.log(p + 1e-8) + (1 - x) * np.log(1 - p + 1e-8))),
    "absolute-error": of(lambda m, x: np.abs(x - m)),
}
MISTAKES = {
    "rec-mean-over-pixels": of(bce, combine=lambda r, k: r.mean() + k.sum(1).mean()),
    "kl-mean-over-latent": of(bce, combine=lambda r, k: (r.sum(1) + k.mean(1)).mean()),
    "kl-missing-half": of(bce, combine=lambda r, k: (r.sum(1) + 2 * k.sum(1)).mean()),
    "kl-double-half": of(bce, combine=lambda r, k: (r.sum(1) + k.sum(1) / 2).mean()),
    "kl-batch-sum": of(bce, combine=lambda r, k: r.sum(1).mean() + k.sum()),
    "kl-batch-mean-twice": of(bce, combine=lambda r, k: (r.sum(1) + k.sum(1) / N).mean()),
    "kl-sign": of(bce, combine=lambda r, k: (r.sum(1) - k.sum(1)).mean()),
    "rec-scalar-mean": of(bce, combine=lambda r, k: r.sum(1).mean() + k.sum(1)),
    "kl-scalar-mean": of(bce, combine=lambda r, k: r.sum(1) + k.sum(1).mean()),
    "mse-no-half": of(squares, constant=2 * LOG_2PI),
    "bce-args-swapped": of(lambda p, x: bce(x, p)),
    "double-sigmoid": of(lambda a, x: logits_bce(1 / (1 + np.exp(-a)), x)),
    "probability-clamp": of(lambda p, x: bce(np.clip(p, 1e-4, 1 - 1e-4), x)),
    "kl-logvar-as-logstd": of(bce, lambda m, s: kl(m, 2 * s)),
    "kl-std-unsquared": of(bce, lambda m, s: 0.5 * (m**2 + np.exp(s / 2) - 1 - s)),
    "kl-log-term-sign": of(bce, lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 + s)),
    "kl-reversed": of(bce, lambda m, s: 0.5 * (s + (1 + m**2) * np.exp(-s) - 1)),
    "kl-constant": of(bce, lambda m, s: 0.5 * (m**2 + np.exp(s) - s), constant=-0.5),
    "constant-offset": of(bce, constant=3.0),
    "no-derivative": lambda recon, x, mu, logvar: 3.0,
    "not-finite": of(lambda p, x: np.log(p - 1)),
}
OF_VALUES = {"not-finite", "no-derivative", "rec-scalar-mean", "kl-scalar-mean", "constant-offset", "kl-constant"}
"""Mistakes that have no sum over the batch, or another constant under it."""
HALVES = {
    "mu": lambda m, s: m**2 + 0.5 * (np.exp(s) - 1 - s),
    "e^s": lambda m, s: 0.5 * (m**2 - 1 - s) + np.exp(s),
    "s": lambda m, s: 0.5 * (m**2 + np.exp(s) - 1) - s,
    "all but mu": lambda m, s: 0.5 * m**2 + np.exp(s) - 1 - s,
}
UNKNOWN = {
    "a KL with a squared logvar": of(bce, lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 - s**2)),
    "a skewed KL": of(bce, lambda m, s: 0.5 * (0.7 * m**2 + np.exp(s) - 1 - s)),
    "a KL of |mu|": of(bce, lambda m, s: 0.5 * (np.abs(m) + np.exp(s) - 1 - s)),
    "a KL with mu and s mixed": of(bce, lambda m, s: kl(m + 0.1 * s, s)),
    "a fourth power": of(lambda m, x: (x - m) ** 4),
    "a Huber loss": of(lambda m, x: np.sqrt(1 + (x - m) ** 2) - 1),
    "a cross-entropy without its second half": of(lambda p, x: -x * np.log(p)),
    "a focal loss": of(lambda p, x: bce(p, x) * (x - p) ** 2),
    "a KL times 1.3": of(bce, combine=lambda r, k: (r.sum(1) + 1.3 * k.sum(1)).mean()),
    "a reconstruction times 1.7": of(bce, combine=lambda r, k: (1.7 * r.sum(1) + k.sum(1)).mean()),
}


def ids(report):
    return [finding.id for finding in report.findings]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_not_accused(name):
    report = check_objective(RIGHT[name])
    assert not report.findings, report
    assert report.ok
    assert str(report).endswith("Right.")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_named_and_does_not_fail(name):
    report = check_objective(DIALECTS[name])
    assert ids(report) == [name], report
    assert report.ok
    assert str(report).endswith(f"Right, in this dialect: {name}.")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_nothing_else(name):
    report = check_objective(MISTAKES[name], output="logits" if name == "double-sigmoid" else None)
    assert ids(report) == [name], report
    assert not report.ok
    assert str(report).endswith(f"Mistaken: {name}.")


@pytest.mark.parametrize("name", [name for name in MISTAKES if name not in OF_VALUES])
def test_a_mistake_under_a_sum_over_the_batch_is_named_beside_the_dialect(name):
    def loss(recon, x, mu, logvar):
        return N * MISTAKES[name](recon, x, mu, logvar)

    found = ids(check_objective(loss, output="logits" if name == "double-sigmoid" else None))
    assert name in found
    assert set(found) <= {name, "objective-batch-sum"} or {"kl-batch-sum", "kl-batch-mean-twice"} & {name}, found


@pytest.mark.parametrize("name", HALVES)
def test_one_term_that_is_not_halved_is_told(name):
    report = check_objective(of(bce, HALVES[name]))
    assert ids(report) == ["kl-partial-half"], report


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_in_no_catalogue_is_called_unknown_and_described(name):
    report = check_objective(UNKNOWN[name])
    assert ids(report) == ["unknown"], report
    says = report.findings[0].says
    assert any(char.isdigit() for char in says)
    about = "KL" if "KL" in name else "reconstruction"
    assert about in says


def test_a_linear_combination_of_the_kls_terms_is_told_by_its_numbers():
    says = check_objective(UNKNOWN["a skewed KL"]).findings[0].says
    assert "1/2 sum(0.233333 mu^2 + 0.333333 e^s - 0.333333 s)" in says


def test_the_loss_of_many_tutorials_is_named_as_what_it_is():
    report = check_objective(lambda x, x_hat, mu, logvar: np.mean((x - x_hat) ** 2) + kl(mu, logvar).sum(1))
    assert {"rec-mean-over-pixels", "rec-scalar-mean"} <= set(ids(report))
    assert f"per example a Gaussian of variance D/2 = {D / 2:g}, or beta = D/2 at variance 1" in str(report)


def test_a_mean_over_all_beside_a_sum_over_all_is_one_mistake_and_a_dialect():
    report = check_objective(of(bce, combine=lambda r, k: r.mean() + k.sum()))
    assert ids(report) == ["objective-batch-sum", "kl-batch-sum-rec-mean"]


def test_beta_is_what_is_meant():
    weighted = of(bce, combine=lambda r, k: (r.sum(1) + 0.37 * k.sum(1)).mean())
    assert check_objective(weighted, beta=0.37).ok
    assert ids(check_objective(of(bce), beta=0.37)) == ["beta-ignored"]
    assert ids(check_objective(of(bce, combine=lambda r, k: (r.sum(1) + 0.74 * k.sum(1)).mean()), beta=0.37)) == [
        "kl-missing-half"
    ]


def test_the_output_is_what_is_said_of_it():
    assert ids(check_objective(of(logits_bce), output="probabilities")) == ["double-sigmoid"]
    assert ids(check_objective(of(bce), output="logits")) == ["output-kind"]
    with pytest.raises(ValueError, match="output must be one of probabilities, logits, mean; got 'pixels'"):
        check_objective(of(bce), output="pixels")


def test_the_arguments_are_told_by_name_by_trial_or_given():
    loss = of(bce)
    assert next(orders(loss)) == ("output", "x", "mu", "logvar")
    swapped = lambda a, b, c, d: loss(c, d, a, b)  # noqa: E731
    assert check_objective(swapped).ok
    assert check_objective(swapped, arguments=("mu", "logvar", "output", "x")).ok
    assert not check_objective(swapped, arguments=("logvar", "mu", "output", "x")).ok
    with pytest.raises(ValueError, match="are not told by their names: p, q, r; say what each is"):
        check_objective(lambda p, q, r: 0)
    with pytest.raises(ValueError, match="got 'noise'"):
        check_objective(loss, arguments=("noise",))
    with pytest.raises(ValueError, match="could not be called with output, x, mu, logvar: ZeroDivisionError"):
        check_objective(lambda recon, x, mu, logvar: 1 / 0)
    with pytest.raises(ValueError, match="nothing to check"):
        check_objective()


def test_a_loss_that_takes_beta_is_given_it():
    def loss(recon, x, mu, logvar, beta):
        return (bce(recon, x).sum(1) + beta * kl(mu, logvar).sum(1)).mean()

    def unnamed(a, b, c, w, d):
        return loss(a, b, c, d, w)

    assert check_objective(loss, beta=0.37).ok
    assert check_objective(loss).ok
    roles = ("output", "x", "mu", "beta", "logvar")
    assert check_objective(unnamed, beta=0.37, arguments=roles).ok
    twice = lambda recon, x, mu, logvar, kl_weight: loss(recon, x, mu, logvar, 2 * kl_weight)  # noqa: E731
    assert ids(check_objective(twice, beta=0.37)) == ["kl-missing-half"]


def test_a_loss_in_float32_and_one_that_returns_nothing_cannot_be_judged():
    def single(recon, x, mu, logvar):
        return of(bce)(*(np.asarray(a, np.float32) for a in (recon, x, mu, logvar)))

    rounded = lambda recon, x, mu, logvar: np.float32(of(bce)(recon, x, mu, logvar))  # noqa: E731
    for loss in (single, rounded):
        with pytest.raises(ValueError, match="cannot be judged: it computes in float32"):
            check_objective(loss)
    with pytest.raises(ValueError, match="it returned None; is a return missing"):
        check_objective(lambda recon, x, mu, logvar: None)


def test_the_fitted_numbers_are_those_of_the_loss():
    at = probe()
    loss = of(bce, combine=lambda r, k: 3 * r.sum() + 5 * k.sum() + 2)
    found = explain(loss, ("output", "x", "mu", "logvar"), at, Numpy())
    np.testing.assert_allclose([found.reconstruction.scale, found.kl.scale, found.rest], [3, 5, 2], rtol=1e-8)
    assert max(found.reconstruction.off, found.kl.off) < 1e-8


def test_every_factor_is_at_least_100_tolerances_from_every_other():
    """By a and b, of one factor at a time: the tolerance of `scales` is 1e-5."""
    at = probe()
    rec, beta = lambda m, x: 0.5 * squares(m, x), 0.37
    for combine in (lambda r, k: r.sum(1) + k.sum(1), None):
        found = explain(of(rec, combine=combine), ("output", "x", "mu", "logvar"), at, Numpy())
        points = [(f.value, beta * f.value) for f in naming._both(found)]
        points += [(f.value, beta) for f in naming._of_reconstruction(True)[1:]]
        points += [(1, f.value) for f in naming._of_kl(beta)[1:]]
        for one, other in itertools.combinations(points, 2):
            assert max(abs(np.divide(one, other) - 1)) > 1e-3, (one, other)


def test_a_kl_or_a_reconstruction_that_is_missing_is_told_unless_beta_is_0():
    alone = lambda recon, x, mu, logvar: bce(recon, x).sum(1).mean()  # noqa: E731
    assert ids(check_objective(alone)) == ["kl-no-derivative"]
    assert check_objective(alone, beta=0).ok
    assert ids(check_objective(lambda recon, x, mu, logvar: kl(mu, logvar).sum(1).mean())) == ["rec-no-derivative"]


@pytest.mark.slow
def test_a_loss_that_is_of_28_by_28_pixels_only_is_asked_there():
    def loss(recon, x, mu, logvar):
        return squares(recon, x.reshape(-1, 784)).mean() + kl(mu, logvar).sum(1).mean()

    says = str(check_objective(loss))
    assert "rec-mean-over-pixels" in says
    assert "the squared error is a mean over the 784 features" in says
    with pytest.raises(ValueError, match="could not be called with output, x, mu, logvar"):
        check_objective(loss, features=11)
    assert "over the 11 features" in str(check_objective(of(bce, combine=lambda r, k: r.mean() + k.sum(1).mean()),
                                                         features=11))  # fmt: skip


@pytest.mark.parametrize("power", range(2, 8))
def test_the_bound_of_a_clamp_is_told(power):
    least = 10.0**-power
    report = check_objective(of(lambda p, x: bce(np.clip(p, least, 1 - least), x)))
    assert ids(report) == ["bce-clamp-keras" if power == 7 else "probability-clamp"]
    assert f"clamped to [{least:g}, 1 - {least:g}]" in report.findings[0].says


def gaussian_of(sigma, combine=None):
    def loss(recon, x, mu, logvar):
        rec = 0.5 * squares(recon, x) / sigma**2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)
        return (combine or (lambda r, k: (r.sum(1) + k.sum(1)).mean()))(rec, kl(mu, logvar))

    return loss


@pytest.mark.parametrize("sigma", [0.1, 3.0])
def test_a_gaussian_of_another_sigma_is_right_if_its_constant_is_that_of_its_scale(sigma):
    for combine, expected in ((None, []), (lambda r, k: r.sum() + k.sum(), ["objective-batch-sum"])):
        report = check_objective(gaussian_of(sigma, combine))
        assert ids(report) == expected, report
        assert f"that is a Gaussian of sigma {sigma:g}, with its constant" in report.facts
    off = lambda recon, x, mu, logvar: gaussian_of(sigma)(recon, x, mu, logvar) + 1  # noqa: E731
    assert not check_objective(off).ok


def test_an_elbo_that_is_summed_and_a_kl_that_is_a_mean_over_all_are_named():
    assert ids(check_objective(of(bce, combine=lambda r, k: -(r.sum() + k.sum())))) == ["elbo-for-loss"]
    mean_of_all = of(bce, combine=lambda r, k: r.sum() + k.mean())
    assert set(ids(check_objective(mean_of_all))) == {"objective-batch-sum", "kl-mean-over-latent"}


def test_a_weight_that_may_be_meant_is_said():
    four = of(bce, combine=lambda r, k: (r.sum(1) + 4 * k.sum(1)).mean())
    report = check_objective(four)
    assert "if the KL is meant to weigh 4: beta=4 (--beta 4)" in str(report)
    assert check_objective(four, beta=4).ok
    for beta in (-1, np.nan):
        with pytest.raises(ValueError, match="beta must"):
            check_objective(four, beta=beta)
