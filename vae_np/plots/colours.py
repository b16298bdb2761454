"""Images with channels: a sheet is laid out for each colour as for grey, and three sheets are shown as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["channel_axis", "plain", "planes", "show"]

Array = NDArray[np.float64]
CHANNELS = (3, 4)
"""Of which the first three are shown; a fourth may be anything."""


def channel_axis(shape: Sequence[int]) -> int:
    """0 for (C, H, W), 2 for (H, W, C); -1 where it is neither or may be both."""
    ends = [axis for axis in (0, 2) if len(shape) == 3 and shape[axis] in CHANNELS]
    return ends[0] if len(ends) == 1 else -1


def plain(shape: Sequence[int] | None) -> tuple[int, int] | None:
    """The height and the width of an image."""
    if shape is None:
        return None
    height, width = shape if len(shape) == 2 else np.delete(shape, channel_axis(shape))
    return int(height), int(width)


def planes(values: Array, shape: Sequence[int]) -> list[Array]:
    """Rows (..., D) as arrays (..., height, width): one of a grey image, three of one with colours."""
    tiles = values.reshape(*values.shape[:-1], *shape)
    if len(shape) == 2:
        return [tiles]
    return list(np.moveaxis(tiles, channel_axis(shape) - 3, 0)[:3])


def show(axes: Axes, sheets: Sequence[Array], low: float, high: float, **look: Any) -> Any:
    """The sheet of grey values, or the three of colours, whose gaps stay white."""
    if len(sheets) == 1:
        return axes.imshow(sheets[0], vmin=low, vmax=high, **{"cmap": "gray"} | look)
    light = np.clip((np.stack(sheets, axis=-1) - low) / (high - low), 0, 1)
    return axes.imshow(np.nan_to_num(light, nan=1.0), vmin=low, vmax=high, **{"cmap": "gray"} | look)
