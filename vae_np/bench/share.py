"""Whether the machine is ours while something is timed: the share of a core that a busy thread is given."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vae_np.kernels.compiler.decorators import kernel

__all__ = ["OWN", "share_of_cores", "warning"]

OWN = 0.9
"""Below this share other programs take so much that times mean little."""
SECONDS, TURNS, LOOKS = 0.04, 20_000, 3


@kernel
def _spin(turns: Any) -> Any:
    """A chain of divisions, each of which waits for the one before: nothing but time."""
    x = 1.5
    for _ in range(turns):
        x = 1.0 + 1.0 / x
    return x


def share_of_cores(threads: int = 1, seconds: float = SECONDS) -> float:
    """The least share of a core, in [0, 1], that each of so many busy threads had for some hundredths of a second.

    It is the thread's own time over the clock's: 1 where nothing else runs, a half where another program wants the same
    core. What shares a core's registers, or slows it down, is not seen. The best of three looks: a program that runs
    is there in all of them, a moment of the system's own in one.
    """
    _spin(1)
    with ThreadPoolExecutor(threads) as pool:
        return max(min(pool.map(_share, [seconds] * threads)) for _ in range(LOOKS))


def _share(seconds: float) -> float:
    began, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() < began + seconds:
        _spin(TURNS)
    return min(1.0, (time.thread_time() - used) / (time.perf_counter() - began))


def warning(share: float) -> str | None:
    """The line that tells of a machine that was not its own, None of one that was."""
    if share >= OWN:
        return None
    return (
        f"other programs took {1 - share:.0%} of the cores: these times mean little; measure again on a quiet machine"
    )
