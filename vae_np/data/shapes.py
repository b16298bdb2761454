"""Arrays of any accepted shape as rows, and what images they are."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from vae_np.data.dataset import ImageShape

__all__ = ["as_rows"]

CHANNELS = (1, 3, 4)
"""Of grey and of coloured images, and of those with a fourth channel."""


def as_rows(raw: NDArray[Any], source: str, transpose: bool = False) -> tuple[NDArray[Any], ImageShape | None]:
    """An array of one of the accepted shapes as (N, D), and the shape of its images.

    These are (N, H, W), and with channels (N, H, W, C) or, as PyTorch has them, (N, C, H, W); a row has its values in
    the array's order. With ``transpose`` the height is the width and the other way round.
    """
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"{source}: real numbers are needed; the array holds {raw.dtype}")
    if raw.ndim not in (2, 3, 4):
        raise ValueError(
            f"{source}: the shape must be (N, D), (N, H, W), (N, H, W, C) or (N, C, H, W); it is {raw.shape}"
        )
    if raw.size == 0:
        raise ValueError(f"{source}: there is no data; the shape is {raw.shape}")
    if raw.ndim == 2:
        if transpose:
            raise ValueError(f"{source}: transpose (--transpose) is for images; the shape is {raw.shape}")
        return raw, None
    shape, height = (raw.shape[1:], 1) if raw.ndim == 3 else _with_channels(raw.shape, source)
    if transpose:
        raw = raw.swapaxes(height, height + 1)
        shape = raw.shape[1:] if len(shape) == 3 else shape[::-1]
    return raw.reshape(len(raw), -1), tuple(map(int, shape))  # type: ignore[return-value]


def _with_channels(shape: tuple[int, ...], source: str) -> tuple[tuple[int, ...], int]:
    """The images' shape, without a single channel, and the axis of the height."""
    _, first, _, last = shape
    if last == 1 or first == 1:  # (N, 1, H, 1) is a column of pixels either way
        return (shape[1:3], 1) if last == 1 else (shape[2:], 2)
    if first in CHANNELS and last in CHANNELS:
        raise ValueError(
            f"{source}: the shape {shape} may be (N, C, H, W) or (N, H, W, C); give plain rows, x.reshape(len(x), -1)"
        )
    if first not in CHANNELS and last not in CHANNELS:
        raise ValueError(
            f"{source}: images have 1, 3 or 4 channels, (N, H, W, C) or (N, C, H, W); the shape is {shape}"
            " (x.reshape(len(x), -1) makes each value a feature)"
        )
    return shape[1:], 1 if last in CHANNELS else 2
