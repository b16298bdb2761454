"""vae-np train: its bar on a terminal, and closed standard streams."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import sys
import termios

import pytest
from patience import HANGS

import vae_np as package
from cli.conftest import SMALL


def test_on_a_terminal_there_is_a_bar_that_an_interrupt_leaves_in_order(here):
    pytest.importorskip("tqdm")
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program = "import sys; from vae_np.cli import main; sys.exit(main())"
        words = ["train", "--data", "data.csv", *SMALL, "--epochs", "100000", "--out", "a run"]
        os.execv(sys.executable, [sys.executable, "-c", program, *words])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    text, sent = b"", False
    while True:
        try:
            text += os.read(terminal, 65536)
        except OSError:  # the other side has closed
            break
        if not sent and b"ELBO -" in text:
            os.kill(pid, signal.SIGINT)
            sent = True
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    lines = text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    assert lines[-1] == "vae-np: interrupted; continue with: vae-np train --out 'a run' --resume"
    bar = lines[-2].split("\r")
    assert len(bar) > 2
    assert max(map(len, bar)) < 80
    assert bar[-1].startswith("epoch ")
    assert "ELBO -" in bar[-1]
    package.load("a run")


@pytest.mark.parametrize("closed", [(0, 1, 2), (1,), (2,)])
def test_closed_standard_streams_are_no_obstacle(closed, start):
    words = ["train", "--data", "data.csv", *SMALL, "--no-pictures", "--epochs", "1", "--out", "run"]
    process = start(*words, before=lambda: [os.close(handle) for handle in closed])
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert bool(out) == (1 not in closed)
    package.load("run")
