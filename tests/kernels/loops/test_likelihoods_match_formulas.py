"""The kernels of likelihoods against their formulas."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from kernel_cases import FLOATS, LIKELIHOODS, kernel_of, likelihood_case, search
from sums import assert_sums

from vae_np.formulas.likelihoods import Categorical, Multinomial


def formula_of(likelihood, case) -> tuple:
    """The same by the formula."""
    shape = (-1, *case.x.shape[:1], case.raw.shape[1])

    def value(b):
        case.raw += b
        case.out[:] = likelihood.log_density(case.x, case.raw.reshape(shape), case.own).sum(axis=-1).reshape(-1)

    def gradient(b):
        value(b)
        slope, own = likelihood.gradient(case.x, case.raw.reshape(shape), case.own)
        case.raw[:] = case.weight[:, None] * slope.reshape(case.raw.shape)
        for name, term in own.items():
            weighted = case.weight[:, None] * term.reshape(len(case.weight), -1)
            case.down[name][...] = weighted.sum(axis=0 if case.down[name].size > 1 else None)

    return value, gradient


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
def test_a_likelihood_is_its_formula(likelihood, dtype):
    @search
    def compare(n, d, samples, seed):
        k, f = (likelihood_case(likelihood, dtype, n, d, samples, seed) for _ in range(2))
        pairs = kernel_of(likelihood, k), formula_of(likelihood, f)
        terms = likelihood.log_density(f.x, (f.raw + f.b).reshape(samples, n, -1), f.own)
        size = (np.abs(terms) + 4).sum(axis=-1).reshape(-1)
        slope, own = likelihood.gradient(f.x, (f.raw + f.b).reshape(samples, n, -1), f.own)
        for value, _ in pairs:
            value(k.b)
        assert_sums("raw", k.raw, f.raw, 0)
        assert_sums("log p", k.out, f.out, size)
        k.out[:] = np.nan
        for _, gradient in pairs:
            gradient(np.zeros_like(k.b))
        size_raw = np.abs(f.weight)[:, None] * (np.abs(slope.reshape(f.raw.shape)) + 1)
        assert_sums("log p beside its gradient", k.out, f.out, size)
        assert_sums("raw's gradient", k.raw, f.raw, size_raw)
        for name, term in own.items():
            sizes = (np.abs(f.weight).reshape(samples, n, 1) * (np.abs(term) + 1)).sum(axis=(0, 1))
            size = sizes if f.down[name].size > 1 else sizes.sum()
            assert_sums(name, k.down[name], f.down[name], size)

    compare()


@pytest.mark.parametrize("likelihood", [Categorical(), Multinomial()], ids=repr)
def test_the_slope_of_a_sure_class_keeps_its_digits(likelihood):
    """1 - p = 2e-13 of a logit 30 above two others: taken from 1 it would be right to 4 digits."""
    case = likelihood_case(likelihood, np.float64, 1, 3, 1, 0)
    case.raw[:], case.x[:], case.weight[:] = [[30.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]], 1
    kernel_of(likelihood, case)[1](np.zeros(3))
    with mp.workdps(40):
        rest = 2 * mp.exp(-30) / (1 + 2 * mp.exp(-30))
        np.testing.assert_allclose(case.raw[0], [float(rest), float(-rest / 2), float(-rest / 2)], rtol=1e-14)
