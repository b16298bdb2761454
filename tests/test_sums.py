"""The comparison of sums: what passes whatever the order, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from sums import assert_sums, assert_tensors, products

FLOATS = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_of_any_order_agree_where_they_cancel_too(dtype):
    generator = np.random.default_rng(0)
    for n in (2, 17, 1000):
        x, w = (generator.standard_normal(shape).astype(dtype) for shape in ((9, n), (n, 131)))
        w[0] -= (x @ w / x[0, 0])[0]  # the first row is almost 0
        order = generator.permutation(n)
        forwards, backwards = np.zeros((2, 9, 131), dtype)
        for i in range(n):
            forwards += x[:, i : i + 1] * w[i]
            backwards += x[:, n - 1 - i : n - i] * w[n - 1 - i]
        for found in (x @ w, x[:, order] @ w[order], backwards):
            assert_sums("x @ w", found, forwards, products(x, w), n)
    with pytest.raises(AssertionError):  # what a tolerance relative to the result does to the thousand
        np.testing.assert_allclose(backwards, forwards, rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("check", [lambda *a: assert_sums(*a, 1.0), assert_tensors], ids=["sums", "tensors"])
def test_what_is_wrong_fails_and_says_where(check, dtype):
    right = np.array([[1.0, -1e-9], [0.5, 1.0]], dtype)
    check("y", right.copy(), right)
    for wrong in (right * np.nan, right * dtype(1 + 1e-4), -right, right + dtype(1e-4), right * dtype(np.inf)):
        with pytest.raises(AssertionError, match="y"):
            check("y", wrong, right)
    one = right.copy()
    one[1, 0] = np.nan
    with pytest.raises(AssertionError, match=r"y\[1, 0\]"):
        check("y", one, right)
    with pytest.raises(AssertionError, match="shape"):
        check("y", right[0], right)
    with pytest.raises(AssertionError, match="float"):
        check("y", right.astype(np.longdouble), right)


def test_a_sum_of_nothing_must_be_equal():
    assert_sums("y", np.zeros(3), np.zeros(3), 0)
    with pytest.raises(AssertionError, match=r"y\[2\]"):
        assert_sums("y", np.array([0, 0, 1e-300]), np.zeros(3), 0)


def test_infinity_where_it_is_expected_is_refused():
    with pytest.raises(AssertionError):
        assert_tensors("y", np.array([np.inf]), np.array([np.inf]))
