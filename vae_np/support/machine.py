"""The machine's facts: what a reader must know of processor and libraries to read a timing."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from vae_np import __version__

__all__ = [
    "cpu",
    "facts",
    "first_cache",
    "half_of_memory",
    "memory",
    "numpy_threads",
    "processor",
    "second_cache",
    "until_quiet",
    "usable_cores",
]

CPU_NAMES = ("model name", "Model", "cpu")
"""Under which of these /proc/cpuinfo keeps the processor's name depends on its kind."""

USUAL = 2**32
"""Bytes of memory of a machine that does not tell."""
USUAL_CACHE, SMALL_CACHE = 1 << 19, 1 << 17
"""Bytes of the second cache of one that does not tell, and of the smallest that is believed."""
FIRST_CACHE = 1 << 15
"""Bytes of the first cache, if no more are told."""
LONGEST_SPIN, NAP = 0.5, 0.01
"""Seconds that threads may spin, and between two looks at them."""


def processor() -> str:
    """The processor's name: Linux keeps it in a file, macOS tells it to sysctl, others tell Python what they like."""
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(errors="replace")
        for name in CPU_NAMES:
            if found := re.search(rf"^{name}\s*:\s*(.+)$", text, re.MULTILINE):
                return found[1].strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            words = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(words, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu() -> str:
    """The cores that this process may use and the processor's name, as in "2 cores of AMD EPYC"."""
    cores = usable_cores()
    return f"{cores} core{'s' * (cores > 1)} of {processor()}"


def first_cache() -> int:
    """Bytes of a core's first cache of data, as `second_cache`."""
    return _cache(0, FIRST_CACHE, FIRST_CACHE)


def second_cache() -> int:
    """Bytes of a core's second cache, as Linux tells them; a virtual machine's may be wrong, so only speed may depend
    on them."""
    return _cache(2, SMALL_CACHE, USUAL_CACHE)


def _cache(index: int, small: int, usual: int) -> int:
    folder = Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}")
    with contextlib.suppress(OSError, ValueError):
        kilobytes = (folder / "size").read_text().strip().removesuffix("K")
        return max(small, 1024 * int(kilobytes))
    return usual


def until_quiet(most: float = LONGEST_SPIN) -> None:
    """Wait, for so many seconds at most, until no thread of this process is busy.

    A BLAS's threads spin after a product, in case another follows: OpenBLAS's for a tenth of a second here, in which
    they have the cores that what is timed next needs.
    """
    end = time.perf_counter() + most
    while (began := time.perf_counter()) < end:
        used = time.process_time()
        time.sleep(min(NAP, most))
        if time.process_time() - used < 0.2 * (time.perf_counter() - began):
            return


def memory() -> int | None:
    """Bytes of memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def half_of_memory() -> int:
    """Bytes that one array may take; of a machine that does not tell, half of `USUAL`."""
    return (memory() or USUAL) // 2


def facts() -> dict[str, Any]:
    """All of it, JSON-able.

    ``cpu``, ``cores`` (usable) and ``cores_in_all``, ``memory`` in bytes, ``system``; ``blas`` of ``numpy`` and
    ``scipy``, each with ``name``, ``version``, the ``threads`` that it takes at present and the processor for which it
    has chosen its ``kernels``; ``versions``. None stands for what cannot be found out.
    """
    return {
        "cpu": processor(),
        "cores": usable_cores(),
        "cores_in_all": os.cpu_count(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "blas": {package: _blas(package) for package in ("numpy", "scipy")},
        "versions": {
            "vae_np": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in ("numpy", "scipy", "numba", "llvmlite")},
        },
    }


@contextlib.contextmanager
def numpy_threads(threads: int | None) -> Iterator[None]:
    """Inside this context NumPy's BLAS takes so many threads, if it is one that can be told; None leaves it alone."""
    found = None if threads is None else _open_blas("numpy")
    if threads is None or found is None:
        yield
        return
    before = found.get_threads()
    found.set_threads(threads)
    try:
        yield
    finally:
        found.set_threads(before)


def _version(name: str) -> str | None:
    """Of an installed distribution, which is not imported for it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _blas(package: str) -> dict[str, Any]:
    """What NumPy or SciPy was built with, and what it does here."""
    built = importlib.import_module(package).show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    found = _open_blas(package)
    return {
        "name": built.get("name"),
        "version": built.get("version"),
        "threads": None if found is None else found.get_threads(),
        "kernels": None if found is None else found.kernels(),
    }


class _OpenBlas(NamedTuple):
    """Functions of a loaded OpenBLAS."""

    get_threads: Callable[[], int]
    set_threads: Callable[[int], None]
    kernels: Callable[[], str]


def _open_blas(package: str) -> _OpenBlas | None:
    """The OpenBLAS that a package calls, whichever name its functions have; None if it is another BLAS."""
    importlib.import_module("numpy.linalg" if package == "numpy" else "scipy.linalg.blas")  # loads it
    for path in _libraries(package):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            for prefix in ("scipy_", ""):
                for suffix in ("", "64_", "_64"):
                    if hasattr(library, f"{prefix}openblas_set_num_threads{suffix}"):
                        return _functions(library, f"{prefix}openblas_{{}}{suffix}")
    return None


def _functions(library: ctypes.CDLL, name: str) -> _OpenBlas:
    """The functions, whose names are made from that of one."""
    get, put, core = (getattr(library, name.format(f)) for f in ("get_num_threads", "set_num_threads", "get_corename"))
    put.restype, put.argtypes = None, [ctypes.c_int]
    core.restype = ctypes.c_char_p
    return _OpenBlas(get, put, lambda: core().decode())


def _libraries(package: str) -> list[str]:
    """Files that may be the package's OpenBLAS: those that came with it, else one that the process has loaded."""
    home = Path(importlib.import_module(package).__file__ or "").parent
    own = [home.parent / f"{package}.libs", home / ".dylibs"]
    if beside := [str(path) for folder in own for path in sorted(folder.glob("*openblas*"))]:
        return beside
    with contextlib.suppress(OSError):
        loaded = set(re.findall(r"/\S*openblas\S*", Path("/proc/self/maps").read_text()))
        return sorted(path for path in loaded if not re.search(r"/(numpy|scipy)\.libs/", path))
    return []
