"""The categorical likelihood against 50 digits, its gradient, its groups, and mistakes in it."""

from __future__ import annotations

import functools

import mpmath as mp
import numpy as np
import pytest

import vae_np
from vae_np.formulas.likelihoods import Categorical

C, GROUPS, N = 4, 3, 30
LIKELIHOOD = Categorical(C)


def data(dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
    """x one-hot, and logits of moderate and of large differences."""
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((N, C * GROUPS)) * 10.0 ** rng.uniform(-3, 2.5, (N, 1)) + 10.0 ** rng.uniform(
        -2, 3, (N, 1)
    )
    return LIKELIHOOD.examples(rng.random(raw.shape)).astype(dtype), raw.astype(dtype)


@functools.cache
def exact(dtype) -> tuple[list, list]:
    """(x_c log p_c, size) and (x_c - p_c, size) of each feature.

    The difference d of a logit from the largest is rounded, by which e^-d is off by d roundings: a size is that of the
    value, and so often that.
    """
    (x, raw), values, slopes = data(dtype), [], []
    with mp.workdps(1500):
        for row, logits in zip(x, raw, strict=True):
            for g in range(0, len(row), C):
                a = [mp.mpf(float(v)) for v in logits[g : g + C]]
                shares, top = [mp.exp(v - max(a)) for v in a], max(a)
                others = sum(shares) - 1
                spread = sum(s * (top - v) for s, v in zip(shares, a, strict=True)) / others
                for hot, v in zip(row[g : g + C], a, strict=True):
                    log_p, p = v - top - mp.log(1 + others), mp.exp(v - top) / (1 + others)
                    if hot:
                        values.append((log_p, top - v + (1 + spread) * abs(log_p)))
                    slopes.append((hot - p, (4 + top - v + spread) * abs(hot - p)))
    return values, slopes


def errors(dtype, log_density, gradient) -> tuple[float, float]:
    """The worst of value and gradient in units of eps/2 of their size, above what is subnormal."""
    x, raw = data(dtype)
    u, tiny = float(np.finfo(dtype).eps) / 2, 10 * float(np.finfo(dtype).tiny)
    found = log_density(x, raw)[x == 1], gradient(x, raw).ravel()
    worst = [0.0, 0.0]
    for i, theirs in enumerate(exact(dtype)):
        for v, (e, size) in zip(found[i], theirs, strict=True):
            if abs(e) > tiny:
                off = float(abs(mp.mpf(float(v)) - e) / size) / u
                worst[i] = off if not off <= worst[i] else worst[i]
    return worst[0], worst[1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_log_softmax_and_its_gradient_keep_their_digits_however_sure_the_decoder_is(dtype):
    value, slope = errors(dtype, LIKELIHOOD.log_density, lambda x, raw: LIKELIHOOD.gradient(x, raw)[0])
    assert value <= 4  # the difference, its exponential, their sum, the logarithm
    assert slope <= 4


def log_softmax(x, raw, axis=-1):
    """By the logarithm of the whole sum, which is 1 + something small where the decoder is sure."""
    a = raw.reshape(N, GROUPS, C)
    shifted = a - a.max(axis=axis, keepdims=True)
    return x * (shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))).reshape(raw.shape)


def softmax_of(raw, groups=GROUPS):
    a = np.exp(raw.reshape(N, groups, -1) - raw.reshape(N, groups, -1).max(axis=-1, keepdims=True))
    return (a / a.sum(axis=-1, keepdims=True)).reshape(raw.shape)


MISTAKES = {
    "the logarithm of the whole sum": (log_softmax, None),
    "1 - p of a p close to 1": (None, lambda x, raw: x - softmax_of(raw)),
    "all columns one group": (Categorical().log_density, None),
    "a Bernoulli each": (vae_np.Bernoulli().log_density, None),
    "no sum in the gradient": (None, lambda x, raw: x - np.exp(raw - raw.max())),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_bound_finds_the_mistake(mistake):
    value, slope = MISTAKES[mistake]
    with np.errstate(all="ignore"):
        found = errors(np.float64, value or LIKELIHOOD.log_density,
                       slope or (lambda x, raw: LIKELIHOOD.gradient(x, raw)[0]))  # fmt: skip
    assert not max(found) <= 4  # also where it is NaN


def test_the_complex_step_through_it_is_its_gradient():
    x, raw = data()
    gradient, h = LIKELIHOOD.gradient(x, raw)[0], 1e-100
    for j in range(raw.shape[1]):
        step = raw.astype(complex)
        step[:, j] += 1j * h
        found = LIKELIHOOD.log_density(x, step).sum(axis=-1).imag / h
        # the step's sums have terms of at most 1
        np.testing.assert_allclose(found, gradient[:, j], rtol=1e-12, atol=1e-15)


def test_the_probabilities_of_a_group_add_up_to_1_and_only_the_group_of_a_feature_counts():
    _, raw = data()
    p = LIKELIHOOD.mean(raw).reshape(N, GROUPS, C)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=4 * np.finfo(float).eps)
    moved = raw.copy()
    moved[:, C:] += 3 * np.arange(C * (GROUPS - 1))
    assert np.array_equal(LIKELIHOOD.mean(moved)[:, :C], p[:, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_comes_out_as_nan(bad):
    x, raw = data()
    raw[3, 1] = bad
    with np.errstate(all="ignore"):
        assert np.isnan(LIKELIHOOD.log_density(x, raw)[3].sum())


def test_samples_have_one_1_in_each_group():
    vae = vae_np.VAE(C * GROUPS, hidden=(3,), latent=2, likelihood=LIKELIHOOD, backend="numpy")
    LIKELIHOOD.check(vae.sample(50))


def test_a_group_without_exactly_one_1_is_an_error_that_names_its_columns():
    x, _ = data()
    for value, columns in ((0, "0"), (1, "2")):
        wrong = x.copy()
        wrong[7, 4:8] = 0
        wrong[7, 4:6] = value
        said = rf"exactly one 1 in each group of 4 columns .*; row 7, columns 4 to 7 have {columns} \(1 of 90 groups"
        with pytest.raises(ValueError, match=said):
            LIKELIHOOD.check(wrong)


def test_classes_that_do_not_divide_the_columns_are_refused():
    with pytest.raises(ValueError, match="classes=4 of the categorical likelihood must divide the 10 columns"):
        vae_np.VAE(10, likelihood="categorical:classes=4")
    for classes in (1, 0, -2):
        with pytest.raises(ValueError, match="classes must be at least 2"):
            Categorical(classes)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_groups_train_and_their_gradients_are_right_in_both_backends(backend):
    vae = vae_np.VAE(C * GROUPS, hidden=(5,), latent=2, likelihood=LIKELIHOOD, backend=backend)
    x, eps = (
        LIKELIHOOD.examples(np.random.default_rng(1).random((40, C * GROUPS))),
        vae_np.standard_normal(0, 0, (2, 40, 2)),
    )
    report = vae_np.gradcheck.check_model(vae, x, eps, 0.37)
    assert report.ok, report.table()
    before = vae.elbo(x, eps).elbo.mean()
    vae_np.fit(vae, x, epochs=20, output_bias="data", progress=False)
    assert vae.elbo(x, eps).elbo.mean() > before


def test_codes_are_one_hot_and_back_and_those_that_are_none_are_refused():
    codes = np.random.default_rng(0).integers(0, C, (20, GROUPS))
    x = LIKELIHOOD.one_hot(codes, np.float32)
    LIKELIHOOD.check(x)
    assert x.shape == (20, C * GROUPS)
    assert x.dtype == np.float32
    assert all(x[n, g * C + codes[n, g]] == 1 for n in range(20) for g in range(GROUPS))
    np.testing.assert_array_equal(LIKELIHOOD.codes(x), codes)
    for wrong in (C, -1, 0.5):
        with pytest.raises(ValueError, match=r"codes must be whole numbers from 0 to 3 .*; row 2, column 1 is"):
            LIKELIHOOD.one_hot(np.where((np.arange(5)[:, None] == 2) & (np.arange(2) == 1), wrong, codes[:5, :2]))
    with pytest.raises(ValueError, match="codes need the number of classes"):
        Categorical().one_hot(codes)
