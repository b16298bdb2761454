"""A run whose numbers leave the finite ones stops with an error that says where."""

from __future__ import annotations

import numpy as np
import pytest
from small_runs import BATCH, N, X, small

import vae_np
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Settings, Trainer, fit
from vae_np.training.progress import Silent


def explode(vae, **options):
    with pytest.raises(vae_np.NonFiniteError) as caught:
        fit(vae, X * 1.0, epochs=50, batch_size=BATCH, progress=False, **options)
    return caught.value


def test_a_diverging_run_names_stage_epoch_step_and_rows_and_leaves_the_checkpoint_whole(tmp_path):
    path = tmp_path / "checkpoint.npz"
    vae = small(activation="relu", hidden=(5, 5))
    error = explode(vae, optimizer=vae_np.Adam(1e80), checkpoint=path, checkpoint_seconds=0)
    t = load_checkpoint(path).adam.step + 1
    assert f"in epoch {-(-t // 3)}, step {t}" in str(error)
    assert error.stage.split(".")[0].split()[0] in ("encoder", "decoder", "z", "log_likelihood", "kl", "gradient")
    np.testing.assert_array_equal(vae_np.load(path).parameters.vector, vae.parameters.vector)
    assert set(error.examples) <= set(range(N))


def test_the_examples_of_an_error_are_rows_of_x_and_not_of_the_batch():
    vae = small(likelihood="gaussian")
    x = X.copy()
    x[8] = 1e200
    with pytest.raises(vae_np.NonFiniteError) as caught:
        fit(vae, x, epochs=1, batch_size=BATCH, progress=False)
    assert caught.value.examples == (8,)


def test_parameters_that_are_not_finite_are_never_saved(tmp_path):
    path = tmp_path / "c.npz"
    trainer = Trainer(small(), X, Settings(batch_size=BATCH))
    trainer.save(path)
    bits = path.read_bytes()
    trainer.vae.parameters["encoder.mu.b"][1] = np.inf
    with pytest.raises(vae_np.NonFiniteError, match=r"parameter encoder.mu.b: entry \[1\] is not finite"):
        trainer.save(path)
    assert path.read_bytes() == bits


def test_an_epoch_that_ends_with_parameters_that_are_not_finite_is_an_error(tmp_path):
    vae, path = small(), tmp_path / "checkpoint.npz"

    def spoil(history):
        if len(history.rows) == 2:
            vae.parameters["decoder.out.b"][3] = np.nan

    options = {"epochs": 2, "batch_size": BATCH, "progress": False, "on_epoch": spoil}
    with pytest.raises(vae_np.NonFiniteError, match=r"entry \[3\] is not finite after step 6") as caught:
        fit(vae, X, **options)
    assert caught.value.stage == "parameter decoder.out.b"
    vae = small()
    with pytest.raises(vae_np.NonFiniteError):
        fit(vae, X, checkpoint=path, **options)
    assert not path.exists()


def test_a_last_step_to_infinity_is_an_error():
    vae = small()
    trainer, step = Trainer(vae, X, Settings(epochs=1, batch_size=N)), Trainer.step

    def leap():
        step(trainer)
        vae.parameters["encoder.mu.b"][...] = np.inf

    trainer.step = leap
    with pytest.raises(vae_np.NonFiniteError, match=r"parameter encoder\.mu\.b"):
        trainer.run(None, 10.0, Silent())
