"""How errors are counted in units in the last place."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import ulp

FLOATS = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_error_is_counted_in_neighbours(dtype):
    for value in [1.0, 1.5, 1e-30, float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)]:
        value = dtype(value)
        below = np.nextafter(value, dtype(0))
        assert ulp.ulp_error(value, mp.mpf(float(value)), dtype) == 0
        assert ulp.ulp_error(below, mp.mpf(float(value)), dtype) in (0.5, 1)
    smallest = np.finfo(dtype).smallest_subnormal
    assert ulp.ulp_error(smallest, mp.mpf(0), dtype) == 1
    assert ulp.ulp_error(dtype(0), mp.mpf(float(smallest)) / 4, dtype) == 0.25
    assert ulp.ulp_error(dtype(2), mp.mpf(1), dtype, scale=mp.mpf(1) / np.finfo(dtype).eps) == 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_overflow_and_nan_are_counted_by_class(dtype):
    largest = mp.mpf(float(np.finfo(dtype).max))
    assert ulp.ulp_error(np.inf, 2 * largest, dtype) == 0
    assert ulp.ulp_error(np.inf, largest, dtype) == 1
    assert ulp.ulp_error(np.inf, largest / 2, dtype) > 1e6
    assert ulp.ulp_error(np.inf, largest * 0.6, dtype, headroom=2) == 0
    assert ulp.ulp_error(-np.inf, 2 * largest, dtype) > 1e6
    assert ulp.ulp_error(np.finfo(dtype).max, 2 * largest, dtype) > 1e6
    assert ulp.ulp_error(np.nan, mp.mpf(1), dtype) == math.inf
    assert ulp.ulp_error(1.0, mp.nan, dtype) == math.inf
    assert ulp.ulp_error(1.0, mp.inf, dtype) == math.inf
    assert ulp.worst([1.0, np.nan, 3.0], [mp.mpf(1)] * 3, dtype) == (math.inf, 1)
