"""A program that runs beside this one and speaks in lines; nothing that it does or leaves undone holds us up.

A thread each writes to its standard input and reads its standard output and its standard error, so that a pipe that is
full blocks the thread alone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO

__all__ = ["Ended", "Process", "TooLate"]

LONGEST_LINE = 1 << 24
"""Bytes of a line. The end of a longer one may never come."""
PATIENCE = 2.0
"""Seconds in which a program may end by itself after the end of its input."""


class TooLate(Exception):
    """No line came in time."""


class Ended(Exception):
    """There will be no more lines of the program.

    Attributes
    ----------
    code : int or None
        Its exit code, as `subprocess` has it; None if it has not ended and is of no use any more.
    """

    def __init__(self, how: str, code: int | None = None) -> None:
        self.code = code
        super().__init__(f"the program {how}")


class Process:
    """One run of the program.

    Raises
    ------
    OSError
        If it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        # a session of its own: what it starts ends with it
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._lines: queue.Queue[bytes | None] = queue.Queue(maxsize=4)  # a flood stays in the pipe
        self._last_words = ""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._writer = _thread(self._write, self._process.stdin)
        self._reader = _thread(self._read, self._process.stdout)
        self._listener = _thread(self._listen, self._process.stderr)

    def send(self, line: str) -> None:
        """Put a line on its input, whether it reads or not."""
        self._requests.put(line.encode() + b"\n")

    def line(self, until: float) -> str:
        """Its next line that is not blank.

        Raises
        ------
        TooLate
            If there is none before `time.monotonic` is ``until``.
        Ended
            If there will be none.
        """
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=min(left, 3600.0))  # more than some centuries is an error there
            except queue.Empty:
                continue
            if line is None:
                self._lines.put(None)  # it stays the end
                raise self._ended()
            if len(line) == LONGEST_LINE:
                raise Ended(f"wrote a line of more than {LONGEST_LINE} bytes")
            if line.strip():
                return line.decode("utf-8", "replace").rstrip("\r\n")
        raise TooLate

    def stop(self) -> None:
        """End its input; if it does not end then, end it, and what it has started."""
        self._requests.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self.kill()

    def kill(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:  # pragma: no cover
                self._process.kill()
        self._process.wait()
        self._requests.put(None)
        until = time.monotonic() + PATIENCE
        while self._reader.is_alive() and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):  # the thread may wait for room
                self._lines.get(timeout=0.01)
        for thread in (self._writer, self._listener):
            thread.join(PATIENCE)

    def _ended(self) -> Ended:
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return Ended("closed its standard output")
        self._listener.join(PATIENCE)
        how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        return Ended(f"{how}: {self._last_words or 'without a word'}", code)

    def _write(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError), stream:  # a program that has ended is told by its output
            while (line := self._requests.get()) is not None:
                stream.write(line)
                stream.flush()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(LONGEST_LINE):
                self._lines.put(line)
        self._lines.put(None)

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(4096):
                self._last_words = line.decode("utf-8", "replace").strip() or self._last_words


def _thread(target: object, stream: IO[bytes]) -> threading.Thread:
    thread = threading.Thread(target=target, args=(stream,), daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
