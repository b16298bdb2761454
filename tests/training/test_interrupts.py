"""SIGINT, SIGTERM and SIGHUP while a run trains, and runs outside the main thread."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import threading
import time

import pytest
from small_runs import InterruptAt, X, small

from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Trainer, fit
from vae_np.training.interrupt import TOGETHER, Ended
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


def test_a_later_second_interrupt_does_not_wait(tmp_path):
    path = tmp_path / "c.npz"

    class Impatient(Silent):
        def step(self, epoch, elbo):
            signal.raise_signal(signal.SIGINT)
            time.sleep(TOGETHER)
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


OTHERS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Sends(Silent):
    """Sends a signal to ourselves after the first step."""

    def __init__(self, number):
        self.number = number

    def step(self, epoch, elbo):
        signal.raise_signal(self.number)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", OTHERS)
def test_what_schedulers_send_ends_a_run_with_a_checkpoint_as_sigint_does(number, tmp_path):
    whole, path, before = small(), tmp_path / "c.npz", signal.getsignal(number)
    fit(whole, X, epochs=2, progress=False)
    with pytest.raises(Ended) as caught:
        fit(small(), X, epochs=2, checkpoint=path, progress=Sends(number))
    assert caught.value.number == number
    assert isinstance(caught.value, KeyboardInterrupt)
    assert load_checkpoint(path).adam.step == 1
    assert signal.getsignal(number) == before
    resumed = small()
    fit(resumed, X, epochs=2, checkpoint=path, resume=True, progress=False)
    assert (resumed.parameters.vector == whole.parameters.vector).all()


@pytest.mark.parametrize("number", OTHERS)
def test_a_signal_that_others_handle_or_ignore_is_left_to_them(number):
    got = []
    for handler in (lambda *arguments: got.append(number), signal.SIG_IGN):
        before = signal.signal(number, handler)
        try:
            assert len(fit(small(), X, epochs=1, progress=Sends(number)).rows) == 1
            assert signal.getsignal(number) == handler
        finally:
            signal.signal(number, before)
    assert got


@pytest.mark.usefixtures("default_signals")
@pytest.mark.skipif(len(OTHERS) < 2, reason="the system has no such signals")
@pytest.mark.parametrize("first", [*OTHERS, signal.SIGINT])
def test_signals_that_come_together_end_a_run_once_with_a_checkpoint_and_the_first_ones_name(first, tmp_path, capfd):
    """Python calls their handlers in the order of their numbers, and stumbles where one changes the others'."""
    path = tmp_path / "c.npz"
    rest = [number for number in (*OTHERS, signal.SIGINT) if number != first]

    class Sends(Silent):
        def step(self, epoch, elbo):  # with no line of Python between them, where a handler could be called
            list(map(ctypes.PyDLL(None)["raise"], map(int, (first, first, *rest))))

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(small(), X, epochs=2, checkpoint=path, progress=Sends())
    assert getattr(caught.value, "number", signal.SIGINT) == first
    assert load_checkpoint(path).adam.step == 1
    assert capfd.readouterr().err == ""
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.usefixtures("default_signals")
def test_a_later_second_signal_meets_the_systems_default(monkeypatch):
    met = []

    class Later(Silent):
        def step(self, epoch, elbo):
            signal.raise_signal(OTHERS[0])
            time.sleep(TOGETHER)
            monkeypatch.setattr(signal, "raise_signal", lambda number: met.append((number, signal.getsignal(number))))
            os.kill(os.getpid(), OTHERS[0])

    with pytest.raises(Ended):
        fit(small(), X, epochs=1, progress=Later())
    assert met == [(OTHERS[0], signal.SIG_DFL)]


def test_who_has_signals_written_down_keeps_that():
    ends = socket.socketpair()
    ends[1].setblocking(False)
    signal.set_wakeup_fd(ends[1].fileno())
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(small(), X, epochs=2, progress=InterruptAt(1))
        assert ends[0].recv(9) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(-1) == ends[1].fileno()
    finally:
        signal.set_wakeup_fd(-1)
        for end in ends:
            end.close()
