"""What `fit` refuses before its first step."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from small_runs import D, X, small

import vae_np
from vae_np.training.fitting import Settings, Trainer, fit


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": -1}, ValueError, "epochs must be at least 0; got -1"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"samples": True}, TypeError, "samples must be an integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"binarise": "often"}, ValueError, "binarise must be one of"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be of type Adam"),
        ({"objective": "iwae", "beta": 0.5}, ValueError, "has no beta"),
        ({"objective": "vae"}, ValueError, "objective must be one of elbo, iwae"),
        ({"checkpoint_seconds": math.nan}, ValueError, "checkpoint_seconds must not be negative"),
        ({"beta": -1}, ValueError, "beta must not be negative"),
        ({"beta": math.nan}, ValueError, "beta must be finite"),
        ({"resume": True}, ValueError, "resume needs checkpoint"),
        ({"resume": True, "checkpoint": "/tmp"}, IsADirectoryError, "/tmp is a folder; a checkpoint is a file"),
        ({"checkpoint": "/nowhere/at/all/c.npz"}, FileNotFoundError, "no such folder"),
        ({"checkpoint": "/tmp"}, IsADirectoryError, "/tmp is a folder"),
        ({"validation": X[:0]}, ValueError, "validation has no examples"),
        ({"validation": 2 * X}, ValueError, "validation must lie in"),
        ({"validation": X[:, 1:]}, ValueError, "validation must have 7 columns; it has 6"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_changes(options, error, message):
    vae = small()
    before = vae.parameters.vector.copy()
    with pytest.raises(error, match=message):
        fit(vae, X, output_bias="data", progress=False, **options)
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_data_that_cannot_be_binarised_are_refused_at_once():
    vae = small(likelihood="gaussian")
    with pytest.raises(ValueError, match=r"x must lie in .* for binarisation; row 0, column 2"):
        fit(vae, np.where(np.arange(D) == 2, 1.5, X), binarise="dynamic", progress=False)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (vae_np.Adam(epsilon=1e-60), "epsilon must not vanish in float32; 1e-60 does"),
        (vae_np.Adam(1e39), r"learning_rate must be finite in float32; in step 1 it is 1e\+39"),
        (vae_np.Adam(1e30, weight_decay=1e9), "learning_rate times weight_decay must be finite in float32"),
        (vae_np.Adam(vae_np.Warmup(2, 6e38)), r"in step 2 it is 6e\+38"),
    ],
)
def test_constants_of_adam_that_the_dtype_cannot_hold_are_refused_at_once(optimizer, message):
    settings = Settings(epochs=1, batch_size=6, optimizer=optimizer)
    with pytest.raises(ValueError, match=message):
        Trainer(small(dtype="float32"), X.astype("float32"), settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the decay takes all
        Trainer(small(), X, settings)


class Bare:
    """An objective without a word on its settings."""

    name, analytic_kl = "bare", True

    def __init__(self, free_bits=0.0):
        self.inner = vae_np.ELBO(free_bits)

    def __call__(self, terms, beta=1.0):
        return self.inner(terms, beta)


class Told(Bare):
    """One with a word."""

    def config(self):
        return {"free_bits": self.inner.free_bits}


class Odd(Bare):
    """One whose word JSON does not know."""

    def config(self):
        return {"weight": 1j}


def test_too_few_samples_for_an_objective_are_refused_before_the_first_step():
    vae = small()
    before = vae.parameters.vector.copy()
    for name, samples in (("vimco", 1), ("reinforce:baseline=leave-one-out", 1), ("piwae:groups=3", 4)):
        with pytest.raises(ValueError, match=r"at least 2 samples; got 1|3 groups of one size; got 4 samples"):
            fit(vae, X, objective=name, samples=samples, output_bias="data", progress=False)
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_an_objective_that_a_checkpoint_could_not_tell_from_another_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    options = {"epochs": 1, "progress": False}
    fit(small(), X, objective=Bare(), **options)
    with pytest.raises(ValueError, match=r"objective must be a dataclass or have a config\(\) method"):
        fit(small(), X, objective=Bare(), checkpoint=path, **options)
    assert not path.exists()
    fit(small(), X, objective=Told(), checkpoint=path, **options)
    with pytest.raises(ValueError, match=r"settings objective\.free_bits is 0\.0 there, 0\.5 here"):
        fit(small(), X, objective=Told(0.5), checkpoint=path, resume=True, **options)


def test_settings_that_json_cannot_hold_are_refused_before_the_first_step(tmp_path):
    vae, path = small(), tmp_path / "c.npz"
    before = vae.parameters.vector.copy()
    with pytest.raises(ValueError, match=r"objective cannot be saved as JSON in a checkpoint: .*complex"):
        fit(vae, X, objective=Odd(), checkpoint=path, output_bias="data", progress=False)
    np.testing.assert_array_equal(vae.parameters.vector, before)


@pytest.mark.parametrize(("decay", "told"), [(99, False), (100, True), (300, True)])
def test_a_weight_decay_that_takes_all_of_the_parameters_is_told(decay, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Trainer(small(), X, Settings(epochs=1, batch_size=6, optimizer=vae_np.Adam(0.01, weight_decay=decay)))
    lines = [str(warning.message) for warning in caught]
    assert len(lines) == told
    assert all(line.startswith(f"learning_rate times weight_decay is {decay / 100:.3g} in step ") for line in lines)
