"""Outliers by their log-evidence under a variational autoencoder of the others."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from vae_np.evaluation.anomalies import contributions
from vae_np.evaluation.common_noise import CommonNoise
from vae_np.sklearn.arguments import check_held
from vae_np.sklearn.attempts import all_or_nothing
from vae_np.sklearn.autoencoder import VariationalAutoencoder
from vae_np.sklearn.frames import as_given, check_rows, named

__all__ = ["VAEOutlierDetector"]

Array = NDArray[Any]


class VAEOutlierDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Rows whose log p(x) is low among the training rows'.

    Parameters
    ----------
    autoencoder : VariationalAutoencoder, optional
        A copy of it is fitted; one with its own defaults if left out. With ``condition="labels"`` the score is
        log p(x|y), which finds rows that are unlike others of their label, and every method needs y beside X.
    contamination : float
        The share of the training rows that lie below ``offset_``, in (0, 0.5].
    random_state : int, RandomState or None
        The copy's, unless the autoencoder has its own.

    Attributes
    ----------
    autoencoder_ : VariationalAutoencoder
    offset_ : float
        The score, in nats, below which a row is an outlier.
    typical_ : array, shape (D,)
        The median over the training rows of E[log p(x_d|z) | x], which `contributions` compare with.
    n_features_in_, feature_names_in_ : as ever

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(60, 4))
    >>> x[0] = 9
    >>> vae = VariationalAutoencoder(latent=2, epochs=30, backend="numpy", random_state=0)
    >>> detector = VAEOutlierDetector(vae, contamination=0.05).fit(x)
    >>> int(detector.predict(x)[0]), detector.contributions(x).shape
    (-1, (60, 4))
    """

    def __init__(
        self,
        autoencoder: VariationalAutoencoder | None = None,
        *,
        contamination: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.autoencoder = autoencoder
        self.contamination = contamination
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> VAEOutlierDetector:
        """Train on X (N, D), outliers among it or not; of a conditional autoencoder with the labels y (N,)."""
        check_held(self, VariationalAutoencoder)
        vae = VariationalAutoencoder() if self.autoencoder is None else clone(self.autoencoder)
        x = named(self, X, vae.likelihood)
        share: Any = self.contamination
        if not (isinstance(share, Real) and 0 < float(share) <= 0.5):
            raise ValueError(f"contamination must be in (0, 0.5], a share of the rows; got {share!r}")
        if vae.random_state is None:
            vae.set_params(random_state=self.random_state)
        self.autoencoder_ = vae.fit(x, y)
        found = self.autoencoder_.evidence(x, y)
        self.offset_ = float(np.percentile(found.evidence, 100 * self.contamination))
        self.typical_ = np.median(found.terms, axis=0)
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """`fit`, and `predict` of the same rows."""
        return self.fit(X, y).predict(X, y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = getattr(self.autoencoder, "condition", None) is not None
        return tags

    def _evidence(self, X: ArrayLike, y: Any) -> CommonNoise:
        check_is_fitted(self)
        vae = self.autoencoder_
        if vae.table_ is None:
            return vae.evidence(as_given(self, X, None, vae.model_.dtype), y, self._far)
        validate_data(self, X, reset=False, skip_check_array=True)
        check_rows(self, X)
        return vae.evidence(X, y, self._far)

    @property
    def _far(self) -> Literal["error", "lowest"]:
        """A row that lies so far away that it has no finite score is the most abnormal, and no reason to judge none."""
        return "error" if self.autoencoder_.condition is not None else "lowest"

    def score_samples(self, X: ArrayLike, y: Any = None) -> Array:
        """log p(x), or log p(x|y), of each row, (N,), in nats: low is abnormal, and -inf a row so far away that
        log p(x) is not finite in the precision of the model."""
        return self._evidence(X, y).evidence

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of `score_samples`, high where the model is good: it has no part in what is an outlier."""
        return float(np.mean(self.score_samples(X, y)))

    def score_errors(self, X: ArrayLike, y: Any = None) -> Array:
        """The standard error of each score, (N,), by the spread of its importance weights."""
        return self._evidence(X, y).error

    def decision_function(self, X: ArrayLike, y: Any = None) -> Array:
        """`score_samples` less ``offset_``: negative is abnormal."""
        return self.score_samples(X, y) - self.offset_

    def predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """-1 for outliers, 1 for the others."""
        return np.where(self.decision_function(X, y) < 0, -1, 1)

    def contributions(self, X: ArrayLike, y: Any = None) -> Array:
        """By how many nats each feature is below what it typically has, (N, D): see `evaluation.contributions`."""
        return contributions(self.typical_, self._evidence(X, y).terms)
