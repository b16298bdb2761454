"""Clusters by a mixture of Gaussians in a variational autoencoder's latent space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from vae_np.evaluation.clusters import cluster_probabilities, fit_mixture, sample_clusters, with_clusters
from vae_np.evaluation.common_noise import common_noise
from vae_np.formulas.optim import Adam
from vae_np.sklearn.arguments import check_held
from vae_np.sklearn.attempts import all_or_nothing
from vae_np.sklearn.autoencoder import VariationalAutoencoder
from vae_np.sklearn.frames import as_given, named
from vae_np.training.fitting import fit

__all__ = ["VAEClusterer"]

Array = NDArray[Any]
MIXTURES = ("trained", "fitted")
STARTS = ("k-means", "em")


class VAEClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Clusters of rows: a VAE is trained, then a mixture of Gaussians on its codes, then, if wished, both together.

    Parameters
    ----------
    n_clusters : int
    autoencoder : VariationalAutoencoder, optional
        A copy of it is fitted first; one with its own defaults if left out. Its posterior is the diagonal one.
    mixture : {"trained", "fitted"}
        ``"trained"``: VaDE (Jiang et al. 2017), the mixture is the prior and is trained with the networks;
        ``"fitted"``: it stays as it was found on the posterior means of the autoencoder.
    start : {"k-means", "em"}
        How the mixture is found on the posterior means: by k-means, or by expectation maximisation, whose likeliest
        Gaussians need be no clusters (see `vae_np.evaluation.fit_mixture`).
    epochs, learning_rate
        Of the training together; batches and samples are the autoencoder's.
    responsibilities : {"optimal", "sampled"}
        See `vae_np.VaDE`.
    restarts : int
        Of ``start``, of which the best by its own measure is taken.
    samples : int
        S, of z in `predict_proba`.
    random_state : int, RandomState or None
        Of the mixture's starts, of the training together and of samples, and of the autoencoder's copy unless it has
        its own.

    Attributes
    ----------
    autoencoder_ : VariationalAutoencoder
        Its ``model_`` has the mixture as its prior: `transform`, `score_samples` and so on are that model's.
    mixture_ : FittedMixture
        On the posterior means before the training together.
    labels_ : array, shape (N,)
        `predict` of the training rows.
    history_ : History
        Of the training together; None for "fitted".
    n_features_in_, feature_names_in_ : as ever

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(-2, 1, (50, 4)), rng.normal(2, 1, (50, 4))])
    >>> vae = VariationalAutoencoder(latent=2, epochs=40, backend="numpy")
    >>> found = VAEClusterer(2, vae, epochs=20, random_state=0).fit(x)
    >>> bool((found.labels_[:50] == found.labels_[0]).mean() > 0.9), found.predict_proba(x).shape
    (True, (100, 2))
    """

    def __init__(
        self,
        n_clusters: int = 8,
        autoencoder: VariationalAutoencoder | None = None,
        *,
        mixture: str = "trained",
        start: str = "k-means",
        epochs: int = 50,
        learning_rate: float = 1e-3,
        responsibilities: str = "optimal",
        restarts: int = 10,
        samples: int = 100,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.autoencoder = autoencoder
        self.mixture = mixture
        self.start = start
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.responsibilities = responsibilities
        self.restarts = restarts
        self.samples = samples
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> VAEClusterer:
        """Train on X (N, D), an array or a DataFrame, whose columns may be of several kinds."""
        check_held(self, VariationalAutoencoder, n_clusters=1, epochs=0, restarts=1, samples=1)
        vae = VariationalAutoencoder() if self.autoencoder is None else clone(self.autoencoder)
        if vae.condition is not None:
            raise ValueError("clusters are of x alone: the autoencoder must have condition=None")
        given = named(self, X, vae.likelihood)
        if self.mixture not in MIXTURES:
            raise ValueError(f"mixture must be one of {', '.join(MIXTURES)}; got {self.mixture!r}")
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}; got {self.start!r}")
        if (rows := np.shape(given)[0]) < self.n_clusters:
            raise ValueError(f"n_samples={rows} must be at least n_clusters={self.n_clusters}")
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if vae.random_state is None:
            vae.set_params(random_state=self._seed)
        vae.fit(given)
        x = as_given(self, X, vae.table_, vae.model_.dtype)
        of: dict[str, Any] = {"by": self.start, "restarts": self.restarts, "seed": self._seed}
        self.mixture_ = fit_mixture(vae.model_.encode(x)[0], self.n_clusters, **of)
        vae.model_ = with_clusters(vae.model_, x, self.n_clusters, responsibilities=self.responsibilities, **of)
        self.autoencoder_, self.history_ = vae, None
        if self.mixture == "trained":
            self.history_ = fit(
                vae.model_, x, epochs=self.epochs, optimizer=Adam(self.learning_rate), batch_size=vae.batch_size,
                samples=vae.samples, seed=self._seed, progress=bool(vae.verbose),
            )  # fmt: skip
        self.labels_ = self._probabilities(x).argmax(axis=1)
        return self

    def _probabilities(self, x: Array) -> Array:
        vae = self.autoencoder_.model_
        if self.mixture == "fitted":
            return self.mixture_.probabilities(np.asarray(vae.encode(x)[0], np.float64))
        return cluster_probabilities(vae, x, self.samples)

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each cluster, (N, M).

        "trained": E[p(c|z)] over q(z|x), by the same samples for every row; "fitted": p(c|z) at the posterior mean.
        """
        check_is_fitted(self)
        vae = self.autoencoder_
        return self._probabilities(as_given(self, X, vae.table_, vae.model_.dtype))

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The likeliest cluster of each row, (N,)."""
        return self.predict_proba(X).argmax(axis=1)

    def score_samples(self, X: ArrayLike) -> Array:
        """log p(x) of each row, (N,), in nats: the autoencoder's, with the mixture as p(z)."""
        check_is_fitted(self)
        vae = self.autoencoder_
        x = as_given(self, X, vae.table_, vae.model_.dtype)
        return common_noise(vae.model_, x, vae.evidence_samples).evidence

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of `score_samples`."""
        return float(np.mean(self.score_samples(X)))

    def sample(self, n_samples: int = 1, cluster: int | None = None) -> tuple[Any, NDArray[np.intp]]:
        """Draws of x, (n_samples, D), of all clusters or of one, and the cluster of each, (n_samples,).

        Of a model of a DataFrame, one with its columns and classes.
        """
        check_is_fitted(self)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        vae = self.autoencoder_
        x, which = sample_clusters(vae.model_, n_samples, cluster=cluster, seed=seed)
        return x if vae.table_ is None else vae.table_.frame(x), which
