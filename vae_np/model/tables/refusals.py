"""What no column may hold, told by the column's name."""

from __future__ import annotations

import datetime
from collections.abc import Hashable
from typing import Any

import numpy as np

from vae_np.support.checks import LARGEST_WHOLE

__all__ = ["refuse_inexact", "refuse_strange"]

STRANGE = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64, complex, np.complexfloating)


def refuse_strange(name: Hashable, values: Any) -> None:
    """``ValueError`` where a value is missing, in scikit-learn's words, or no number and no class: a date, a list."""
    if missing := int(values.isna().sum()):
        raise ValueError(f"Input X contains NaN: column {name!r} has {missing} missing values of {len(values)}")
    kind = str(getattr(values.dtype, "kind", "O"))
    if kind in "mMc" or str(values.dtype).startswith("period"):
        raise ValueError(f"column {name!r} holds {values.dtype}: make numbers of it, or leave it out")
    if kind != "O" or hasattr(values.dtype, "categories"):
        return
    for row, value in enumerate(values.tolist()):
        if isinstance(value, STRANGE) or not _is_hashable(value):
            raise ValueError(
                f"column {name!r} holds {type(value).__name__}, {str(value)[:40]!r} in row {row}: make numbers or"
                " classes of it, or leave it out"
            )


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def refuse_inexact(name: Hashable, values: Any) -> None:
    """``ValueError`` where whole numbers are beyond 2^53, and float64 does not tell them apart."""
    kind = str(getattr(values.dtype, "kind", "O"))
    if kind in "iu":
        array = np.asarray(values)
        far = np.asarray((array > LARGEST_WHOLE) | (array < -LARGEST_WHOLE), bool)
    elif kind == "O":
        far = np.array(
            [isinstance(v, (int, np.integer)) and abs(int(v)) > LARGEST_WHOLE for v in values.tolist()], bool
        )
    else:
        return
    if far.any():
        row = int(np.argmax(far))
        raise ValueError(
            f"column {name!r} must hold whole numbers of at most 2^53 = {LARGEST_WHOLE}, since float64 does not tell"
            f" larger ones apart; row {row} has {values.tolist()[row]} ({int(far.sum())} of {len(far)} values violate"
            " this; counted from 0): take another unit, or make a category of what are codes"
        )
