"""How values become colours: black and white of images, standardised features, and the colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_limits", "colour_bar", "standardised", "value_range"]

Array = NDArray[np.float64]


def value_range(*arrays: NDArray[Any]) -> tuple[float, float]:
    """Black and white of all arrays: (0, 1) where it holds them, else their extremes."""
    low = float(min(array.min() for array in arrays))
    high = float(max(array.max() for array in arrays))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def check_limits(limits: Sequence[float] | None, values: Array) -> tuple[float, float]:
    """``limits`` as (black, white), or the range of the values where there are none."""
    if limits is None:
        return value_range(values)
    if len(limits) != 2 or not -np.inf < limits[0] < limits[1] < np.inf:
        raise ValueError(f"limits must be (black, white), finite and increasing; they are {tuple(limits)}")
    return float(limits[0]), float(limits[1])


def standardised(rows: Array, spread: Array | None = None) -> tuple[Array, Array, Array]:
    """Every column less its mean and divided by its standard deviation, the means, and the deviations.

    A column that is constant, but for the rounding of float32, becomes 0; so does one that moves less than a hundredth
    of its ``spread`` (D,), the data's deviation: its noise would fill the range of the colours.
    """
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    constant = deviation <= 1e-6 * np.abs(mean)
    if spread is not None:
        constant |= deviation <= 0.01 * spread
    return np.where(constant, 0.0, (rows - mean) / np.where(constant, 1.0, deviation)), mean, deviation


def colour_bar(figure: Figure, axes: Axes, shown: Any, values: Array, label: str, **look: Any) -> None:
    """A colour bar that says where its colours clip: in its label, and by a pointed end."""
    low, high = shown.get_clim()
    below, above = bool(values.min() < low), bool(values.max() > high)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")
    if below or above:
        ends = " and ".join([f"{low:.3g}"] * below + [f"{high:.3g}"] * above)
        name = f"{values.min():.2g} to {values.max():.2g}, clipped at {ends}"
        label = f"{label} ({name})".replace("-", "−")
    figure.colorbar(shown, ax=axes, label=label, extend=extend, extendfrac=0.03, **look)
