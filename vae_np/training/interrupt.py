"""Signals that wait for a good moment: SIGINT, and what schedulers and closed terminals send, SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
import socket
import threading
import time
from types import FrameType, TracebackType
from typing import Any

__all__ = ["DeferredInterrupt", "Ended"]

OTHERS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Which end a run as SIGINT does, where the system has them."""
TOGETHER = 0.2
"""Seconds within which several signals are one request: systemd sends SIGHUP right after SIGTERM."""


class Ended(KeyboardInterrupt):
    """A run was ended by a signal other than SIGINT.

    Attributes
    ----------
    number : int
        The signal's.
    """

    def __init__(self, number: int, *text: str) -> None:
        super().__init__(*text)
        self.number = number


class DeferredInterrupt:
    """Inside this context the first signal only sets ``requested``; a later one ends at once, as usual.

    Those that come with the first (`TOGETHER`) are one with it. Outside the main thread, where Python takes no signals,
    it does nothing. SIGINT is left alone where it is ignored, as in a shell's background jobs, and the others where
    anything but the system's default is set, as by nohup. The handlers that were there before come back at the end.
    """

    def __init__(self) -> None:
        self.requested = 0
        self._when = 0.0
        self._previous: dict[int, Any] = {}
        self._order: tuple[socket.socket, socket.socket] | None = None

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._listen()
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            self._previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._request)
        for number in (getattr(signal, name) for name in OTHERS if hasattr(signal, name)):
            if signal.getsignal(number) == signal.SIG_DFL:
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._order is not None:
            signal.set_wakeup_fd(-1)
            for end in self._order:
                end.close()
            self._order = None

    def interruption(self) -> KeyboardInterrupt:
        """What is to be raised for the signal that has come, the first of several."""
        came = [number for number in self._came() if number in self._previous]
        number = came[0] if came else self.requested
        return KeyboardInterrupt() if number == signal.SIGINT else Ended(number)

    def _listen(self) -> None:
        """Have the signals' numbers written down as they come, unless another does: handlers are called by number."""
        try:
            self._order = socket.socketpair()
        except OSError:  # then the handlers' order has to do
            return
        for end in self._order:
            end.setblocking(False)
        before = signal.set_wakeup_fd(self._order[1].fileno(), warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)
            for end in self._order:
                end.close()
            self._order = None

    def _came(self) -> bytes:
        """The numbers that were written down."""
        try:
            return b"" if self._order is None else self._order[0].recv(4096)
        except BlockingIOError:
            return b""

    def _request(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; handlers stay as they are: Python would stumble over others that wait for theirs."""
        if not self.requested:
            self.requested, self._when = number, time.monotonic()
        elif time.monotonic() - self._when >= TOGETHER:
            if number == signal.SIGINT:
                signal.default_int_handler(number, frame)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
