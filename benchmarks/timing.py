"""Medians of what takes turns: machines are shared and their clocks wander, so what is compared is timed in rounds."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from vae_np.bench.share import share_of_cores, warning
from vae_np.support.machine import until_quiet

__all__ = ["Call", "medians", "watched"]

Call = Callable[[], object]
TURN, MOST = 0.02, 10
"""A turn lasts about so many seconds, and is no more than so many calls."""
LEAST = 3
"""Rounds, however long one takes."""


def medians(
    calls: Mapping[str, Call], seconds: float, before: Mapping[str, Call] | None = None, *, spins: bool = False
) -> dict[str, float]:
    """The median time of each call in milliseconds, after half as long a warm-up.

    Parameters
    ----------
    calls : mapping
        What is timed, by name.
    seconds : float
        Rounds begin until then.
    before : mapping, optional
        What must be done before each call of a name, untimed: to put back what the call overwrites.
    spins : bool
        A call leaves threads behind that spin, as NumPy's products do: each turn waits for those of the one before.
    """
    prepare = before or {}
    lasts = dict.fromkeys(calls, math.inf)
    rounds, end = 0, time.monotonic() + seconds / 2
    while rounds < 2 or time.monotonic() < end:  # the first may compile
        for name, call in calls.items():
            lasts[name] = min(lasts[name], _timed(call, prepare.get(name)))
        rounds += 1
    times: dict[str, list[float]] = {name: [] for name in calls}
    rounds, end = 0, time.monotonic() + seconds
    while rounds < LEAST or time.monotonic() < end:
        for name, call in calls.items():
            if spins:
                until_quiet()
            _timed(call, prepare.get(name))  # what ran before has the caches
            count = min(MOST, max(1, int(TURN / max(lasts[name], 1e-9))))
            times[name] += [_timed(call, prepare.get(name)) for _ in range(count)]
        rounds += 1
    return {name: 1e3 * float(np.median(found)) for name, found in times.items()}


@contextlib.contextmanager
def watched(threads: int = 1) -> Iterator[None]:
    """A warning after what is timed inside, where other programs had cores before or after it."""
    share = share_of_cores(threads)
    yield
    until_quiet()
    if told := warning(min(share, share_of_cores(threads))):
        print(f"warning: {told}", file=sys.stderr)


def _timed(call: Call, prepare: Call | None) -> float:
    """Seconds."""
    if prepare is not None:
        prepare()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
