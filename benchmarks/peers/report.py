"""The machine's facts and the tables."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import numpy as np

from peers.contender import PEERS
from peers.referee import Result
from vae_np.support.machine import processor, usable_cores

__all__ = ["facts", "heading", "ratio", "row"]

COLUMNS = ["configuration", "vae_np, ms", "products, ms", "step / products", *(f"{peer} / vae_np" for peer in PEERS)]
COLUMNS += ["numpy backend / vae_np", "fastest peer / vae_np"]


def facts(threads: int, data: str) -> dict[str, str]:
    """What a reader must know of the machine and its software to read the numbers."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": processor(),
        "cores": f"{usable_cores()} of {os.cpu_count()}",
        "threads": str(threads),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: _version(name) for name in ("vae-np", "numpy", "numba", "torch", "jax", "jaxlib")},
        "NumPy's BLAS": f"{blas['name']} {blas['version']}",
        "data": data,
    }


def heading(dtype: str) -> str:
    """The table's title and its first two lines."""
    return "\n".join([f"\n{dtype}, ms a step (median)\n", _line(COLUMNS), "|---|" + "---:|" * (len(COLUMNS) - 1)])


def row(result: Result) -> str:
    """A configuration's line in the table."""
    if result.disagreements:
        return _line([str(result.size), "not timed: disagreement"] + [""] * (len(COLUMNS) - 2))
    own, products = result.median.get("vae_np"), result.median.get("products")
    peers = [ratio(result, peer) for peer in PEERS]
    fastest = min((found for found in peers if found is not None), default=None)
    cells = [_cell(own, 3), _cell(products, 3), _cell(own / products if own and products else None)]
    cells += [_cell(found) for found in [*peers, ratio(result, "vae_np numpy"), fastest]]
    return _line([str(result.size), *cells])


def ratio(result: Result, name: str) -> float | None:
    """The contender's time in units of vae_np's; None if either is missing."""
    own, other = result.median.get("vae_np"), result.median.get(name)
    return None if own is None or other is None else other / own


def _cell(value: float | None, digits: int = 2) -> str:
    return "missing" if value is None else f"{value:.{digits}f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _version(name: str) -> str:
    """Of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
