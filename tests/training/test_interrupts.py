"""SIGINT while a run trains, and runs outside the main thread."""

from __future__ import annotations

import signal
import threading

import pytest
from small_runs import InterruptAt, X, small

from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Trainer, fit
from vae_np.training.progress import Silent


def test_the_handler_of_sigint_comes_back():
    def mine(*arguments):
        raise AssertionError

    before = signal.signal(signal.SIGINT, mine)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(small(), X, epochs=2, progress=InterruptAt(1))
        assert signal.getsignal(signal.SIGINT) is mine
        fit(small(), X, epochs=1, progress=False)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_sigint_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert len(fit(small(), X, epochs=2, progress=InterruptAt(1)).rows) == 2
    except KeyboardInterrupt:
        pytest.fail("the run was interrupted")
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_does_not_wait(tmp_path):
    path = tmp_path / "c.npz"

    class Impatient(Silent):
        def step(self, epoch, elbo):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=2, checkpoint=path, progress=Impatient())
    assert not path.exists()


def test_an_interrupt_during_the_last_checkpoint_is_not_lost(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    save = Trainer.save

    def interrupted(self, target):
        signal.raise_signal(signal.SIGINT)
        save(self, target)

    monkeypatch.setattr(Trainer, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=1, checkpoint=path, progress=False)
    assert load_checkpoint(path).training["epoch"] == 1


def test_training_works_outside_the_main_thread():
    lengths = []
    vae = small()
    thread = threading.Thread(target=lambda: lengths.append(len(fit(vae, X, epochs=2, progress=False).rows)))
    thread.start()
    thread.join()
    assert lengths == [2]
