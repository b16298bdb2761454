"""The kernels of a Gaussian whose sigma is a number use 1/sigma, as the formula does."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from vae_np.formulas.likelihoods import Gaussian
from vae_np.kernels.loops import likelihoods
from vae_np.kernels.step import prepare

SIGMAS = [5.6e-309, 1e-30, 1e-10, 1e-4, 0.7, 1.0, 3.0, 100.0, 1e17, 1e308]


@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_reciprocal_in_two_parts_has_the_digits_of_two(sigma):
    inverse, rest = likelihoods.reciprocal(sigma)
    error = abs((Fraction(inverse) + Fraction(rest)) * Fraction(sigma) - 1)
    assert error <= Fraction(2) ** -105 + Fraction(5e-324) * Fraction(sigma)
    assert inverse == 1 / sigma


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_arrays_of_a_gaussian_hold_the_reciprocal_itself(sigma):
    w = SimpleNamespace(own_s=np.empty(3), own_inverse=np.empty(3), own_rest=np.empty(3))
    prepare.gaussian(w, Gaussian(sigma), {})
    inverse, rest = likelihoods.reciprocal(sigma)
    assert (w.own_s == 2 * np.log(sigma)).all()
    assert (w.own_inverse == inverse).all()
    assert (w.own_rest == rest).all()
