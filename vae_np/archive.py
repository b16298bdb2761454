"""Models as single files: npz without pickle, written atomically.

    format       "vae-np 1"
    config       JSON: what `VAE.config` gives
    parameters   the flat vector

and, in a checkpoint (`checkpoint`), more.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.files import write_atomic

__all__ = ["read_archive", "write_archive"]

Array = NDArray[Any]
FORMAT = "vae-np 1"


def write_archive(
    path: str | os.PathLike[str], config: Mapping[str, Any], vector: Array, more: Mapping[str, Array] | None = None
) -> None:
    """Write a model, and whatever else there is, to ``path`` (under that very name), atomically."""
    arrays = {"format": np.array(FORMAT), "config": np.array(json.dumps(config)), "parameters": vector, **(more or {})}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def read_archive(path: Path) -> dict[str, Array]:
    """All arrays of the file, or ``ValueError`` that says what is wrong with it."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if not isinstance(npz, np.lib.npyio.NpzFile):
                raise ValueError("it is a bare array")
            arrays = {name: npz[name] for name in npz.files}
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ValueError(f"{path}: no model file of vae_np, or damaged: {error}") from None
    if str(arrays.get("format")) != FORMAT or not {"config", "parameters"} <= arrays.keys():
        raise ValueError(f"{path}: no model file of vae_np; a model has format, config and parameters")
    return arrays
