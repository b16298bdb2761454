"""When a run writes its checkpoint and its history, and what is left of them when it fails."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from small_runs import BATCH, InterruptAt, X, small

import vae_np
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Trainer, fit
from vae_np.training.progress import Silent
from vae_np.training.trainer import history_file


class Full:
    """A file on a full disk."""

    def __init__(self, handle):
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.handle)

    def fileno(self):
        return self.handle

    def write(self, data):
        os.write(self.handle, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_epochs_still_leave_a_checkpoint(tmp_path):
    fit(small(), X, epochs=0, checkpoint=tmp_path / "c.npz", progress=False)
    np.testing.assert_array_equal(vae_np.load(tmp_path / "c.npz").parameters.vector, small().parameters.vector)


def test_checkpoints_are_written_as_often_as_asked(tmp_path, monkeypatch):
    counts = {}
    for seconds in (0, 1e9):
        saved = []
        options = {"checkpoint": tmp_path / "c", "checkpoint_seconds": seconds, "progress": False}
        monkeypatch.setattr(Trainer, "save", lambda self, path, saved=saved: saved.append(self.adam.step))
        fit(small(), X, epochs=2, batch_size=BATCH, **options)
        counts[seconds] = saved
    assert counts == {0: [1, 2, 3, 4, 5, 6, 6], 1e9: [6]}


def test_the_history_is_beside_its_checkpoint_under_a_name_of_its_own():
    assert history_file("run/checkpoint.npz").as_posix() == "run/history.csv"
    assert history_file("run/other.npz").as_posix() == "run/other.history.csv"


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_a_disk_that_fills_stops_the_run_and_leaves_the_last_checkpoint_to_resume_from(name, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    options = {"epochs": 3, "batch_size": BATCH, "progress": False, "checkpoint": path}
    expected = small()
    fit(expected, X, epochs=3, batch_size=BATCH, progress=False)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, **{**options, "progress": InterruptAt(2)})
    bits = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if name == "write":
            patch.setattr("vae_np.support.files.os.fdopen", lambda handle, mode: Full(handle))
        else:
            patch.setattr(f"vae_np.support.files.os.{name}", full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            fit(small(), X, resume=True, checkpoint_seconds=0, **options)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == bits
    assert not list(tmp_path.glob(".*"))
    vae = small()
    fit(vae, X, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


@pytest.mark.parametrize("place", ["on_epoch", "epoch", "step"])
def test_an_error_of_a_callback_leaves_a_checkpoint_to_resume_from(place, tmp_path):
    expected, path = small(), tmp_path / "c.npz"
    options = {"epochs": 3, "batch_size": BATCH, "checkpoint": path}
    fit(expected, X, epochs=3, batch_size=BATCH, progress=False)
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == (3 if place == "step" else 2):
            raise ZeroDivisionError("mine")

    reporter = Silent()
    if place != "on_epoch":
        setattr(reporter, place, fail)
    with pytest.raises(ZeroDivisionError, match="mine"):
        fit(small(), X, progress=reporter, on_epoch=fail if place == "on_epoch" else None, **options)
    assert load_checkpoint(path).adam.step == (3 if place == "step" else 6)
    vae = small()
    fit(vae, X, resume=True, progress=False, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


def test_an_error_before_the_first_step_writes_nothing(tmp_path, monkeypatch):
    def broken(self, terms, beta=1.0):
        raise ZeroDivisionError

    monkeypatch.setattr(vae_np.ELBO, "__call__", broken)
    with pytest.raises(ZeroDivisionError):
        fit(small(), X, objective=vae_np.ELBO(free_bits=0.5), checkpoint=tmp_path / "c.npz", progress=False)
    assert list(tmp_path.iterdir()) == []
