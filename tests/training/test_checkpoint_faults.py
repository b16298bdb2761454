"""A checkpoint whose entries make no sense, alone or together, is refused by its name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from checkpoint_files import X, edited, rewritten
from models import model

import vae_np
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Settings, Trainer

MODEL_FAULTS = [
    {"hidden": [6]},
    {"hidden": "wide"},
    {"hidden": {"a": 1}},
    {"latent": 0},
    {"latent": 1e400},
    {"latent": 10**15},
    {"n_features": None},
    {"activation": "swish"},
    {"likelihood": 5},
    {"likelihood": {"name": ["bernoulli"]}},
    {"dtype": "float32"},
    {"dtype": "int8"},
    {"seed": -1},
    {"backend": "numpy"},
    {"depth": 3},
]


@pytest.mark.parametrize("change", MODEL_FAULTS, ids=str)
def test_a_config_that_makes_no_model_is_refused(change, saved):
    path = edited(saved[1], "config", **change)
    with pytest.raises(ValueError, match=r"changed\.npz: the model in it makes no sense"):
        vae_np.load(path)


def test_a_parameter_that_is_not_finite_is_named(saved):
    vector = saved[0].vae.parameters.vector.copy()
    vector[-1] = np.nan
    with pytest.raises(ValueError, match=r"changed\.npz: parameter decoder.out.b\[6\] is not finite"):
        vae_np.load(rewritten(saved[1], parameters=vector))


TRAINING_FAULTS = [
    {"epoch": -1},
    {"epoch": True},
    {"epoch": 2},
    {"position": "4"},
    {"sums": {}},
    {"sums": {"log_likelihood": 0.0, "kl": 0.0, "gradient_norm": float("nan"), "seconds": 0.0}},
    {"history": [{"epoch": 1}]},
    {"history": None},
    {"settings": []},
    {"data": None},
    {"version": 1},
]


@pytest.mark.parametrize("change", TRAINING_FAULTS, ids=str)
def test_a_training_state_that_makes_no_sense_is_refused(change, saved):
    with pytest.raises(ValueError, match=r"changed\.npz: the training state in it makes no sense"):
        load_checkpoint(edited(saved[1], "training", **change))


MOMENT_FAULTS = [
    {"adam__m": np.zeros(3)},
    {"adam__m": None},
    {"adam__m": np.full(1, np.nan)},
    {"adam__v_max": np.full(1, np.inf)},
    {"adam__v": np.full(1, -1.0)},
    {"adam__step": np.array([1, 2])},
    {"adam__extra": np.zeros(1)},
    {"training": "[1, 2]"},
    {"training": "{"},
]


@pytest.mark.parametrize("change", MOMENT_FAULTS, ids=lambda change: f"{next(iter(change))}-{len(str(change))}")
def test_moments_that_do_not_fit_are_refused(change, saved):
    size = saved[0].vae.parameters.vector.size
    change = {k: np.resize(v, size) if getattr(v, "shape", ()) == (1,) else v for k, v in change.items()}
    with pytest.raises(ValueError, match=r"changed\.npz: the training state in it makes no sense"):
        load_checkpoint(rewritten(saved[1], **change))


@pytest.mark.parametrize("change", [{"position": 3}, {"position": 12}, {"position": 8}])
def test_counters_that_contradict_each_other_are_refused_on_resume(change, saved):
    trainer, path = saved
    with pytest.raises(ValueError, match="contradict each other"):
        trainer.restore(edited(path, "training", **change))


def test_a_checkpoint_with_or_without_v_max_must_fit_amsgrad_before_anything_changes(saved):
    trainer, path = saved
    before = trainer.vae.parameters.vector.copy()
    vector = np.full_like(before, 0.5)
    with pytest.raises(ValueError, match=r"changed\.npz: has a v_max, and amsgrad is False"):
        trainer.restore(rewritten(path, adam__v_max=np.ones_like(before), parameters=vector))
    other = Trainer(model(backend="numpy"), X, Settings(epochs=3, batch_size=4, optimizer=vae_np.Adam(amsgrad=True)))
    with np.load(path) as npz:
        training = json.loads(str(npz["training"]))
    training["settings"]["optimizer"]["amsgrad"] = True
    with pytest.raises(ValueError, match=r"changed\.npz: has no v_max, and amsgrad is True"):
        other.restore(edited(path, "training", **training))
    np.testing.assert_array_equal(trainer.vae.parameters.vector, before)
