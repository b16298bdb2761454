"""Models as single files: npz without pickle, written atomically.

    format       "vae-np 1"
    config       JSON: what `VAE.config` gives
    parameters   the flat vector
    scaling      shift and scale, (2, D) in float64, of a model that standardises its data

and, in a checkpoint (`checkpoint`), more.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np import __version__
from vae_np.formulas.scaling import Scaling
from vae_np.support.files import write_atomic

__all__ = ["read_archive", "write_archive"]

Array = NDArray[Any]
FORMAT = "vae-np 1"
NAMES = ("format", "config", "parameters", "scaling", "last", "training")
ROOM = 2**26
"""Bytes by which a file's entries may exceed the file; ours are not compressed and exceed it by none."""


def write_archive(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    vector: Array,
    scaling: Scaling | None = None,
    more: Mapping[str, Array] | None = None,
) -> None:
    """Write a model, and whatever else there is, to ``path`` (under that very name), atomically."""
    arrays = {"format": np.array(FORMAT), "config": np.array(json.dumps(config)), "parameters": vector, **(more or {})}
    if scaling is not None:
        arrays["scaling"] = np.stack([scaling.shift, scaling.scale])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def read_archive(path: Path) -> dict[str, Array]:
    """All arrays of the file that are ours, or ``ValueError`` that says what is wrong with it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    if not data.startswith(b"PK"):
        what = "a bare array" if data.startswith(b"\x93NUMPY") else "no npz file" if data else "empty"
        raise ValueError(f"{path}: no model file of vae_np: it is {what}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as npz:
            if (size := sum(entry.file_size for entry in npz.zip.infolist())) > len(data) + ROOM:
                raise ValueError(f"its entries unpack to {size} bytes")
            arrays = {name: _native(npz[name]) for name in npz.files if name in NAMES or name.startswith("adam.")}
    except Exception as error:  # whatever the parsers trip over, it is the file that is at fault
        reason = "it holds pickled objects" if "allow_pickle" in str(error) else str(error) or type(error).__name__
        raise ValueError(f"{path}: no model file of vae_np, or damaged: {' '.join(reason.split())}") from None
    form = str(arrays.get("format"))
    if form != FORMAT and re.fullmatch(r"vae-np \d+", form):
        raise ValueError(f"{path}: has the format {form!r}; vae_np {__version__} reads {FORMAT!r}")
    if form != FORMAT or not {"config", "parameters"} <= arrays.keys():
        raise ValueError(f"{path}: no model file of vae_np; a model has format, config and parameters")
    return arrays


def _native(array: Array) -> Array:
    """The array in the machine's order of bytes: a file may come from another machine."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
