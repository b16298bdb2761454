"""What vae-np train has to say of its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_np.data import Dataset


def index_line(data: Dataset) -> str:
    """That the first column is taken for an index, if it is."""
    if data.index is None:
        return ""
    name = f", {data.index_name!r}," if data.index_name else ""
    return f"index: the first column of {data.name}{name} names the rows and is no feature (--index none makes it one)"
