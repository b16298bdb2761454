"""A run can be stopped anywhere and resumed to the same bits; a checkpoint of another run is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from checkpoint_files import rewritten
from models import model
from small_runs import BATCH, RUNS, D, InterruptAt, X, same_history, small

import vae_np
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import fit


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(name, steps, tmp_path):
    options = {"epochs": 3, "batch_size": BATCH, "validation": X[:5], "progress": False, **RUNS[name]}
    expected, vae, resumed = small(), small(), small()
    history = fit(expected, X, **options)
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(vae, X, checkpoint=path, **{**options, "progress": InterruptAt(steps)})
    assert load_checkpoint(path).adam.step == steps
    resumed.parameters.vector[:] = 9.0
    again = fit(resumed, X, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(resumed.parameters.vector, expected.parameters.vector)
    assert same_history(history, again)
    assert (tmp_path / "history.csv").read_text() == again.to_csv()


def test_a_run_on_the_kernels_resumes_within_an_epoch_too(tmp_path):
    options = {"epochs": 3, "batch_size": BATCH, "progress": False, "samples": 2}
    expected, vae = model(n_features=D, dtype="float32"), model(n_features=D, dtype="float32")
    x, path = X.astype("float32"), tmp_path / "checkpoint.npz"
    fit(expected, x, **options)
    with pytest.raises(KeyboardInterrupt):
        fit(vae, x, checkpoint=path, **{**options, "progress": InterruptAt(4)})
    vae = vae_np.load(path)
    fit(vae, x, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


def test_more_epochs_continue_a_finished_run_as_if_it_had_been_longer(tmp_path):
    options = {"batch_size": BATCH, "progress": False}
    expected, vae = small(), small()
    history = fit(expected, X, epochs=4, **options)
    path = tmp_path / "c.npz"
    fit(vae, X, epochs=2, checkpoint=path, **options)
    assert (tmp_path / "c.history.csv").exists()
    again = fit(vae, X, epochs=4, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)
    assert same_history(history, again)


def test_resuming_a_finished_run_changes_no_bit_and_mends_the_history_file(tmp_path):
    path, vae = tmp_path / "checkpoint.npz", small()
    history = fit(vae, X, epochs=2, batch_size=BATCH, checkpoint=path, progress=False)
    before = vae.parameters.vector.copy()
    (tmp_path / "history.csv").write_text("killed between the two files")
    again = fit(vae, X, epochs=2, batch_size=BATCH, checkpoint=path, resume=True, progress=False)
    np.testing.assert_array_equal(vae.parameters.vector, before)
    assert same_history(history, again)
    assert (tmp_path / "history.csv").read_text() == history.to_csv()


def test_resuming_removes_what_a_killed_writer_left_and_nothing_else(tmp_path):
    path = tmp_path / "checkpoint.npz"
    stale = [tmp_path / ".checkpoint.npz.ab12_xyz.tmp", tmp_path / ".history.csv.abcdefgh.tmp"]
    others = [tmp_path / ".checkpoint.npz.tmp", tmp_path / ".other.npz.ab12_xyz.tmp", tmp_path / "a.tmp"]
    for file in stale + others:
        file.write_text("half")
    fit(small(), X, epochs=1, checkpoint=path, resume=True, progress=False)
    assert not any(file.exists() for file in stale)
    assert all(file.exists() for file in others)


CHANGES = {
    "model latent is 3 there, 2 here": {"vae": {"latent": 2}},
    "model activation is 'tanh' there, 'relu' here": {"vae": {"activation": "relu"}},
    "settings batch_size is 4 there, 5 here": {"batch_size": 5},
    "settings seed is 0 there, 1 here": {"seed": 1},
    "settings optimizer.learning_rate.": {"optimizer": vae_np.Adam(vae_np.Cosine(1e-3, 9))},
    "settings beta.rate is 1.0 there, 0.5 here": {"beta": 0.5},
    "settings objective.free_bits is 0.0 there, 0.1 here": {"objective": vae_np.ELBO(0.1)},
    "settings output_bias is 'zero' there, 'data' here": {"output_bias": "data"},
    "its training data are not these": {"x": X[::-1]},
    "its validation data are not these": {"validation": X[:3]},
    "2 epochs are done already": {"epochs": 1},
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(message, tmp_path):
    path = tmp_path / "checkpoint.npz"
    options = {"epochs": 2, "batch_size": BATCH, "progress": False, "checkpoint": path}
    fit(small(), X, **options)
    bits = path.read_bytes()
    changed = dict(CHANGES[message])
    vae, x = small(**changed.pop("vae", {})), changed.pop("x", X)
    before = vae.parameters.vector.copy()
    with pytest.raises(ValueError, match=message) as caught:
        fit(vae, x, resume=True, **{**options, **changed})
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == bits
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_an_epoch_that_has_begun_is_not_cut_off(tmp_path):
    path = tmp_path / "c.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=3, batch_size=BATCH, checkpoint=path, progress=InterruptAt(4))
    with pytest.raises(ValueError, match="1 epochs are done already and the next has begun"):
        fit(small(), X, epochs=1, batch_size=BATCH, checkpoint=path, resume=True, progress=False)


@pytest.mark.parametrize("version", ["9.9.9", vae_np.__version__, None])
def test_a_run_of_another_version_is_resumed_with_a_word(version, tmp_path, recwarn):
    vae, path = small(), tmp_path / "checkpoint.npz"
    fit(vae, X, epochs=1, checkpoint=path, progress=False)
    training = load_checkpoint(path).training
    assert training.pop("version") == vae_np.__version__
    other = rewritten(path, training=json.dumps(training | ({"version": version} if version else {})))
    fit(small(), X, epochs=2, checkpoint=other, resume=True, progress=False)
    words = [str(warning.message) for warning in recwarn]
    told = [f"changed.npz is of vae_np 9.9.9, this is {vae_np.__version__}: the run goes on" in word for word in words]
    assert told == [True] * (version == "9.9.9")
