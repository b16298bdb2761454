"""What is to be said of other data than a run was trained on: their columns, their units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_np.cli.runs import Run
    from vae_np.data import Dataset

__all__ = ["check_order", "check_shape", "greyness", "otherness", "renamed"]

FAR = 20.0
"""Deviations between the mean of a column and that in training, from which on the units are hardly the same."""
SHOWN = 3
"""Columns that a line names."""


def check_order(found: Dataset, names: tuple[str, ...] | None) -> None:
    """That columns of the model's names stand where the model has them; other names are told by `otherness`."""
    theirs = found.feature_names
    if names is None or theirs is None:
        return
    differ = [j for j, pair in enumerate(zip(theirs, names, strict=True)) if pair[0] != pair[1]]
    if any(theirs[j] in names for j in differ):
        j = differ[0]
        raise ValueError(
            f"{found.name}: its columns have another order than in training: column {j} is {theirs[j]!r},"
            f" was {names[j]!r}"
        )


def check_shape(found: Dataset, shape: tuple[int, ...] | None) -> None:
    """That images are of the form of the run's: the same numbers in another order are other pixels."""
    theirs = found.image_shape
    if shape is not None and theirs is not None and tuple(theirs) != tuple(shape):
        as_text = ["x".join(map(str, form)) for form in (theirs, shape)]
        raise ValueError(f"{found.name}: its images are {as_text[0]}, those of training {as_text[1]}")


def otherness(found: Dataset, run: Run, scale: str | float) -> Iterator[str]:
    """A line for each thing that may be other than meant.

    ``scale`` is the run's, where it was taken for these data, and "" where one was given.
    """
    if not isinstance(scale, str):
        yield f"{found.name}: divided by {scale:g}, as the run's data were (--scale none leaves them)"
    elif scale:
        yield from _divided(found, run)
    yield from renamed(found, run.feature_names)
    yield from _far(found, run)


def greyness(found: Dataset, run: Run, mode: str) -> Iterator[str]:
    """That a Bernoulli model of 0 and 1 is given other values: what it gives them is no density.

    ``mode`` is how they are binarised. Runs from before it was kept do not know that their data were 0 and 1.
    """
    from vae_np.cli.choice import values_of
    from vae_np.formulas.likelihoods import Bernoulli
    from vae_np.formulas.likelihoods.conditional import of_data

    binary = run.options.get("binary") or run.options.get("binarise", "none") != "none"
    if binary and mode == "none" and isinstance(of_data(run.vae.likelihood), Bernoulli) and not values_of(found.x)[2]:
        yield (
            f"warning: {found.name}: has grey values, and the model was trained on 0 and 1: the Bernoulli likelihood is"
            " then a cross-entropy, no density (see --binarise)"
        )


def _divided(found: Dataset, run: Run) -> Iterator[str]:
    """That these data were divided by another number than the run's, unless they lie in its range as they are."""
    theirs, span = run.options.get("divided_by"), run.range
    within = span is not None and span[0] <= found.x.min() and found.x.max() <= span[1]
    if theirs is None or theirs == found.divided_by or (found.divided_by == 1 and within):
        return
    like = "none" if theirs == 1 else f"{theirs:g}"
    yield (
        f"{found.name}: divided by {found.divided_by:g}, the run's data by {theirs:g} (--scale {like} does as they did)"
    )


def renamed(found: Dataset, names: tuple[str, ...] | None) -> Iterator[str]:
    """That columns are called otherwise than in training."""
    theirs = found.feature_names
    if names is None or theirs is None or theirs == names:
        return
    pairs = [f"{a!r} for {b!r}" for a, b in zip(theirs, names, strict=True) if a != b]
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    yield f"warning: {found.name}: columns are called otherwise than in training: {', '.join(pairs[:SHOWN])}{more}"


def _far(found: Dataset, run: Run) -> Iterator[str]:
    """That the values are of quite another size than in training, as where the units differ."""
    import numpy as np

    from vae_np.formulas.scaling import moments

    mean, scaling, span = moments(found.x).mean, run.vae.scaling, run.range
    if scaling is not None:
        away = np.abs(mean - scaling.shift) / scaling.scale
        if 2 * np.count_nonzero(away > FAR) <= len(away):
            return
        j = int(np.argmax(away))
        names = found.feature_names or [f"x{j}" for j in range(len(away))]
        there = f"{mean[j]:.4g} and there {scaling.shift[j]:.4g} +- {scaling.scale[j]:.4g}"
        yield (
            f"warning: {found.name}: in {np.count_nonzero(away > FAR)} of {len(away)} columns the mean is more than"
            f" {FAR:g} deviations from that of the training data ({names[j]}: {there}); are the units the same?"
        )
    elif span is not None:
        width = span[1] - span[0]
        with np.errstate(over="ignore"):  # an infinite one is outside, too
            middle = float(mean.mean())
        if not span[0] - width <= middle <= span[1] + width:
            low, high = float(found.x.min()), float(found.x.max())
            yield (
                f"warning: {found.name}: values from {low:.4g} to {high:.4g}, in training from {span[0]:.4g} to"
                f" {span[1]:.4g}; are the units the same (see --scale)?"
            )
