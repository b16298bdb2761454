"""Where the threads of a step meet, without leaving compiled code: some hundred nanoseconds instead of a tenth of a ms.

A row of words, each on a cache line of its own: how many have arrived, how often all have, whether the meeting is off,
and one word a worker that says where it is::

    AWAY      not in compiled code: it must be called through Python
    WAITING   lingers at the gate after a step, for a moment, in case another follows
    GO        has been sent for
    LEAVE     is told to go and serve somebody else

The first meeting of a step can be called off (the caller was interrupted before it got there); after that no thread can
fail to come, for compiled code is neither interrupted nor raises.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import types

from vae_np.kernels.compiler.decorators import COMPILED, kernel
from vae_np.kernels.compiler.intrinsics import add, compare_and_set, load, pause, set_word

__all__ = [
    "AWAY",
    "GO",
    "LEAVE",
    "WAITING",
    "away_flag",
    "begin",
    "call_off",
    "gate",
    "meet",
    "new_words",
    "release",
    "send",
]

LINE = 8
ARRIVED, ROUND, OFF, WORKERS = 0, 1 * LINE, 2 * LINE, 3 * LINE
AWAY, WAITING, GO, LEAVE = 0, 1, 2, 3
LINGER = 10_000 if COMPILED else 0
"""Pauses at the gate, a few tenths of a millisecond: longer than a training loop takes from step to step, and far too
short to disturb a neighbour."""
PATIENCE = 2000
"""Pauses at a meeting before the core is offered to somebody else: the other thread may be waiting for it."""

_yield: Any = pause
if COMPILED:
    # the next thread that waits for this core may have it
    _yield = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())


def away_flag(thread: int) -> int:
    """Where `send` says whether a worker must be called through Python."""
    return WORKERS + LINE * thread + 1


def new_words(threads: int) -> Any:
    """Words for a meeting of so many threads."""
    return np.zeros(WORKERS + LINE * threads, np.int64)


@kernel
def meet(words: Any, threads: Any) -> None:
    """Wait until all threads are here."""
    if threads > 1:
        _wait(words, threads)


@kernel
def begin(words: Any, threads: Any) -> Any:
    """The first meeting; whether it takes place."""
    return threads == 1 or _wait(words, threads)


@kernel
def _wait(words: Any, threads: Any) -> Any:
    round_ = load(words, ROUND)
    if add(words, ARRIVED, 1) == threads - 1:
        set_word(words, ARRIVED, 0)
        set_word(words, ROUND, round_ + 1)
        return True
    spins = 0
    while load(words, ROUND) == round_:
        if load(words, OFF) != 0:
            return False
        pause()
        spins += 1
        if spins > PATIENCE:
            _yield()
    return True


@kernel
def gate(words: Any, thread: Any) -> Any:
    """A worker waits to be sent for; whether it was, before its patience ended or it was told to leave."""
    i = WORKERS + LINE * thread
    if compare_and_set(words, i, AWAY, WAITING) == AWAY:
        spins = 0
        while load(words, i) == WAITING and spins < LINGER:
            pause()
            spins += 1
        if compare_and_set(words, i, WAITING, AWAY) == WAITING:
            return False
    return set_word(words, i, AWAY) == GO


@kernel
def send(words: Any, threads: Any) -> Any:
    """Send for all workers; how many must be called through Python, each of which has a 1 at its `away_flag`."""
    away = 0
    for thread in range(1, threads):
        i = WORKERS + LINE * thread
        words[i + 1] = 0
        if set_word(words, i, GO) == AWAY:
            words[i + 1] = 1
            away += 1
    return away


@kernel
def release(words: Any, thread: Any) -> None:
    """Let a lingering worker go."""
    compare_and_set(words, WORKERS + LINE * thread, WAITING, LEAVE)


@kernel
def call_off(words: Any) -> None:
    """The meeting does not take place: whoever waits, or comes late, goes home. The words are of no use any more."""
    set_word(words, OFF, 1)
