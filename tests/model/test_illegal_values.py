"""Data outside a likelihood's support are errors that name the value's row and column and what asks for more."""

from __future__ import annotations

import numpy as np
import pytest

import vae_np
from vae_np.formulas.doors import chosen
from vae_np.formulas.likelihoods import Likelihood

COUNTS = "must be whole counts"
NOT_FINITE = (np.nan, np.inf, -np.inf)
ILLEGAL = {
    "categorical": ("must be 0 or 1", (-1.0, 0.5, 2.0, *NOT_FINITE)),
    "discretised-logistic": (r"must be whole multiples of 1/255 in \[0, 1\]", (-1.0, 0.5, 256 / 255, *NOT_FINITE)),
    "beta": ("must be strictly between 0 and 1", (0.0, 1.0, -0.1, 1.5, *NOT_FINITE)),
    "multinomial": (COUNTS, (-1.0, 0.5, *NOT_FINITE)),
    "poisson": (COUNTS, (-1.0, 0.5, 1e-9, *NOT_FINITE)),
    "negative-binomial": (COUNTS, (-1.0, 2.5, *NOT_FINITE)),
}
REAL = {"laplace": ("must lie in", NOT_FINITE), "student-t": ("must lie in", NOT_FINITE)}
CASES = [(name, must, value) for name, (must, values) in (ILLEGAL | REAL).items() for value in values]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "must", "value"), CASES)
def test_an_illegal_value_is_an_error_that_names_its_column_and_the_likelihood(name, must, value, dtype):
    likelihood = chosen(Likelihood, name)
    x = likelihood.examples(np.random.default_rng(0).random((6, 4))).astype(dtype)
    likelihood.check(x)
    x[4, 2] = value
    said = f"table {must}.* for the {likelihood.name} likelihood; row 4, column 2 is .*1 of 24 values"
    with pytest.raises(ValueError, match=said):
        likelihood.check(x, "table")


@pytest.mark.parametrize("name", ILLEGAL)
def test_fit_refuses_such_data_before_it_changes_a_parameter(name):
    vae = vae_np.VAE(4, hidden=(3,), latent=1, likelihood=name, backend="numpy")
    x = vae.likelihood.examples(np.random.default_rng(0).random((6, 4)))
    x[5, 1] = -0.5
    before = vae.parameters.vector.copy()
    with pytest.raises(ValueError, match=r"row 5, column 1 is -0\.5"):
        vae_np.fit(vae, x, epochs=1, progress=False)
    assert np.array_equal(vae.parameters.vector, before)
