"""Checkpoints with some of their entries changed, and the data of the run that wrote them."""

from __future__ import annotations

import json

import numpy as np

X = np.random.default_rng(0).random((9, 7))


def rewritten(path, **changes):
    """The file with some of its entries changed; None leaves one out."""
    with np.load(path) as npz:
        arrays = {name: npz[name] for name in npz.files}
    arrays |= {name.replace("__", "."): np.asarray(value) for name, value in changes.items() if value is not None}
    for name in [name for name, value in changes.items() if value is None]:
        del arrays[name.replace("__", ".")]
    other = path.with_name("changed.npz")
    with open(other, "wb") as file:
        np.savez(file, **arrays)
    return other


def edited(path, entry, **changes):
    """The file with some fields of its JSON entry changed."""
    with np.load(path) as npz:
        values = json.loads(str(npz[entry]))
    return rewritten(path, **{entry: json.dumps(values | changes)})
