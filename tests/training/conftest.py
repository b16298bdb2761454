"""What tests of training share: SIGINT as on a terminal, and a checkpoint."""

from __future__ import annotations

import signal

import pytest
from checkpoint_files import X
from models import model

from vae_np.training.fitting import Settings, Trainer


@pytest.fixture(autouse=True)
def _sigint():
    """SIGINT as on a terminal, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint in the middle of an epoch."""
    trainer = Trainer(model(backend="numpy"), X, Settings(epochs=3, batch_size=4))
    for _ in range(3):
        trainer.step()
    trainer._end_epoch()
    trainer.step()
    trainer.save(tmp_path / "checkpoint.npz")
    return trainer, tmp_path / "checkpoint.npz"
