"""Threads that work beside the caller's: compiled code releases the interpreter's lock, so they run at once."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from vae_np.kernels.step.threads.barrier import away_flag, call_off, release, send

__all__ = ["Team", "team"]


class _Worker:
    """A daemon thread that takes calls from a queue of its own, one after the other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.words: Any = None  # of the meetings that it was last sent to
        self.error: BaseException | None = None
        self.calls: queue.SimpleQueue[Callable[[int], None]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=f"vae_np-{number}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            call = self.calls.get()
            try:
                call(self.number)
            except BaseException as error:  # nobody else would come to the meeting then
                self.error = error
                call_off(self.words)


class Team:
    """The process's workers: one step at a time has them, for they cannot be in two meetings."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: list[_Worker] = []

    def run(self, words: Any, threads: int, lead: Callable[[], Any], follow: Callable[[int], None]) -> None:
        """``lead()`` by this thread and ``follow(t)`` by workers t = 1, 2, ..., which meet at ``words``.

        A worker that lingers there since the last step needs no call. If this thread is interrupted on its way the
        meeting is called off, and ``words`` must not be used again.
        """
        with self.lock:
            while len(self.workers) < threads - 1:
                self.workers.append(_Worker(len(self.workers) + 1))
            try:
                for worker in self.workers[: threads - 1]:
                    if worker.words is not words:
                        if worker.words is not None:
                            release(worker.words, worker.number)
                        worker.words = words
                if send(words, threads):
                    for worker in self.workers[: threads - 1]:
                        if words[away_flag(worker.number)]:
                            worker.calls.put(follow)
                lead()
                for worker in self.workers[: threads - 1]:
                    if worker.error is not None:
                        error, worker.error = worker.error, None
                        raise RuntimeError(f"thread {worker.number} of the step failed") from error
            except BaseException:
                call_off(words)
                raise


_team = Team()


def team() -> Team:
    """The team of this process: a forked one has no threads but the one that forked."""
    return _team


def _begin_anew() -> None:
    global _team
    _team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
