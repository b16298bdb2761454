"""A variational autoencoder as a transformer of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from vae_np.evaluation.common_noise import CommonNoise, common_noise
from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.likelihoods.conditional import of_data
from vae_np.formulas.optim import Adam
from vae_np.formulas.posteriors import Posterior
from vae_np.formulas.priors import Prior
from vae_np.formulas.schedules import Schedule
from vae_np.model.choosing import natural_or_given
from vae_np.model.tables import is_frame
from vae_np.model.vae import VAE
from vae_np.sklearn.arguments import goes_on_with_model, made_of
from vae_np.sklearn.attempts import all_or_nothing
from vae_np.sklearn.frames import as_given, learned, start_scaling
from vae_np.sklearn.labels import classes_of, encoded, is_conditional, labels_of_draws
from vae_np.sklearn.settings import held_out, threads_of
from vae_np.training.fitting import fit

__all__ = ["VariationalAutoencoder"]

Array = NDArray[Any]


class VariationalAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A VAE whose `transform` is the posterior mean and whose `score_samples` is log p(x), in nats of x as it is given.

    Parameters
    ----------
    latent : int
        K, the dimensions of `transform`.
    hidden, decoder_hidden, activation, posterior, prior, threads, backend
        As those of `vae_np.VAE`. Without ``threads``, as many as ``OMP_NUM_THREADS`` says where it is set, as joblib's
        processes have it.
    likelihood : str, Likelihood or mapping of column to one of these
        ``"auto"`` takes the one that the data want (`vae_np.model.choosing`), of a DataFrame one a column by its dtype
        and values (`vae_np.Table`); a mapping names those of some of a DataFrame's columns.
    scale : {"auto", "none", "standard"}
        ``"auto"``: "standard" for numbers beyond [0, 1] under a likelihood of all real numbers, chosen or given; a
        sigma that is given as a number is then one of the standardised numbers.
    condition : {None, "labels"}
        ``"labels"``: y are classes, and encoder and decoder are given that of each row (`vae_np.VAE`, ``condition=``);
        log p is then log p(x|y). `fit` and every method that takes X needs y beside it; without, y is ignored.
    epochs, batch_size, beta, objective, samples
        As those of `vae_np.fit`.
    learning_rate : float
        Of Adam.
    early_stopping : bool
        Hold out ``validation_fraction`` of the rows, stop when their ELBO has not risen for ``patience`` epochs, and
        keep the best epoch's model.
    warm_start : bool
        `fit` goes on from the parameters that are there, with the model that these belong to.
    evidence_samples : int
        S, of the importance-weighted log p(x) in `score` and `score_samples`.
    random_state : int, RandomState or None
        Of initial parameters, order, noise, samples.
    verbose : bool
        Lines of progress, and what each column of a DataFrame is taken for.

    Attributes
    ----------
    model_ : VAE
    history_ : History
    n_iter_ : int
        Epochs.
    likelihood_, scale_ : what was taken
    table_ : Table or None
        What each column of a DataFrame was taken for, and its classes; `sample`, reconstructions are then DataFrames.
    classes_ : array, shape (C,), or None
        The labels of ``condition="labels"``, ascending.
    n_features_in_, feature_names_in_ : as ever

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> vae = VariationalAutoencoder(latent=2, epochs=5, backend="numpy", random_state=0).fit(x)
    >>> vae.transform(x).shape, vae.score_samples(x).shape
    ((50, 2), (50,))
    """

    def __init__(
        self,
        latent: int = 2,
        *,
        hidden: Sequence[int] = (64,),
        decoder_hidden: Sequence[int] | None = None,
        activation: str = "tanh",
        likelihood: str | Likelihood | Mapping[Any, Any] = "auto",
        posterior: str | Posterior = "diagonal",
        prior: str | Prior = "standard",
        scale: str = "auto",
        condition: str | None = None,
        epochs: int = 100,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        beta: float | Schedule = 1.0,
        objective: str = "elbo",
        samples: int = 1,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        evidence_samples: int = 100,
        random_state: Any = None,
        backend: str = "numba",
        threads: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.decoder_hidden = decoder_hidden
        self.activation = activation
        self.likelihood = likelihood
        self.posterior = posterior
        self.prior = prior
        self.scale = scale
        self.condition = condition
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta = beta
        self.objective = objective
        self.samples = samples
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.evidence_samples = evidence_samples
        self.random_state = random_state
        self.backend = backend
        self.threads = threads
        self.verbose = verbose

    # ---- fitting

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> VariationalAutoencoder:
        """Train on X (N, D), of a conditional model with the labels y (N,)."""
        goes_on = goes_on_with_model(self, self.warm_start)
        x = self._checked(X, y) if goes_on else self._learned(X, y)
        seed = self._seed = self._new_seed()
        self._parts = 0
        if not goes_on:
            self.model_, x = self._made(x, y, seed)
        train, held = x, None
        if self.early_stopping:
            train, held = held_out(x, self.validation_fraction, seed)
        start_scaling(self, train)
        self.history_ = fit(
            self.model_, train, epochs=self.epochs, seed=seed, validation=held,
            patience=self.patience if self.early_stopping else None, output_bias="data", progress=bool(self.verbose),
            **self._training(),
        )  # fmt: skip
        self.n_iter_ = len(self.history_.rows)
        return self

    def fit_transform(self, X: ArrayLike, y: Any = None) -> Array:
        """`fit`, and `transform` of the same rows."""
        return self.fit(X, y).transform(X, y if self._is_conditional else None)

    @all_or_nothing
    def partial_fit(self, X: ArrayLike, y: Any = None, classes: Any = None) -> VariationalAutoencoder:
        """One pass over X, from the parameters that are there; Adam's moments begin anew.

        The first call makes the model: its rows decide likelihood and scale, and ``classes``, or else its y, the
        classes of a conditional one.
        """
        first = not goes_on_with_model(self, True)
        x = self._learned(X, y, classes) if first else self._checked(X, y)
        if first:
            self._seed, self._parts = self._new_seed(), 0
            self.model_, x = self._made(x, y, self._seed)
            start_scaling(self, x)
        seed = (self._seed + 1 + self._parts) % 2**31
        bias = "data" if first else "zero"
        self.history_ = fit(self.model_, x, epochs=1, seed=seed, output_bias=bias, progress=False, **self._training())
        self._parts += 1
        self.n_iter_ = self._parts if first else self.n_iter_ + 1
        return self

    def _learned(self, X: ArrayLike, y: Any, classes: Any = None) -> Array:
        conditional = is_conditional(self)
        self.table_, x = learned(self, X, self.likelihood)
        self.classes_ = classes_of(self, y, len(x), classes) if conditional else None
        if self.verbose and self.table_ is not None:
            print(self.table_)
        return x

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _made(self, x: Array, y: Any, seed: int) -> tuple[VAE, Array]:
        """The model of x, and what it is given: x itself, or rows [x, c]."""
        likelihood: Any
        if self.table_ is not None:
            likelihood, scale = self.table_.likelihood, self.table_.scale
        else:
            likelihood, scale = natural_or_given(self.likelihood, x)
        scale = scale if self.scale == "auto" else self.scale
        model = VAE(
            x.shape[1], hidden=self.hidden, latent=self.latent, activation=self.activation, likelihood=likelihood,
            posterior=self.posterior, prior=self.prior, dtype=x.dtype, backend=self.backend, seed=seed,
            decoder_hidden=self.decoder_hidden, threads=threads_of(self.threads), scale=scale,
            condition=0 if self.classes_ is None else len(self.classes_),
        )  # fmt: skip
        rows = x if self.classes_ is None else model.rows(x, encoded(self, y, len(x), x.dtype))
        self.likelihood_, self.scale_, self._made_of = of_data(model.likelihood), scale, made_of(self)
        return model, rows

    def _training(self) -> dict[str, Any]:
        names = ("batch_size", "beta", "objective", "samples")
        return {name: getattr(self, name) for name in names} | {"optimizer": Adam(self.learning_rate)}

    # ---- what it is for

    @property
    def _n_features_out(self) -> int:
        return self.model_.architecture.latent

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = self.condition is not None
        return tags

    @property
    def _is_conditional(self) -> bool:
        return self.model_.architecture.condition > 0

    def _checked(self, X: ArrayLike, y: Any) -> Array:
        """What the model is given: x, or rows [x, c]."""
        check_is_fitted(self)
        x = as_given(self, X, self.table_, self.model_.dtype)
        condition = self._condition(y, len(x))
        return x if condition is None else self.model_.rows(x, condition)

    def _condition(self, y: Any, rows: int) -> Array | None:
        return encoded(self, y, rows, self.model_.dtype) if self._is_conditional else None

    def _framed(self, x: Array, of: Any = None, mean: bool = False) -> Any:
        """Of rows of a DataFrame, with its index."""
        return x if self.table_ is None else self.table_.frame(x, mean=mean, index=of.index if is_frame(of) else None)

    def transform(self, X: ArrayLike, y: Any = None) -> Array:
        """Means of q(z|x), (N, K); of a conditional model those of q(z|x, y), which needs y, as all below do."""
        x = self._checked(X, y)  # which says so where nothing is fitted
        return self.model_.encode(x)[0]

    def inverse_transform(self, Z: ArrayLike, y: Any = None) -> Any:
        """E[x|z] of latents (N, K), (N, D); in a DataFrame's columns of classes the likeliest, with Z's index."""
        check_is_fitted(self)
        z = check_array(Z, dtype=self.model_.dtype, order="C", input_name="Z")
        if z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {z.shape[1]} columns, but {type(self).__name__} has {self._n_features_out} latent dimensions"
            )
        condition = self._condition(labels_of_draws(y, len(z)), len(z))
        return self._framed(self.model_.decode(z, condition), Z, mean=True)

    def reconstruct(self, X: ArrayLike, y: Any = None) -> Any:
        """E[x|z] at the posterior means, (N, D), as `inverse_transform`."""
        x = self._checked(X, y)
        return self._framed(self.model_.reconstruct(x), X, mean=True)

    def sample(self, n_samples: int = 1, y: Any = None) -> Any:
        """Draws of x, (n_samples, D); a DataFrame with the columns and classes of the one that was fitted.

        ``y``, of a conditional model: the class of all draws, or one for each.
        """
        check_is_fitted(self)
        condition = self._condition(labels_of_draws(y, n_samples), n_samples)
        return self._framed(self.model_.sample(n_samples, self._new_seed(), condition))

    def evidence(self, X: ArrayLike, y: Any = None, far: Literal["error", "lowest"] = "error") -> CommonNoise:
        """`score_samples` with its standard error of each row, and a term a column: see `evaluation.common_noise`."""
        x = self._checked(X, y)
        found = common_noise(self.model_, x, self.evidence_samples, far=far)
        terms = found.terms[:, : self.model_.architecture.n_data]
        return found._replace(terms=terms if self.table_ is None else self.table_.by_column(terms))

    def score_samples(self, X: ArrayLike, y: Any = None) -> Array:
        """log p(x), or log p(x|y), of each row, (N,), in nats: the importance-weighted bound of ``evidence_samples``
        samples."""
        return self.evidence(X, y).evidence

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of `score_samples`."""
        return float(np.mean(self.score_samples(X, y)))
