"""The memory that a step really takes: how much a process of its own grows when it builds a model and trains.

    python -m growth.memory DTYPE < SIZES

reads a list of [threads, [D, [H], K, N, S]] in JSON, and writes one of bytes. Each is measured in a copy of the process
that has trained a larger model and let it go, so that code and BLAS's own buffers are there already. Data and noise are
no part of what is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sizes import Size

from growth.points import BASE, TrainingStep

__all__ = ["measured"]

STATM = Path("/proc/self/statm")
WARM = Size(1600, (800,), 100, 512, 2)
NO_HUGE_PAGES = 41
"""The number of prctl's PR_SET_THP_DISABLE."""
EXACTLY = {
    "MALLOC_MMAP_THRESHOLD_": "65536",  # what is freed goes back to the system, and is taken anew
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "NUMPY_MADVISE_HUGEPAGE": "0",  # a page is 4 KB and not 2 MB
}


def measured(sizes: Sequence[Size], threads: Sequence[int], dtype: str) -> list[int | None]:
    """Bytes of a model, its gradient, its moments and a step's buffers; None where the system does not tell."""
    if not STATM.exists():
        return [None] * len(sizes)
    home = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    found = subprocess.run(
        [sys.executable, "-P", "-m", "growth.memory", dtype],
        env={**os.environ, **EXACTLY, "PYTHONPATH": path},
        input=json.dumps(list(zip(threads, sizes, strict=True))),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    bytes_: list[int | None] = json.loads(found.stdout)
    return bytes_


def _resident() -> int:
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _grown(size: Size, threads: int, dtype: str) -> int:
    """By how much this process grows; it ends thereafter."""
    for warm in (BASE, WARM) if threads > 1 else (BASE,):  # a copy has yet to read the code, and to start its threads
        TrainingStep(warm, dtype, threads).build()()
    step = TrainingStep(size, dtype, threads)
    before = _resident()
    step.build()
    for _ in range(3):
        step()
    return _resident() - before


def _in_a_copy(size: Size, threads: int, dtype: str) -> int:
    """`_grown` of a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):  # what went wrong is missing in the pipe
            os.write(writing, str(_grown(size, threads, dtype)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return int(found)


def main(dtype: str) -> None:
    with contextlib.suppress(AttributeError):  # a C library without it
        ctypes.CDLL(None).prctl(NO_HUGE_PAGES, 1, 0, 0, 0)
    TrainingStep(WARM, dtype, 1).build()()
    points = [
        (threads, Size(features, tuple(hidden), *rest)) for threads, (features, hidden, *rest) in json.load(sys.stdin)
    ]
    print(json.dumps([_in_a_copy(size, threads, dtype) for threads, size in points]))


if __name__ == "__main__":
    main(*sys.argv[1:])
