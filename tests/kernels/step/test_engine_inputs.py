"""What the engine on kernels is given: it stays as it is, must have its form, and NaN in it comes out."""

from __future__ import annotations

import numpy as np
import pytest
from engine_pairs import ACTIVATIONS, FLOATS, assert_step_agrees, batch, engines
from sums import assert_tensors

from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.objectives import ELBO, IWAE


def test_inputs_are_not_changed():
    pair = engines(likelihood=Gaussian("heteroscedastic"))
    x, eps = batch("float64", samples=2)
    x.flags.writeable = eps.flags.writeable = False
    assert_step_agrees(pair, x, eps, ELBO(), 1.0, "float64")
    assert_step_agrees(pair, x, eps, IWAE(), 1.0, "float64")
    formula, kernel = (engine.terms(x, eps) for engine in pair)
    assert_tensors("raw", kernel.raw, formula.raw)


COMMON = ("tanh", "relu", "gelu")
"""The activations that are tried without being asked for at length."""


@pytest.mark.parametrize("form", ["features", "latent", "dtype", "examples"])
def test_compiled_code_is_not_given_arrays_of_another_form(form):
    _, kernel = engines()
    x, eps = batch("float64")
    wrong = {
        "features": (x[:, :-1], eps),
        "latent": (x, eps[..., :-1]),
        "dtype": (x.astype(np.float32), eps),
        "examples": (x[:-1], eps),
    }[form]
    with pytest.raises(ValueError, match="must be float64 of shape"):
        kernel.loss_and_grad(*wrong, ELBO(), 1.0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "activation",
    [*COMMON, *(pytest.param(a, marks=pytest.mark.slow) for a in ACTIVATIONS if a not in COMMON)],
)
def test_nan_anywhere_makes_the_loss_or_the_gradient_nan(activation, dtype):
    _, engine = engines(dtype, Gaussian("learned"), activation=activation)
    x, eps = batch(dtype)
    for name, array in [("x", x), ("eps", eps), *engine.parameters.items()]:
        saved = array.copy()
        array.flat[array.size // 2] = np.nan
        for objective in (ELBO(), IWAE()):
            step = engine.loss_and_grad(x, eps, objective, 1.0)
            assert np.isnan(step.loss), f"NaN in {name} vanished"
        array[...] = saved
        assert np.isfinite(engine.loss_and_grad(x, eps, ELBO(), 1.0).gradients.vector).all()
