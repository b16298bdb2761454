"""The baseline of a table: a Gaussian for each column by itself."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from vae_np.evaluation import baseline
from vae_np.evaluation.baseline import columns_alone

U = 2.0**-53


def expected(train, x):
    """By exact moments, row by row, and the sum of the absolute terms."""
    means = [sum(map(Fraction, column)) / len(column) for column in train.T.tolist()]
    variances = [
        sum((Fraction(v) - m) ** 2 for v in column) / len(column) or Fraction(1)
        for column, m in zip(train.T.tolist(), means, strict=True)
    ]
    rows, sizes = [], []
    for row in x.tolist():
        squares = [float((Fraction(v) - m) ** 2 / s) for v, m, s in zip(row, means, variances, strict=True)]
        terms = [-(q + math.log(2 * math.pi) + math.log(float(s))) / 2 for q, s in zip(squares, variances, strict=True)]
        rows.append(math.fsum(terms))
        sizes.append(math.fsum((abs(q) + 2 + abs(math.log(float(s)))) for q, s in zip(squares, variances, strict=True)))
    return np.array(rows), np.array(sizes)


def test_it_is_the_density_with_the_training_datas_moments(monkeypatch):
    monkeypatch.setattr(baseline, "BLOCK", 12)  # several blocks of rows
    generator = np.random.default_rng(0)
    train = generator.normal([0, 100, -3, 7], [1e-3, 315, 1, 0], (30, 4))  # the last column is constant
    x = generator.normal([0, 100, -3, 7], [1e-3, 315, 1, 0.5], (11, 4))
    values, sizes = expected(train, x)
    # mean and deviation of 30 values are within some 30 roundings, of values up to 1e2 deviations from 0
    assert (np.abs(columns_alone(train, x) - values) <= 30 * 100 * U * sizes).all()


def test_the_mean_over_the_training_data_is_minus_their_entropy():
    train = np.random.default_rng(1).normal(5, 3, (50, 3))
    entropy = np.log(train.std(axis=0)).sum() + 1.5 * (math.log(2 * math.pi) + 1)
    assert math.isclose(columns_alone(train, train).mean(), -entropy, rel_tol=50 * 3 * U)


def test_values_out_of_all_proportion_have_the_density_0():
    train = np.array([[0.0], [1e-200], [1e-200]])
    assert columns_alone(train, np.array([[1e200]])).tolist() == [-np.inf]
