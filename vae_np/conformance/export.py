"""The vectors as files of one's own: the JSON as it is, or an .npz file for each case."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from vae_np.conformance.cases import FILES, Case, cases, data_file
from vae_np.support.files import write_atomic

__all__ = ["export"]


def export(folder: str | Path, form: str = "json") -> list[Path]:
    """Write the vectors and their page into a folder, which is made if it is not there.

    Parameters
    ----------
    folder : str or Path
    form : {"json", "npz"}
        npz has ``inputs/NAME``, ``expected/STAGE``, ``sizes/STAGE``, ``training/x``, ``training/T/rows`` and
        ``training/T/eps`` as float64 arrays, and ``settings/NAME`` as texts; no pickle.

    Returns
    -------
    list of Path
        The files that were written.
    """
    if form not in ("json", "npz"):
        raise ValueError(f"the format must be json or npz; got {form!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: data_file(name) for name in FILES if form == "json" or name == "FORMAT.md"}
    if form == "npz":
        contents |= {f"{case.id}.npz": _npz(case) for case in cases()}
    for name, content in contents.items():
        write_atomic(folder / name, content)
    return [folder / name for name in contents]


def _npz(case: Case) -> bytes:
    arrays: dict[str, Any] = {f"inputs/{name}": value for name, value in case.inputs.items()}
    arrays |= {f"expected/{name}": value.nearest for name, value in case.expected.items()}
    arrays |= {f"sizes/{name}": value for name, value in case.sizes.items()}
    arrays |= {f"settings/{name}": np.array(str(value)) for name, value in case.settings.items()}
    arrays["kind"] = np.array(case.kind)
    if case.training is not None:
        arrays["training/x"] = case.training.x
        for t, (rows, eps) in enumerate(zip(case.training.rows, case.training.eps, strict=True), start=1):
            arrays |= {f"training/{t}/rows": np.array(rows), f"training/{t}/eps": eps}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
