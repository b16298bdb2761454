"""How good a model's samples are: every measure beside what the training data themselves reach on held-out ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.neighbours import nearest, overlap
from vae_np.evaluation.two_samples import NoWidthError, discrepancy, frechet_distance
from vae_np.formulas.network import encoder_forward
from vae_np.model.vae import VAE
from vae_np.support.checks import check_values, whole
from vae_np.support.noise import stream

__all__ = ["MEASURES", "SOURCES", "SPACES", "Measure", "Quality", "generation_quality", "hidden_features", "stages"]

Array = NDArray[Any]
MOST = 1000
"""Points of a set at most: every measure is of pairs."""
ROWS = 4096
SPACES = ("pixels", "features")
SOURCES = ("means", "draws", "training")
MEASURES = ("precision", "recall", "density", "coverage", "frechet", "mmd", "mmd_p_value", "nearer_to_training")


class Measure(NamedTuple):
    """A mean over the sets, and its standard error, NaN of one set."""

    value: float
    error: float


class Quality(NamedTuple):
    """What `generation_quality` returns.

    Attributes
    ----------
    measures : mapping of space, measure and source to `Measure`
        ``measures["pixels"]["recall"]["means"]``. Spaces: ``pixels``, x itself, and ``features``, the encoder's last
        hidden layer. Sources: ``means`` of x given z ~ p(z), ``draws`` of x, and ``training`` examples, which say what
        can be reached.
    size, sets : how many points a set has, and how many sets of each source there are
    nearest : array, shape (m,): distance of the first set's means to the nearest training example, in x's units
    nearest_row : array, shape (m,): which of the training examples that is
    means : array, shape (m, D): these means
    remarks : tuple of str: a line for each measure that is not defined, NaN, and of which sets
    """

    measures: Mapping[str, Mapping[str, Mapping[str, Measure]]]
    size: int
    sets: int
    nearest: Array
    nearest_row: NDArray[np.int64]
    means: Array
    remarks: tuple[str, ...] = ()


def generation_quality(
    vae: VAE,
    training: ArrayLike,
    held_out: ArrayLike,
    *,
    sets: int = 5,
    size: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] = lambda share: None,
) -> Quality:
    """Precision, recall, density, coverage, Fréchet distance and MMD of samples against held-out examples.

    Each measure is taken of several sets of samples against one set of held-out examples: its mean, and by the spread
    its standard error, which does not know that other held-out examples would give another value. Sets of training
    examples are measured in the same way: a model cannot be asked for more than they reach.

    Parameters
    ----------
    vae : VAE
    training, held_out : array, shape (N, D)
        What it was trained on, and what it has not seen.
    sets : int
        Of each source, those of training examples disjoint.
    size : int, optional
        Points of a set: as many as there are for all, at most 1000, if left out.
    seed : int
        Of samples, choice and permutations.
    progress : callable
        Called with the share that is done.

    Returns
    -------
    Quality
        ``nearer_to_training`` is the share of a set that is nearer to one of ``size`` training examples than to any of
        the held-out ones (of training sets themselves: to those of the next set): 1/2 where nothing is remembered, 1
        where the samples are copies. The MMD of sets whose points are mostly equal, of rare truths say, is not defined:
        it is NaN, ``remarks`` say so, and the other measures are as ever.

    Raises
    ------
    ValueError
        If there are fewer than 6 held-out examples, or than 6 training examples for each set.

    Notes
    -----
    See `overlap`, `discrepancy` and `frechet_distance`. That a sample is compared with as many seen as unseen examples
    is the idea of Meehan, Chaudhuri & Dasgupta (2020), "A non-parametric test to detect data-copying".
    """
    sets = whole("sets", sets, at_least=2)
    training, held_out = vae.check_data(training), vae.check_data(held_out)
    most = min(len(held_out), len(training) // sets)
    size = min(most, MOST) if size is None else whole("size", size, at_least=6)
    least = max(size, 6)
    if least > most:
        raise ValueError(
            f"{sets} sets of {least} need {sets * least} training and {least} held-out examples;"
            f" there are {len(training)} and {len(held_out)}"
        )
    real = held_out[stream(seed, "held out").permutation(len(held_out))[:size]]
    seen = training[stream(seed, "seen").permutation(len(training))[: sets * size]].reshape(sets, size, -1)
    means = vae.decode(vae.sample_prior(sets * size, seed)).reshape(seen.shape)
    points = {"means": means, "draws": vae.sample(sets * size, seed).reshape(seen.shape), "training": seen}
    found: dict[str, dict[str, dict[str, Measure]]] = {}
    remarks: list[str] = []
    done = iter(range(1, stages(sets) + 1))
    for space in SPACES:
        seen_there, real_there = (_in_space(vae, space, a) for a in (seen, real))
        found[space] = {name: {} for name in MEASURES}
        for source in SOURCES:
            made = _in_space(vae, space, points[source])
            rows = []
            for one in range(sets):
                other = seen_there[(one + 1) % sets if source == "training" else one]
                rows.append(_measured(real_there, made[one], other, seed))
                progress(next(done) / stages(sets))
            without = [str(one + 1) for one, row in enumerate(rows) if np.isnan(row).any()]
            if without:
                remarks.append(
                    f"the MMD of {source} in {space} is not defined: more than half of the distances are 0 in set"
                    f" {', '.join(without)} of {sets}, and the kernel has no width"
                )
            for name, values in zip(MEASURES, np.array(rows).T, strict=True):
                found[space][name][source] = Measure(float(values.mean()), float(values.std(ddof=1) / np.sqrt(sets)))
    distance, row = nearest(means[0], training)
    return Quality(found, size, sets, distance, row, means[0], tuple(remarks))


def stages(sets: int) -> int:
    """How often ``progress`` is called."""
    return len(SPACES) * len(SOURCES) * sets


def _measured(real: Array, made: Array, seen: Array, seed: int) -> list[float]:
    """The `MEASURES`, in their order; NaN for an MMD that is not defined."""
    of_neighbours = overlap(real, made)
    try:
        value, p_value, _ = discrepancy(real, made, seed=seed)
    except NoWidthError:
        value, p_value = np.nan, np.nan
    to_seen, to_real = nearest(made, seen)[0], nearest(made, real)[0]
    nearer = np.mean((to_seen < to_real) + 0.5 * (to_seen == to_real))
    return [*of_neighbours, frechet_distance(real, made), value, p_value, float(nearer)]


def _in_space(vae: VAE, space: str, x: Array) -> Array:
    """Of x (..., D)."""
    if space == "pixels":
        return np.asarray(x, np.float64)
    rows = x.reshape(-1, x.shape[-1])
    return hidden_features(vae, rows).reshape(*x.shape[:-1], -1)


def hidden_features(vae: VAE, x: ArrayLike) -> Array:
    """The encoder's last hidden layer (N, H), of x (N, D); x itself, as the networks see it, where there is none.

    x may be expectations, which of counts are not whole and of classes no single one.
    """
    x = vae.check_float("x", x)
    check_values(x, -np.inf, np.inf, name="x")
    return np.concatenate(list(_hidden(vae, x)))


def _hidden(vae: VAE, x: Array) -> Iterator[Array]:
    for first in range(0, max(len(x), 1), ROWS):
        _, cache = encoder_forward(vae.inside(x[first : first + ROWS]), vae.parameters, vae.architecture)
        yield np.asarray(next(iter(cache.heads.values())).x, np.float64)
