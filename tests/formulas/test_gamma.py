"""What is left of log Gamma beside Stirling's approximation, against 60 digits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from vae_np.formulas.gamma import FAR, NEAR, log_peak, stirling, stirling_slope

EDGES = [FAR, np.nextafter(FAR, 0), NEAR, np.nextafter(NEAR, 0)]
Z = np.concatenate([10.0 ** np.linspace(-300, 300, 61), np.linspace(0.3, 40, 400), EDGES])
U = np.finfo(float).eps / 2


def exact(z: float) -> tuple[mp.mpf, mp.mpf]:
    """S(z) and z S'(z)."""
    z = mp.mpf(z)
    s = mp.loggamma(z) - (z - mp.mpf(1) / 2) * mp.log(z) + z - mp.log(2 * mp.pi) / 2
    return s, z * (mp.digamma(z) - mp.log(z)) + mp.mpf(1) / 2


def test_stirlings_rest_and_its_slope_are_exact_far_out_and_lose_no_more_than_their_terms_near_0():
    found = zip(Z, stirling(Z, np.log(Z)), stirling_slope(Z, np.log(Z)), strict=True)
    with mp.workdps(700):
        for z, *values in found:
            # far out the sum of the series; between, ten differences of numbers near 1; near 0 what z log z has
            terms = 1 / z if z >= FAR else 10 * (1 + z) if z >= NEAR else 3 + abs(float(mp.log(z)))
            for value, right in zip(values, exact(z), strict=True):
                assert abs(value - right) <= 2 * U * terms, f"z = {z}: {value}, {mp.nstr(right, 20)}"


def test_the_complex_step_through_stirlings_rest_is_its_slope():
    z = Z[(Z > 1e-3) & (Z < 1e12)]
    step = z + 1e-100j
    with np.errstate(all="ignore"):
        found = z * stirling(step, np.log(step)).imag / 1e-100
    np.testing.assert_allclose(found, stirling_slope(z, np.log(z)), atol=1e-13 * 40)


@pytest.mark.parametrize("x", [0, 1, 2, 7, 14, 15, 16, 17, 40, 1000, 10**6, 10**15])
def test_the_peak_is_the_poissons_log_probability_of_a_count_at_its_own_rate(x):
    with mp.workdps(60):
        right = mp.loggamma(x + 1) - (x * mp.log(x) if x else 0) + x
        assert abs(log_peak(np.array([float(x)]))[0] - right) <= 4 * U * right
