"""The parent's end of a worker."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Child", "ChildError"]

THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")


class ChildError(Exception):
    """What a contender could not do, in one line."""


class Child:
    """A worker in a process, and a session, of its own: what it starts, a compiler for instance, ends with it."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        # a file: a pipe that nobody reads would fill up and stop the child
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "peers.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=_environment(threads),
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def __repr__(self) -> str:
        return f"Child({self.name})"

    def send(self, message: dict[str, Any]) -> None:
        """Hand over a message; a child that is gone is noticed by `receive`."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")

    def receive(self) -> dict[str, Any]:
        """The reply to the last message, or a `ChildError`."""
        # awake twice a second: Ctrl-C may be given to another of this process's threads, and wakes only that one
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            pass
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise ChildError(self._last_words())
        reply = json.loads(line)
        if "error" in reply:
            raise ChildError(reply["error"])
        return reply

    def ask(self, **message: Any) -> dict[str, Any]:
        """Both."""
        self.send(message)
        return self.receive()

    def close(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.errors.close()

    def _last_words(self) -> str:
        """Why the child ended: the last line of what it said, and how it went."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = [line for line in self.errors.read().decode(errors="replace").splitlines() if line.strip()]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"died ({how})" + (f": {lines[-1].strip()}" if lines else "")


def _environment(threads: int) -> dict[str, str]:
    """What holds every library to so many threads, must be there before it is loaded."""
    home = str(Path(__file__).parent.parent)
    return {
        **os.environ,
        **{f"{library}_THREADS": str(threads) for library in THREADS},
        "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")])),
        "JAX_PLATFORMS": "cpu",
        # in its own process: no pool of compilers that stays behind
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
