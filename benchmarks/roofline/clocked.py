"""A training step that looks at the clock after each stage and each meeting."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vae_np.kernels.compiler.decorators import inner
from vae_np.kernels.compiler.intrinsics import call_stage, vector_at
from vae_np.kernels.step import sequence
from vae_np.kernels.step.costs import sequence_with
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.threads.barrier import meet

__all__ = ["clocked", "seconds_a_tick"]

_COUNTER = "cycle" if platform.machine().lower() in ("x86_64", "amd64", "i686") else "steady"


@intrinsic
def _ticks(typing: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        form = ir.FunctionType(ir.IntType(64), [])
        return builder.call(cgutils.get_or_insert_function(builder.module, form, f"llvm.read{_COUNTER}counter"), [])

    return types.int64(), generate


@numba.njit
def _now() -> Any:
    return _ticks()


def seconds_a_tick() -> float:
    """Of the counter, against the clock."""
    _now()
    began, first = time.perf_counter(), _now()
    time.sleep(0.05)
    return (time.perf_counter() - began) / (_now() - first)


def _run_with(log: NDArray[np.int64]) -> Any:
    """`sequence.run`, compiled anew: thread t's row of the log has a count and as many times."""
    address, size, room = int(log.ctypes.data), log.size, log.shape[1]

    @inner
    def look(t: Any) -> None:
        times = vector_at(address, 0, np.int64(0), (size,))
        count = times[t * room] + 1
        times[t * room], times[t * room + count] = count, _ticks()

    @inner
    def do(q: Any, place: Any, i: Any, j: Any, t: Any) -> None:
        call_stage(q[place], q, i, j, t)
        look(t)

    @inner
    def come(q: Any, t: Any) -> None:
        if q[places.THREADS] > 1:
            meet(views.words(q), q[places.THREADS])
        look(t)

    scope = sequence_with(do, come, inner)
    step = scope["_step"]

    @inner
    def from_the_start(q: Any, t: Any) -> None:
        vector_at(address, 0, np.int64(0), (size,))[t * room] = 0
        look(t)
        step(q, t)

    plain: Any = sequence.run
    scope["_step"] = from_the_start
    run = FunctionType(plain.py_func.__code__, scope, "run")
    return numba.njit(nogil=True, error_model="numpy")(run)  # with no cache: it would be the other's


@contextmanager
def clocked(threads: int, room: int = 4096) -> Iterator[NDArray[np.int64]]:
    """The log that steps of engines made meanwhile write, (threads, room)."""
    log, before = np.zeros((threads, room), np.int64), sequence.run
    sequence.run = _run_with(log)
    try:
        yield log
    finally:
        sequence.run = before
