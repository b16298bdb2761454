"""A sampler is graded with its noise replaced, however NumPy is asked for it."""

from __future__ import annotations

import functools
import sys
import types

import numpy as np
import pytest
from scipy.special import ndtri

from vae_np.conformance import check_objective
from vae_np.conformance.objective.probes import K

randn, rand, normal, uniform = np.random.randn, np.random.rand, np.random.normal, np.random.uniform
FROZEN = np.random.default_rng(4).normal(size=(3, K))


def ids(report):
    return [finding.id for finding in report.findings]


def by_attribute(mu, logvar):
    return mu + np.exp(logvar / 2) * np.random.randn(*mu.shape)  # noqa: NPY002


SAMPLERS = {
    "right": (lambda mu, logvar, eps: mu + np.exp(logvar / 2) * eps, []),
    "draws": (by_attribute, []),
    "imported by name": (lambda mu, logvar: mu + np.exp(logvar / 2) * randn(*mu.shape), []),
    "a variance": (lambda mu, logvar: mu + np.exp(logvar) * normal(size=mu.shape), ["std-is-variance"]),
    "a logvar": (lambda mu, logvar, eps: mu + logvar * eps, ["std-is-logvar"]),
    "small noise": (lambda mu, logvar: mu + np.exp(logvar / 2) * normal(0, 0.01, mu.shape), ["eps-std-not-one"]),
    "a noise for all": (lambda mu, logvar: mu + np.exp(logvar / 2) * randn(), ["eps-ignored"]),
    "one of its own": (lambda mu, logvar, eps: mu + np.exp(logvar / 2) * 0.7, ["eps-ignored"]),
    "shared": (lambda mu, logvar: mu + np.exp(logvar / 2) * randn(K), ["eps-shared-batch"]),
    "shared, given": (lambda mu, logvar, eps: mu + np.exp(logvar / 2) * eps[:1], ["eps-shared-batch"]),
    "no noise": (lambda mu, logvar: mu, ["eval-mean-as-elbo"]),
    "plus sigma": (lambda mu, logvar: mu + np.exp(logvar / 2), ["eval-mu-plus-sigma"]),
    "skewed": (lambda mu, logvar, eps: mu + np.exp(logvar / 2) * (eps + 0.1 * eps**2), ["unknown"]),
    "a generator": (lambda mu, logvar: mu + np.random.default_rng(0).normal(size=mu.shape), ["unknown"]),
    "frozen": (lambda mu, logvar: mu + np.exp(logvar / 2) * FROZEN, ["eps-frozen"]),
    "a frozen row": (lambda mu, logvar: mu + np.exp(logvar / 2) * FROZEN[:1], ["eps-frozen"]),
    "uniform": (lambda mu, logvar: mu + np.exp(logvar / 2) * rand(*mu.shape), ["eps-not-normal"]),
    "centred": (lambda mu, logvar: mu + np.exp(logvar / 2) * uniform(-1, 1, mu.shape), ["eps-not-normal"]),
    "by its inverse": (lambda mu, logvar: mu + np.exp(logvar / 2) * ndtri(rand(*mu.shape)), []),
    "clamped": (lambda mu, logvar, eps: mu + np.exp(np.clip(logvar, -10, 10) / 2) * eps, ["clamp-gradient"]),
    "clamped above": (lambda mu, logvar: mu + np.exp(np.minimum(logvar, 4) / 2) * normal(size=mu.shape),
                      ["clamp-gradient"]),
    "a relu": (lambda mu, logvar, eps: mu + np.exp(np.maximum(logvar, 0) / 2) * eps, ["head-activation"]),
    "an epsilon": (lambda mu, logvar, eps: mu + np.sqrt(np.exp(logvar) + 1e-8) * eps, ["deviation-epsilon"]),
    "a wrong shape": (lambda mu, logvar, eps: mu.sum(1), ["sampler-shape"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_is_graded_with_its_noise_replaced(name):
    sampler, expected = SAMPLERS[name]
    report = check_objective(sampler=sampler)
    assert ids(report) == expected, report


RNG = np.random.default_rng(5)
OLD = np.random.RandomState(5)


class Kept:
    def __init__(self):
        self.rng = np.random.default_rng(5)

    def sample(self, mu, logvar):
        return mu + np.exp(logvar / 2) * self.rng.normal(size=mu.shape)


GENERATORS = {
    "normal by its mean and deviation": lambda mu, logvar: normal(mu, np.exp(logvar / 2)),
    "normal of zeros": lambda mu, logvar: mu + np.exp(logvar / 2) * normal(np.zeros_like(mu), 1),
    "made here": lambda mu, logvar: mu + np.exp(logvar / 2) * np.random.default_rng().standard_normal(mu.shape),
    "of the module": lambda mu, logvar: RNG.normal(mu, np.exp(logvar / 2)),
    "an old one": lambda mu, logvar: mu + np.exp(logvar / 2) * OLD.randn(*mu.shape),
    "given": lambda rng, mu, logvar: mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_noise_is_ours_however_numpy_is_asked_for_it(name):
    state = OLD.get_state()[1].tolist()
    report = check_objective(sampler=GENERATORS[name])
    assert not report.findings, report
    assert (type(RNG), OLD.get_state()[1].tolist()) == (np.random.Generator, state)


def test_noise_that_is_out_of_reach_is_no_mistake():
    with pytest.raises(ValueError, match="cannot be judged: it draws noise in a way that is out of reach"):
        check_objective(sampler=Kept().sample)


def test_noise_is_as_before_after_a_check_even_if_the_sampler_fails():
    before = np.random.normal, np.random.randn, randn, normal
    check_objective(sampler=SAMPLERS["imported by name"][0])
    with pytest.raises(ZeroDivisionError):
        check_objective(sampler=lambda mu, logvar: 1 / 0)
    assert (np.random.normal, np.random.randn, randn, normal) == before


def keyed(rng, mu, logvar):
    rng = np.random if rng is None else rng
    return mu + np.exp(logvar / 2) * rng.normal(size=mu.shape)


def of_a_pair(inputs):
    mu, logvar = inputs
    return mu + np.exp(logvar / 2) * np.random.randn(*mu.shape)  # noqa: NPY002


class Layer:
    def call(self, inputs):
        return of_a_pair(inputs)


@pytest.mark.parametrize("sampler", [keyed, of_a_pair, Layer(), functools.partial(keyed, None)])
def test_a_key_a_pair_and_a_layer_are_samplers_too(sampler):
    report = check_objective(sampler=sampler)
    assert not report.findings, report
    assert "draws noise once, of the shape (3, 5)" in report.facts[0]


def test_tensorflows_noise_is_replaced_and_its_functions_called_with_arrays(monkeypatch):
    """By a module of its name, with no more of it than is used."""
    tf = types.ModuleType("tensorflow")
    tf.random = types.SimpleNamespace(normal=lambda shape, mean=0.0, stddev=1.0: np.ones(shape), uniform=np.ones)
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    monkeypatch.setitem(globals(), "tf", tf)
    report = check_objective(sampler=by_tensorflow)
    assert not report.findings, report
    assert "by TensorFlow" in report.facts[0]
    assert (tf.random.normal((2,)) == 1).all()


def by_tensorflow(mu, logvar):
    return mu + np.exp(logvar / 2) * tf.random.normal(shape=mu.shape)  # noqa: F821


def test_noise_of_the_other_sign_is_the_same_distribution():
    report = check_objective(sampler=lambda mu, logvar, eps: mu - np.exp(logvar / 2) * eps)
    assert not report.findings, report
    assert "of the same distribution" in str(report)


def of_std(mu, std):
    return mu + std * np.random.randn(*mu.shape)  # noqa: NPY002


def of_log_sigma(mu, log_sigma, eps):
    return mu + np.exp(log_sigma) * eps


def of_variance(mu, var):
    return mu + np.sqrt(var) * np.random.randn(*mu.shape)  # noqa: NPY002


def misnamed(mu, sigma):
    return mu + np.exp(0.5 * sigma) * np.random.randn(*mu.shape)  # noqa: NPY002


@pytest.mark.parametrize("sampler", [of_std, of_log_sigma, of_variance, misnamed])
def test_a_sampler_is_right_for_what_its_second_argument_is_called(sampler):
    report = check_objective(sampler=sampler)
    assert report.ok
    assert not report.findings
    assert str(report).endswith("Right.")


@pytest.mark.parametrize(
    ("sampler", "named"),
    [
        (lambda mu, std: mu + np.exp(std) * np.random.randn(*mu.shape), "std-is-variance"),  # noqa: NPY002
        (lambda mu, logvar: mu + logvar * np.random.randn(*mu.shape), "std-is-logvar"),  # noqa: NPY002
    ],
)
def test_a_sampler_that_is_wrong_for_both_is_judged_as_one_of_the_log_variance(sampler, named):
    assert [finding.id for finding in check_objective(sampler=sampler).findings] == [named]


def test_where_nothing_could_be_graded_nothing_is_called_right():
    def softplus(mu, rho):
        return mu + np.log1p(np.exp(rho)) * np.random.randn(*mu.shape)  # noqa: NPY002

    with pytest.raises(ValueError, match="nothing could be graded: the sampler: its deviation is the softplus"):
        check_objective(sampler=softplus)
