"""VAE: what users hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.formulas.elbo import Terms
from vae_np.formulas.engine import Engine, FormulaEngine, Step, Update
from vae_np.formulas.likelihoods import Likelihood, get_likelihood
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.model.archive import write_archive
from vae_np.model.diagnosis import diagnose
from vae_np.model.initialisers import initialise
from vae_np.model.inputs import check_finite_rows, check_float, check_noise, check_widths
from vae_np.support import noise
from vae_np.support.checks import non_negative, whole
from vae_np.support.errors import NonFiniteError

__all__ = ["VAE", "Elbo"]

Array = NDArray[Any]


class Elbo(NamedTuple):
    """What `VAE.elbo` returns: three values an example, shape (N,), in nats, and the stages they came from.

    z and raw have the shape of eps's leading axes: (N, ...) or (S, N, ...).
    """

    elbo: Array
    log_likelihood: Array
    kl: Array
    mu: Array
    logvar: Array
    z: Array
    raw: Array


class VAE:
    """A variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

        q(z|x) = N(mu(x), diag exp(logvar(x))),    p(z) = N(0, I),    p(x|z) the likelihood

    Parameters
    ----------
    n_features : int
        D.
    hidden : sequence of int
        Widths of the encoder's hidden layers; ``()`` makes a linear encoder.
    latent : int
        K.
    activation : str
        tanh, relu, softplus, sigmoid, elu, gelu or identity.
    likelihood : str or Likelihood
        ``"bernoulli"``, ``"continuous-bernoulli"``, ``"gaussian"``, or an object such as ``Gaussian(sigma="learned")``.
    dtype : {"float64", "float32"}
        Of the parameters and of all that is computed. Arrays of the other float type are refused, not converted.
    backend : {"numba", "numpy"}
        Compiled kernels, or the formulas alone.
    seed : int
        Of the initial parameters.
    decoder_hidden : sequence of int, optional
        Widths of the decoder's hidden layers; ``hidden`` reversed if left out.
    init : str
        glorot-uniform, glorot-normal, he-uniform, he-normal or torch; see `initialisers`.
    threads : int, optional
        Of the compiled backend; as many as the sizes are worth if left out. Another number changes the last digits.

    Attributes
    ----------
    parameters : Parameters
        A mapping of names to arrays that are views into ``parameters.vector``.

    Raises
    ------
    ValueError, TypeError
        If an argument makes no sense.

    Examples
    --------
    >>> vae = VAE(64, hidden=(32,), latent=2)
    >>> x = np.zeros((3, 64))
    >>> mu, logvar = vae.encode(x)
    >>> mu.shape
    (3, 2)
    """

    def __init__(
        self,
        n_features: int,
        *,
        hidden: Sequence[int] = (400,),
        latent: int = 20,
        activation: str = "tanh",
        likelihood: str | Likelihood = "bernoulli",
        dtype: DTypeLike = "float64",
        backend: str = "numba",
        seed: int = 0,
        decoder_hidden: Sequence[int] | None = None,
        init: str = "glorot-uniform",
        threads: int | None = None,
    ) -> None:
        if np.dtype(dtype) not in (np.dtype("float32"), np.dtype("float64")):
            raise ValueError(f"dtype must be float32 or float64; got {np.dtype(dtype)}")
        self.architecture = Architecture(
            n_features,
            check_widths("hidden", hidden),
            latent,
            check_widths("hidden", hidden)[::-1]
            if decoder_hidden is None
            else check_widths("decoder_hidden", decoder_hidden),
            activation,
            get_likelihood(likelihood),
        )
        self.seed, self.init, self.backend = noise.check_seed(seed), init, backend
        self._parameters = Parameters(self.architecture.shapes(), dtype=np.dtype(dtype))
        initialise(self.parameters, init, self.seed)
        self.threads = None if threads is None else whole("threads", threads, at_least=1)
        self.engine = _make_engine(backend, self.architecture, self.parameters, self.threads)

    def __repr__(self) -> str:
        a = self.architecture
        widths = "-".join(map(str, [a.n_features, *a.hidden, a.latent, *a.decoder_hidden, a.n_features]))
        size = self.parameters.vector.size
        return f"VAE({widths}, {a.activation}, {a.likelihood!r}, {self.dtype}, {size} parameters)"

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine, whose buffers look into the parameters' memory."""
        return {name: value for name, value in self.__dict__.items() if name != "engine"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.engine = _make_engine(self.backend, self.architecture, self.parameters, self.threads)

    @property
    def parameters(self) -> Parameters:
        """A mapping of names to arrays that are views into ``parameters.vector``."""
        return self._parameters

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self.parameters.dtype

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z)."""
        return self.architecture.likelihood

    def start_output_bias(self, x: ArrayLike) -> None:
        """Start where the decoder, whatever z, fits the data's mean: for Bernoulli, the output bias at the log-odds.

        A learned variance of the likelihood starts at the data's about its mean.
        """
        x = self.check_data(x)
        if len(x) == 0:
            raise ValueError("x has no examples to take a mean of")
        moments = x.mean(axis=0), x.var(axis=0)
        self.parameters["decoder.out.b"][...] = self.likelihood.start(*moments)
        for name, value in self.likelihood.start_own(*moments).items():
            self.parameters[f"likelihood.{name}"][...] = value

    def encode(self, x: ArrayLike) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each (N, K), of x (N, D); `NonFiniteError` where they are not finite."""
        mu, logvar = self.engine.encode(self.check_data(x))
        return check_finite_rows("encoder.mu", mu), check_finite_rows("encoder.logvar", logvar)

    def decode(self, z: ArrayLike) -> Array:
        """E[x|z], shape (..., D), of z (..., K); `NonFiniteError` where z or it is not finite."""
        z = check_finite_rows("z", check_float("z", z, self.architecture.latent, self.dtype))
        mean = self.likelihood.mean(self.engine.decode(z), self.architecture.own(self.parameters))
        return check_finite_rows("decoder.out", mean)

    def reconstruct(self, x: ArrayLike) -> Array:
        """E[x|z] at z = mu(x), shape (N, D)."""
        return self.decode(self.encode(x)[0])

    def sample(self, n: int, seed: int) -> Array:
        """``n`` draws of x ~ p(x|z) with z ~ p(z), shape (n, D); `decode` of prior noise gives their means."""
        if n < 0:
            raise ValueError(f"n must not be negative; got {n}")
        z = noise.stream(seed, "prior").standard_normal((n, self.architecture.latent), dtype=self.dtype.type)
        own = self.architecture.own(self.parameters)
        return self.likelihood.sample(self.engine.decode(z), noise.stream(seed, "sample"), own)

    def elbo(self, x: ArrayLike, eps: ArrayLike, beta: float = 1.0) -> Elbo:
        """The evidence lower bound of each example, at the noise eps.

            elbo_n = 1/S sum_s log p(x_n | z_sn) - beta KL(q(z|x_n) || p(z)),    z = mu + exp(logvar / 2) eps

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
            Standard normal noise (`noise.standard_normal`).
        beta : float

        Returns
        -------
        Elbo
            ``elbo``, ``log_likelihood`` (its mean over the samples) and ``kl`` of shape (N,); mu, logvar, z, raw.
        """
        beta = non_negative("beta", beta)
        x = self.check_data(x)
        eps, shape = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        terms = self.engine.terms(x, eps)
        if not all(np.isfinite(a).all() for a in (terms.z, terms.log_likelihood, terms.kl)):
            raise diagnose(self.parameters, x, eps, self.architecture, get_objective("elbo"), beta)
        log_likelihood, kl = terms.log_likelihood.mean(axis=0), terms.kl.sum(axis=1)
        z, raw = (a.reshape(*shape[:-1], a.shape[-1]) for a in (terms.z, terms.raw))
        return Elbo(log_likelihood - beta * kl, log_likelihood, kl, terms.mu, terms.logvar, z, raw)

    def terms(self, x: ArrayLike, eps: ArrayLike) -> Terms:
        """The forward pass by stages, each sample for itself: what to compare with another implementation.

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
            (N, K) is taken as S = 1.

        Returns
        -------
        Terms
            log_likelihood, log_prior, log_posterior (S, N); kl (N, K); mu, logvar (N, K); z (S, N, K); raw (S, N, P).
            log w = log_likelihood + log_prior - log_posterior is the importance weight's logarithm.
        """
        x = self.check_data(x)
        return self.engine.terms(x, check_noise(eps, len(x), self.architecture.latent, self.dtype)[0])

    def loss_and_grad(
        self, x: ArrayLike, eps: ArrayLike, beta: float = 1.0, *, objective: str | Objective = "elbo"
    ) -> tuple[float, Parameters]:
        """The loss, a mean over the batch in nats, and its gradient in the form of the parameters.

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
        beta : float
        objective : str or Objective
            ``"elbo"`` (loss = -mean elbo), ``"iwae"``, or an object of `objectives`.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is not finite, naming the first stage of the path and the examples concerned.
        """
        beta = non_negative("beta", beta)
        x = self.check_data(x)
        eps, _ = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        with self.engine.lock:
            step = self.step(x, eps, get_objective(objective), beta)
            if not (np.isfinite(step.loss) and np.isfinite(step.gradients.vector).all()):
                raise diagnose(self.parameters, x, eps, self.architecture, get_objective(objective), beta)
            return step.loss, step.gradients.copy()

    def train_step(
        self,
        x: ArrayLike,
        eps: ArrayLike,
        adam: Adam,
        state: AdamState,
        beta: float = 1.0,
        *,
        objective: str | Objective = "elbo",
    ) -> Update:
        """One step of training, in place: loss, gradient and Adam in one pass over buffers made once.

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
        adam : Adam
        state : AdamState
            ``AdamState.zeros(vae.parameters.vector, adam)`` before the first step.
        beta, objective
            As for `loss_and_grad`.

        Returns
        -------
        Update
            The loss, the batch's sums of log p(x|z) and KL in nats, and the gradient's norm.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is not finite, naming the stage; parameters and state are as they were.
        """
        beta, objective = non_negative("beta", beta), get_objective(objective)
        x = self.check_data(x)
        eps, _ = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        try:
            return self.engine.train(x, eps, objective, beta, adam, state)
        except NonFiniteError as error:
            found = diagnose(self.parameters, x, eps, self.architecture, objective, beta)
            raise (error if found.stage == "kernels" else found) from None

    def step(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """`loss_and_grad` without its checks and copies: x (N, D) and eps (S, N, K) of the model's dtype."""
        return self.engine.loss_and_grad(x, eps, objective, beta)

    def check_data(self, x: ArrayLike, name: str = "x") -> Array:
        """X as a C-contiguous (N, D) array of the model's dtype within the likelihood's support, or an error."""
        array = self.check_float(name, x)
        self.likelihood.check(array, name)
        return array

    def check_float(self, name: str, x: ArrayLike) -> Array:
        """`check_data` without the support: what is only a probability until it is binarised passes."""
        array = check_float(name, x, self.architecture.n_features, self.dtype)
        if array.ndim != 2:
            raise ValueError(f"{name} must have two dimensions, examples and features; it has shape {array.shape}")
        return array

    def config(self) -> dict[str, Any]:
        """All that makes the model but its parameters, JSON-able; ``VAE(**config)`` makes it again."""
        a = self.architecture
        return {
            "n_features": a.n_features,
            "hidden": list(a.hidden),
            "latent": a.latent,
            "decoder_hidden": list(a.decoder_hidden),
            "activation": a.activation,
            "likelihood": a.likelihood.config(),
            "dtype": str(self.dtype),
            "init": self.init,
            "seed": self.seed,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, atomically; `vae_np.load` reads it."""
        write_archive(path, self.config(), self.parameters.vector)


def _make_engine(backend: str, architecture: Architecture, parameters: Parameters, threads: int | None) -> Engine:
    """The engine of that name; numba is imported only for ``"numba"``."""
    if backend == "numpy":
        return FormulaEngine(architecture, parameters)
    if backend != "numba":
        raise ValueError(f"backend must be numba or numpy; got {backend!r}")
    from vae_np.kernels.step.engine import KernelEngine

    return KernelEngine(architecture, parameters, threads)
