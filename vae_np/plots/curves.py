"""How training went, and which latent dimensions it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import BLUE, GREY, INK, ORANGE, PathLike, number, picture, whole_ticks
from vae_np.plots.checks import finite_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["kl_per_dimension", "learning_curves", "readable_floor"]

Array = NDArray[np.float64]
Curve = tuple[Array, Array]  # epochs and values, the finite ones only

SMALL_PANELS = {
    "log_likelihood": "log-likelihood (nats)",
    "kl": "KL (nats)",
    "active_units": "active units",
    "gradient_norm": "gradient norm",
}


def learning_curves(history: Mapping[str, Sequence[float]], path: PathLike) -> Path:
    """The ELBO of training and validation over the epochs, beside its parts and the vital signs.

    Where the first epochs would flatten the rest, the axis starts higher and says so.

    Parameters
    ----------
    history : mapping of name to one value an epoch
        ``epoch`` and ``elbo`` are needed; ``validation_elbo``, ``log_likelihood``, ``kl``,
        ``active_units`` and ``gradient_norm`` are drawn where they have finite values; a value
        that is NaN or None is left out (a validation every fifth epoch is a connected curve).
    path : path of the PNG

    Raises
    ------
    ValueError
        If epoch or elbo is missing, the epochs do not increase, a length differs from epoch's,
        or elbo has no finite value.
    """
    curves = _finite_curves(history)
    small = [name for name in SMALL_PANELS if name in curves]
    columns = 0 if not small else 1 if len(small) <= 2 else 2
    with picture(path, 6.5 + 2.75 * columns, 4.6) as figure:
        grid = figure.add_gridspec(2, 2 + columns, width_ratios=[1.35] * 2 + [1.0] * columns)
        _elbo_panel(figure.add_subplot(grid[:, :2]), curves)
        for i, name in enumerate(small):
            rows = slice(None) if len(small) == 1 else i // columns
            if len(small) == 3 and i == 2:
                cell = grid[1, 2:]
            else:
                cell = grid[rows, 2 + i % columns]
            _small_panel(figure.add_subplot(cell), name, curves[name])
        first, last = history["epoch"][0], history["epoch"][-1]
        for axes in figure.axes:
            _epoch_axis(axes, float(first), float(last))
        # a narrow picture has no room for both halves in one line
        figure.suptitle(_headline(curves, "; " if columns else "\n"), x=0.01, ha="left")
    return Path(path)


def _finite_curves(history: Mapping[str, Sequence[float]]) -> dict[str, Curve]:
    """The curves to draw, each without its non-finite values."""
    for name in ("epoch", "elbo"):
        if name not in history or len(history[name]) == 0:
            raise ValueError(f"history must have {name!r}; it has {sorted(history)}")
    epoch = finite_matrix("epoch", history["epoch"], ndim=1)
    if not np.all(np.diff(epoch) > 0):
        raise ValueError("epoch must increase from each value to the next; it does not")
    curves = {}
    for name in ("elbo", "validation_elbo", *SMALL_PANELS):
        values = np.asarray(history.get(name, ()), dtype=np.float64)
        if values.shape not in {(0,), epoch.shape}:
            raise ValueError(f"{name} must have one value an epoch, {epoch.shape}; its shape is {values.shape}")
        good = np.isfinite(values)
        if good.any():
            curves[name] = epoch[good], values[good]
    if "elbo" not in curves:
        raise ValueError(f"elbo has no finite value in {len(epoch)} epochs")
    return curves


def readable_floor(*series: Array) -> float | None:
    """Where an axis should start so that a few very low values do not flatten the others.

    The lowest tenth of a series is outlying where it would take up more than half of the axis; the
    floor then is the tenth percentile, less a margin. The last value of a series always stays.

    Returns
    -------
    floor : float, or None if everything is readable as it is
    """
    lowest = min(float(values.min()) for values in series)
    top = max(float(values.max()) for values in series)
    kept = []
    for values in series:
        tenth = np.percentile(values, 10, method="higher") if len(values) >= 5 else values.min()
        kept.append(min(float(tenth), float(values[-1])))
    low = min(kept)
    if top == low or low - lowest <= top - low:
        return None
    return low - 0.08 * (top - low)


def _headline(curves: Mapping[str, Curve], separator: str) -> str:
    """What one sees: the last values, and the best one if it is not the last."""
    epoch, elbo = curves["elbo"]
    text = f"Training ELBO {number(elbo[-1])} nats at epoch {epoch[-1]:g}"
    if "validation_elbo" in curves:
        epoch, elbo = curves["validation_elbo"]
        best = int(elbo.argmax())
        text += f"{separator}validation {number(elbo[-1])}"
        if best < len(elbo) - 1:
            text += f", best {number(elbo[best])} at epoch {epoch[best]:g}"
    return text


def _elbo_panel(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Training and validation ELBO, the last values in the legend."""
    names = {"elbo": ("training", BLUE, "-"), "validation_elbo": ("validation", ORANGE, "--")}
    shown = [name for name in names if name in curves]
    for name in shown:
        label, colour, dashes = names[name]
        label = f"{label}, last {number(curves[name][1][-1])}"
        _draw(axes, curves[name], colour, dashes, label)
    cut = _raise_floor(axes, ", ", *(curves[name][1] for name in shown))
    axes.set_ylabel("ELBO (nats an example)")
    place = _free_corner(axes, [curves[name] for name in shown])
    axes.legend(loc=place, bbox_to_anchor=(1, 0.05 if cut else 0) if place == "lower right" else None)


def _free_corner(axes: Axes, shown: list[Curve]) -> Literal["lower right", "upper right", "best"]:
    """Where a legend hides no curve: at the bottom right below rising ones, at the top right above falling ones."""
    low, high = axes.get_ylim()
    first, last = (float(bound(np.concatenate([epoch for epoch, _ in shown]))) for bound in (np.min, np.max))
    right = np.concatenate([values[epoch >= (first + last) / 2] for epoch, values in shown])
    height = (right - low) / (high - low)
    if len(right) and height.min() > 0.25:
        return "lower right"
    return "upper right" if len(right) and height.max() < 0.75 else "best"


def _small_panel(axes: Axes, name: str, curve: Curve) -> None:
    """One quantity over the epochs, its last value in the title."""
    _, values = curve
    whole = name == "active_units"
    vital = name in ("active_units", "gradient_norm")
    _draw(axes, curve, GREY if vital else BLUE, "-")
    last = f"{values[-1]:g}" if whole else number(values[-1])
    log_scale = name == "gradient_norm" and values.min() > 0 and values.max() > 20 * values.min()
    axes.set_title(f"{SMALL_PANELS[name]}{' (log scale)' if log_scale else ''}: {last}")
    if log_scale:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    elif name == "log_likelihood":
        _raise_floor(axes, "\n", values)
    elif whole:
        whole_ticks(axes.yaxis)
        axes.set_ylim(0, max(1.0, 1.08 * float(values.max())))


def _draw(axes: Axes, curve: Curve, colour: str, dashes: str, label: str | None = None) -> None:
    """One curve with a dot at its end, or at every point when they are few."""
    epoch, values = curve
    dots = None if len(epoch) <= 12 else [len(epoch) - 1]
    axes.plot(epoch, values, dashes, color=colour, label=label, marker="o", markersize=4, markevery=dots)
    axes.grid(True, axis="y")
    axes.set_xlabel("epoch")


def _epoch_axis(axes: Axes, first: float, last: float) -> None:
    """All panels show the same epochs, at whole numbers; a single epoch stands in the middle."""
    if first == last:
        axes.set_xlim(first - 0.5, first + 0.5)
        axes.set_xticks([first], [f"{first:g}"])
    else:
        axes.set_xlim(first - 0.03 * (last - first), last + 0.03 * (last - first))
        whole_ticks(axes.xaxis)


def _raise_floor(axes: Axes, separator: str, *series: Array) -> bool:
    """Start the axis at the readable floor, say what that hides, and whether it hides anything."""
    floor = readable_floor(*series)
    if floor is None:
        return False
    hidden = np.concatenate([values[values < floor] for values in series])
    top = max(float(values.max()) for values in series)
    axes.set_ylim(floor, top + 0.05 * (top - floor))
    values_below = "1 value" if len(hidden) == 1 else f"{len(hidden)} values"
    # bottom right: there a rising curve leaves room
    axes.text(
        0.985,
        0.02,
        f"↓ {values_below} below the axis{separator}the lowest {number(hidden.min())}",
        transform=axes.transAxes,
        ha="right",
        fontsize=7,
        color="#666666",
    )
    return True


def kl_per_dimension(
    kl: ArrayLike, path: PathLike, *, threshold: float = 0.01, active: ArrayLike | None = None, of: str = ""
) -> Path:
    """The mean KL of each latent dimension, largest first; those above ``threshold`` are blue, or the active ones.

    Parameters
    ----------
    kl : array, shape (K,) or (N, K)
        Nats a dimension; (N, K) is averaged over the examples.
    path : path of the PNG
    threshold : float
        Nats above which a dimension is counted in the title.
    active : bool array, shape (K,), optional
        Which dimensions are counted and blue in place of those: the active units of Burda et al. (2016), whose
        posterior mean has a variance above ``threshold``, as ``active`` of `vae_np.evaluate`'s result has them.
    of : str
        What the mean is over, such as "180 test examples", for the title.

    Raises
    ------
    ValueError
        If kl is empty, not finite, or neither (K,) nor (N, K), threshold is not finite, or active is not (K,) bool.
    """
    mean = finite_matrix("kl", kl, ndim=2 if np.ndim(kl) == 2 else 1)
    if mean.ndim == 2:
        mean = mean.mean(axis=0)
    if not np.isfinite(threshold):
        raise ValueError(f"threshold must be finite; it is {threshold}")
    order = np.argsort(-mean, kind="stable")
    counted = mean > threshold if active is None else np.asarray(active)
    if counted.shape != mean.shape or counted.dtype != bool:
        raise ValueError(f"active must be {len(mean)} booleans; got {counted.dtype} with shape {counted.shape}")
    above = counted[order]
    count, latent = int(above.sum()), len(mean)
    kinds, title = (f"above {threshold:g} nats", f"at most {threshold:g} nats"), f"above {threshold:g} nats"
    if active is not None:
        kinds, title = (f"active: the posterior mean's variance is above {threshold:g}", "not active"), "active"
    with picture(path, float(np.clip(2.0 + 0.28 * latent, 5.5, 11)), 3.6) as figure:
        axes = figure.add_subplot()
        gap = 0.8 if latent <= 60 else 1.0
        for mask, colour, label in ((above, BLUE, kinds[0]), (~above, GREY, kinds[1])):
            if mask.any():
                axes.bar(np.flatnonzero(mask), mean[order][mask], gap, color=colour, label=label)
        if active is None:
            axes.axhline(threshold, color=INK, linewidth=0.8, linestyle=":")
        axes.grid(True, axis="y")
        axes.set_xlim(-0.7, latent - 0.3)
        if latent <= 36:
            axes.set_xticks(range(latent), [str(k) for k in order])
            axes.tick_params(axis="x", length=0)
            for name, on in zip(axes.get_xticklabels(), above, strict=True):
                name.set_color(INK if on else GREY)
            axes.set_xlabel("latent dimension, sorted by its KL")
        else:
            axes.set_xlabel("latent dimensions, the largest KL first")
        axes.set_ylabel("mean KL (nats)")
        axes.legend(loc="upper right")
        if latent <= 12:  # broad bars, which leave a legend no room beside them
            axes.set_ylim(top=1.25 * max(float(mean.max()), threshold if active is None else 0.0) or 1.0)
        axes.set_title(
            f"{count} of {latent} latent dimension{'s' * (latent > 1)} {title}; "
            f"KL {number(mean.sum())} nats in all" + (f"\nmean of {of}" if of else ""),
            fontsize=11,
        )
    return Path(path)
