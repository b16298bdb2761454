"""Ways through the latent space: from one row to another, and from one class to another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.model.vae import VAE
from vae_np.support.checks import check_values, whole

__all__ = ["attribute_vector", "interpolate", "latent_path"]

Array = NDArray[Any]
PATHS = ("sphere", "line")
OPPOSITE = 1e-6
"""Radians from half a turn below which the great circle through two points is not known."""


def latent_path(a: ArrayLike, b: ArrayLike, steps: int = 9, *, path: str = "sphere") -> Array:
    """Latents from a to b, both ends included.

        line      z_t = (1 - t) a + t b
        sphere    z_t = ((1 - t) |a| + t |b|) (sin((1 - t) w) a / |a| + sin(t w) b / |b|) / sin w,    t = 0 ... 1

    with w the angle between a and b: the direction goes along the great circle (Shoemake 1985) and the length in line.
    Draws of N(0, I) in K dimensions have lengths of about sqrt(K), and the middle of a line between two of them is
    shorter by sqrt(2): where the decoder has seen few (White 2016). On the sphere it is not.

    Parameters
    ----------
    a, b : array, shape (..., K)
        Of one shape and float type.
    steps : int
        How many, at least 2.
    path : {"sphere", "line"}

    Returns
    -------
    z : array, shape (..., steps, K)

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite; on the sphere where one end is 0, which has no direction, or of
        a length that float64 does not hold, or both lie in opposite ones, between which no great circle is the
        shortest.
    """
    steps = whole("steps", steps, at_least=2)
    if path not in PATHS:
        raise ValueError(f"path must be one of {', '.join(PATHS)}; got {path!r}")
    begin, end = np.asarray(a), np.asarray(b)
    if begin.shape != end.shape or begin.ndim < 1:
        raise ValueError(f"a and b must have one shape, (..., K); got {begin.shape} and {end.shape}")
    dtype = np.result_type(begin, end, np.float32)
    for name, z in (("a", begin), ("b", end)):
        check_values(z, -math.inf, math.inf, name=name)
    begin, end = begin[..., None, :].astype(np.float64), end[..., None, :].astype(np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    if path == "line":
        return ((1 - t) * begin + t * end).astype(dtype)
    with np.errstate(over="ignore"):
        lengths = [np.linalg.norm(z, axis=-1, keepdims=True) for z in (begin, end)]
    for name, z, length in zip("ab", (begin, end), lengths, strict=True):
        if not np.isfinite(length).all() or ((length == 0) & (z != 0)).any():
            raise ValueError(f"{name} has a latent whose squared length float64 does not hold; path='line' takes it")
    if not all((length > 0).all() for length in lengths):
        raise ValueError("a latent of length 0 has no direction; path='line' has a middle for it")
    u, v = begin / lengths[0], end / lengths[1]
    # Kahan's form, which keeps its digits at both ends, where a cosine's inverse loses half of them
    w = 2 * np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))[..., None]
    if (w > math.pi - OPPOSITE).any():
        raise ValueError("a and b lie in opposite directions, between which no great circle is the shortest")
    with np.errstate(invalid="ignore"):
        weights = [np.where(w > 0, np.sin(s * w) / np.sin(w), s) for s in (1 - t, t)]
    return (((1 - t) * lengths[0] + t * lengths[1]) * (weights[0] * u + weights[1] * v)).astype(dtype)


def interpolate(
    vae: VAE, x: ArrayLike, y: ArrayLike, steps: int = 9, *, path: str = "sphere", condition: ArrayLike | None = None
) -> Array:
    """Decoded means on the way from each row of x to that of y, (N, steps, D): `latent_path` of their posterior means.

    Parameters
    ----------
    vae : VAE
    x, y : array, shape (N, D)
    steps, path
        As for `latent_path`.
    condition : optional
        Of a conditional model, that of both ends. Rows [x, c] in place of x and y have one each, and c goes in line.

    Raises
    ------
    ValueError
        If x and y have not as many rows; else as `latent_path`, `VAE.encode` and `VAE.decode`.
    """
    ends = [vae.given(rows, condition) for rows in (x, y)]
    if len(ends[0]) != len(ends[1]):
        raise ValueError(f"x and y must have as many rows; they have {len(ends[0])} and {len(ends[1])}")
    z = latent_path(vae.encode(x, condition)[0], vae.encode(y, condition)[0], steps, path=path)
    given, columns = None, vae.architecture.condition
    if columns:
        given = latent_path(ends[0][:, -columns:], ends[1][:, -columns:], steps, path="line").reshape(-1, columns)
    means = vae.decode(z.reshape(-1, z.shape[-1]), given)
    return means.reshape(*z.shape[:-1], means.shape[-1])


def attribute_vector(
    vae: VAE, x: ArrayLike, labels: ArrayLike, target: Any, source: Any, *, condition: ArrayLike | None = None
) -> Array:
    """The mean posterior mean of one class less that of another, (K,): what is added to a row's to move it over.

        v = mean of mu(x_n) over n of target - mean over n of source

    ``vae.decode(vae.encode(x)[0] + v)`` are rows of the source with what the target has (Larsen et al. 2016).

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
        Rows of both classes; others are left out.
    labels : array, shape (N,)
        Of any kind: "with glasses" and "without" as well as digits.
    target, source
        Two of the labels.

    Raises
    ------
    ValueError
        If a class has no row, or labels are not one a row.
    """
    rows = vae.check_data(x if condition is None else vae.rows(x, condition))
    known = np.asarray(labels)
    if known.shape != (len(rows),):
        raise ValueError(f"labels must be one for each of {len(rows)} rows; they have shape {known.shape}")
    means = []
    for name, label in (("target", target), ("source", source)):
        if not (mine := known == label).any():
            raise ValueError(f"{name} {label!r} is the label of no row")
        means.append(vae.encode(rows[mine])[0].mean(axis=0, dtype=np.float64))
    return (means[0] - means[1]).astype(vae.dtype)
