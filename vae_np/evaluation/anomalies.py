"""Which rows are unlike the data that a model knows, how surely, and by which features."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.common_noise import CommonNoise, common_noise
from vae_np.formulas.likelihoods import Categorical, Columns
from vae_np.formulas.likelihoods.conditional import of_data
from vae_np.model.vae import VAE
from vae_np.support.checks import real
from vae_np.support.errors import NonFiniteError

__all__ = ["Anomalies", "Normal", "anomalies", "contributions", "normal", "perturbed"]

Array = NDArray[Any]
By = Literal["evidence", "ratio", "typicality"]


class Normal(NamedTuple):
    """What `normal` returns: the scores of rows that are no anomalies, and what they are made of.

    Attributes
    ----------
    scores : array, shape (M,), ascending: log p(x) in nats, or what ``by`` says
    typical : array, shape (D,): the median over the rows of E[log p(x_d|z) | x]; all columns of a one-hot group have
        that of the group's sum
    samples, seed : those of the scores
    by : str: "evidence", "ratio" or "typicality"
    background : VAE or None: the model that the ratio is to
    centre, precision : arrays, shapes (k,) and (k, k), or None: of typicality
    """

    scores: Array
    typical: Array
    samples: int
    seed: int
    by: By = "evidence"
    background: VAE | None = None
    centre: Array | None = None
    precision: Array | None = None


class Anomalies(NamedTuple):
    """What `anomalies` returns, a value a row.

    Attributes
    ----------
    score : array, shape (N,): log p(x), in nats, or what `normal` was asked for; low is abnormal, and -inf a row that
        lies so far away that its log p(x) is not finite in the model's precision
    error : array, shape (N,): its standard error, NaN of a typicality
    p_value : array, shape (N,): of the test that the row is one of the normal ones
    contributions : array, shape (N, D): by how many nats each feature is below what is typical. A one-hot group is one
        feature, whose nats stand at the column of the row's class, and 0 at the others
    """

    score: Array
    error: Array
    p_value: Array
    contributions: Array

    def flags(self, rate: float) -> NDArray[np.bool_]:
        """Which rows have a p-value of at most ``rate``, so that such a share of normal rows is flagged."""
        if not 0 < real("rate", rate) < 1:
            raise ValueError(f"rate must lie between 0 and 1; got {rate!r}")
        return np.asarray(self.p_value <= rate)


def normal(
    vae: VAE,
    x: ArrayLike,
    *,
    by: By = "evidence",
    background: VAE | None = None,
    samples: int = 100,
    seed: int = 0,
) -> Normal:
    """Score rows that are not looked for: held-out rows if a rate of false alarms is to be kept, or training rows.

        evidence     log p(x)
        ratio        log p(x) - log p_background(x)
        typicality   -1/2 (s - m)^T C^-1 (s - m),    s = (log p(x), E[log p(x|z) | x], log p_background(x))

    Simple rows, blurred or empty images say, may have a higher log p(x) than any normal row (Nalisnick et al. 2019a). A
    ratio is of use where they are likely under the background as well (Ren et al. 2019); typicality takes what is too
    likely for as abnormal as what is too unlikely (Nalisnick et al. 2019b, Morningstar et al. 2021).

    Parameters
    ----------
    vae : VAE
    x : array, shape (M, D)
    by : {"evidence", "ratio", "typicality"}
        Of typicality every other row says what is typical, mean m and covariance C of s, and the rest are the scores,
        so that a p-value is what it says.
    background : VAE, optional
        A model of what all rows have in common, normal or not, one of `perturbed` rows say. The ratio needs it;
        typicality has two numbers in s without it.
    samples : int
        Importance samples of each row.
    seed : int
        Of the noise, which all rows share: see `common_noise`.

    Raises
    ------
    ValueError
        If there are no rows, or of typicality fewer than 8.
    """
    if by not in ("evidence", "ratio", "typicality"):
        raise ValueError(f"by must be evidence, ratio or typicality; got {by!r}")
    if (background is None and by == "ratio") or (background is not None and by == "evidence"):
        raise ValueError("a ratio needs a background model, and evidence has none")
    found, s = _scored(vae, background, x, samples, seed, by)
    if not len(found.evidence):
        raise ValueError("x has no rows to say what is normal")
    typical = np.median(found.terms, axis=0)
    if by != "typicality":
        return Normal(np.sort(found.evidence), typical, samples, seed, by, background)
    if len(far := np.flatnonzero(np.isneginf(found.evidence))):
        raise NonFiniteError("log p(x) is not finite, and typicality has no mean", "importance weights", far)
    if len(s) < 8:
        raise ValueError(f"typicality takes 8 rows at least; x has {len(s)}")
    centre, precision = s[::2].mean(axis=0), np.linalg.pinv(np.cov(s[::2].T))
    scores = np.sort(_typicality(s[1::2], centre, precision))
    return Normal(scores, typical, samples, seed, by, background, centre, precision)


def _scored(
    vae: VAE, background: VAE | None, x: ArrayLike, samples: int, seed: int, by: By
) -> tuple[CommonNoise, Array]:
    """Score and error, of a ratio as if those of the two models went different ways; and the statistics s (N, k)."""
    x = vae.check_data(x)
    found = common_noise(vae, x, samples, seed=seed, far="lowest")
    s = [found.evidence, found.terms.sum(axis=1)]
    found = found._replace(terms=_by_group(vae, found.terms))
    if background is not None:
        kept = np.flatnonzero(np.isfinite(found.evidence))  # a far row is abnormal, whatever the background says
        other = common_noise(background, np.ascontiguousarray(x[kept]), samples, seed=seed)
        behind, error = np.zeros(len(x)), found.error.copy()
        behind[kept], error[kept] = other.evidence, np.hypot(found.error[kept], other.error)
        s.append(behind)
        if by == "ratio":
            found = CommonNoise(found.evidence - behind, error, found.terms)
    return found, np.stack(s, axis=1)


def _one_hot(vae: VAE) -> list[Array]:
    """The columns of each one-hot group, which are one feature: an array of (groups, classes) for each likelihood."""
    of = of_data(vae.likelihood)
    parts = [(group.likelihood, np.array(group.columns)) for group in of.groups] if isinstance(of, Columns) else [
        (of, np.arange(vae.architecture.n_data))
    ]  # fmt: skip
    return [part.groups(columns) for part, columns in parts if isinstance(part, Categorical)]


def _by_group(vae: VAE, terms: Array) -> Array:
    """E[log p(x_d|z) | x] with the sum of each one-hot group in all its columns."""
    found = terms.copy()
    for columns in _one_hot(vae):
        found[:, columns] = terms[:, columns].sum(axis=-1, keepdims=True)
    return found


def _told(vae: VAE, x: ArrayLike, typical: Array, terms: Array) -> Array:
    """`contributions`, of a one-hot group at the column of the row's class alone."""
    found, x = contributions(typical, terms), vae.check_data(x)
    for columns in _one_hot(vae):
        found[:, columns] = np.where(x[:, columns] == 1, found[:, columns], 0)
    return found


def _typicality(s: Array, centre: Array, precision: Array) -> Array:
    """-1/2 (s - m)^T C^-1 (s - m) of each row."""
    d = s - centre
    return np.asarray(-0.5 * ((d @ precision) * d).sum(axis=1))


def perturbed(x: ArrayLike, share: float = 1.0, *, seed: int = 0) -> Array:
    """Rows (N, D) in which each value is, with this probability, that of its column in a row drawn at random.

    What is left is what each column has by itself, and, where ``share`` is below 1, some of what binds them: data for a
    background model, as Ren et al. (2019) have them by mutations. Every value is one that its column has, so that what
    the likelihood accepts it still does, but for groups of one-hot columns.
    """
    x = np.asarray(x)
    if x.ndim != 2:
        raise ValueError(f"x must have rows and columns; its shape is {x.shape}")
    if not 0 < real("share", share) <= 1:
        raise ValueError(f"share must be above 0 and at most 1; got {share!r}")
    draw = np.random.Generator(np.random.Philox(seed))
    others = draw.integers(0, max(1, len(x)), x.shape)
    return np.where(draw.random(x.shape) < share, np.take_along_axis(x, others, axis=0), x)


def anomalies(vae: VAE, x: ArrayLike, known: Normal | None = None, *, samples: int = 100, seed: int = 0) -> Anomalies:
    """Score rows beside normal ones, or beside each other.

        p_n = (1 + #{m: score_m <= score_n}) / (M + 1);    beside each other #{m: score_m <= score_n} / N

    If row n is drawn as the M normal rows were, and these were not trained on, then p_n <= a has a probability of at
    most a, whatever the model is worth (Vovk, Gammerman & Shafer 2005: a conformal p-value). Of training rows, which a
    model fits too well, p is too small.

    Parameters
    ----------
    vae : VAE
        The one that `normal` was given.
    x : array, shape (N, D)
    known : Normal, optional
        Without it the rows, outliers among them, are compared with all of themselves: a p-value is then the share of
        the rows that are as abnormal.
    samples, seed : int
        See `normal`; those of ``known`` if it is given, as are background and kind of score.

    Returns
    -------
    Anomalies
    """
    if known is not None:
        samples, seed = known.samples, known.seed
    if known is None:
        found, s = _scored(vae, None, x, samples, seed, "evidence")
    else:
        found, s = _scored(vae, known.background, x, samples, seed, known.by)
        if known.centre is not None and known.precision is not None:
            far = np.isneginf(found.evidence)
            score = np.where(far, -np.inf, _typicality(np.where(far[:, None], 0, s), known.centre, known.precision))
            found = CommonNoise(score, np.full(len(s), np.nan), found.terms)
    if known is None:
        known = Normal(np.sort(found.evidence), np.median(found.terms, axis=0), samples, seed)
        p = np.searchsorted(known.scores, found.evidence, side="right") / len(known.scores)
    else:
        p = (1 + np.searchsorted(known.scores, found.evidence, side="right")) / (len(known.scores) + 1)
    return Anomalies(found.evidence, found.error, p, _told(vae, x, known.typical, found.terms))


def contributions(typical: Array, terms: Array) -> Array:
    """By how many nats each feature is below what is typical of it, (N, D): the largest made a row abnormal.

        contribution_nd = median_m E[log p(x_md|z) | x_m] - E[log p(x_nd|z) | x_n]

    with E by the importance weights. The KL, which is of no feature, has no share in it.
    """
    return np.asarray(typical - terms)
