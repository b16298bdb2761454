"""Signals that wait for a good moment: SIGINT, and what schedulers and closed terminals send, SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["DeferredInterrupt", "Ended"]

OTHERS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Which end a run as SIGINT does, where the system has them."""


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
    """Inside this context the first signal only sets ``requested``; a second one ends at once, as usual.

    Outside the main thread, where Python takes no signals, it does nothing. SIGINT is left alone where it is ignored,
    as in a shell's background jobs, and the others where anything but the system's default is set, as by nohup. The
    handlers that were there before come back at the end.
    """

    def __init__(self) -> None:
        self.requested = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is not threading.main_thread():
            return self
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

    def interruption(self) -> KeyboardInterrupt:
        """What is to be raised for the signal that has come."""
        return KeyboardInterrupt() if self.requested == signal.SIGINT else Ended(self.requested)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = number
        for own in self._previous:
            signal.signal(own, signal.default_int_handler if own == signal.SIGINT else signal.SIG_DFL)
