"""Threads that work beside the caller's: kernels and BLAS release the interpreter's lock, so they run at once."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["cores", "run_all"]

T = TypeVar("T")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Task:
    """A call on its way through a worker."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        """Call, keep what comes of it, and let the waiting one go on."""
        try:
            with np.errstate(all="ignore"):  # the caller's, which a thread does not inherit
                self.result = self.call()
        except BaseException as error:
            self.error = error
        finally:
            self.done.release()


class _Worker:
    """A daemon thread that takes tasks from a queue of its own, one after the other."""

    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="vae_np", daemon=True).start()

    def _serve(self) -> None:
        _here.works = True
        while True:
            self.tasks.get().run()


_here = threading.local()
_workers: dict[int, list[_Worker]] = {}  # by process: a fork inherits the list and not the threads


def run_all(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of the calls, made at once: the first by this thread, the others by workers.

    All have ended when it returns; the first error among them is raised.
    """
    if len(calls) == 1 or getattr(_here, "works", False):  # a worker that waited for workers would wait for itself
        return [call() for call in calls]
    workers = _workers.setdefault(os.getpid(), [])
    while len(workers) < len(calls) - 1:
        workers.append(_Worker())
    tasks = [_Task(call) for call in calls]
    for worker, task in zip(workers, tasks[1:], strict=False):
        worker.tasks.put(task)
    tasks[0].run()
    for task in tasks:
        task.done.acquire()
    for task in tasks:
        if task.error is not None:
            raise task.error
    return [task.result for task in tasks]
