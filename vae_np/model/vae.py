"""VAE: what users hold."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.elbo import OwnEncoder, Terms
from vae_np.formulas.engine import Step, Update
from vae_np.formulas.objectives import Objective, get_objective, weighted_elbo
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors import Diagonal
from vae_np.formulas.scaling import FeatureMoments, moments, standardising
from vae_np.model.base import Model
from vae_np.model.diagnosis import diagnose, posterior_fault
from vae_np.model.inputs import check_finite_rows, check_float, check_noise
from vae_np.support import noise
from vae_np.support.checks import non_negative, whole
from vae_np.support.errors import ConstantFeaturesWarning, NonFiniteError

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
    kl_is_analytic: bool = True


class VAE(Model):
    """A variational autoencoder, by default with a diagonal Gaussian posterior and a standard normal prior.

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
    posterior : str or Posterior
        ``"diagonal"``, ``"full"``, ``"planar"``, or an object such as ``Planar(flows=8)``.
    prior : str or Prior
        ``"standard"``, ``"mixture"``, ``"vade"``, or an object such as ``Mixture(components=20)``.
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
    scale : {"none", "standard"}
        "standard" makes standardisation a part of the model: the networks see (x - shift) / scale with mean 0 and
        variance 1, found by `fit` (or `start_scaling`) from the training data and kept in the model's file; log p(x)
        and all that is built on it stay in nats of x in its own units, and `decode`, `sample` and `reconstruct` answer
        in these. For likelihoods of all real numbers.

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

    def start_output_bias(self, x: ArrayLike) -> None:
        """Start where the decoder, whatever z, fits the data's mean: for Bernoulli, the output bias at the log-odds.

        A learned variance of the likelihood starts at the data's about its mean.
        """
        found = self._moments(x)
        if self.scaling is not None:  # its deviation, since its variance may overflow where the quotient's does not
            shift, scale = self.scaling.shift, self.scaling.scale
            found = found._replace(mean=(found.mean - shift) / scale, deviation=found.deviation / scale)
        mean, variance = found.mean, found.variance
        self.parameters["decoder.out.b"][...] = self.likelihood.start(mean, variance)
        for name, value in self.likelihood.start_own(mean, variance).items():
            self.parameters[f"likelihood.{name}"][...] = value

    def start_scaling(self, x: ArrayLike) -> None:
        """Find shift and scale of ``scale="standard"``: each feature's mean and deviation over x, (N, D).

        A feature whose values are all one keeps the scale 1, and a ``UserWarning`` names it. Columns of a table's parts
        that do not admit every real number (`Columns`) are left as they are.
        """
        found = self._moments(x)
        real = self.likelihood.real(len(found.mean))
        self.scaling = standardising(found, real)
        if (constant := found.constant & real).any():
            warning = ConstantFeaturesWarning(np.flatnonzero(constant), len(found.mean))
            warnings.warn(warning, stacklevel=2)

    def _moments(self, x: ArrayLike) -> FeatureMoments:
        """The moments of checked data."""
        x = self.check_data(x)
        if len(x) == 0:
            raise ValueError("x has no examples to take a mean of")
        return moments(x)

    def encode(self, x: ArrayLike) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each (N, K), of x (N, D); `NonFiniteError` where they are not finite.

        They are exact for the Gaussian posteriors; for another, what its `Posterior.moments` says.
        """
        mu, logvar = self.engine.encode(self.inside(self.check_data(x)))
        return self._finite_moment("mu", mu), self._finite_moment("logvar", logvar)

    def _finite_moment(self, name: str, moment: Array) -> Array:
        """Checked by its stage: a head of the diagonal posterior, of another what it says of itself."""
        if type(self.posterior) is Diagonal:
            return check_finite_rows(f"encoder.{name}", moment)
        if not np.isfinite(moment).all() and (fault := posterior_fault(self.parameters, self.architecture)):
            raise fault
        return check_finite_rows("moments of the posterior", moment)

    def decode(self, z: ArrayLike) -> Array:
        """E[x|z], shape (..., D), of z (..., K); `NonFiniteError` where z or it is not finite."""
        z = check_finite_rows("z", check_float("z", z, self.architecture.latent, self.dtype))
        mean = self.likelihood.mean(self.engine.decode(z), self.architecture.own(self.parameters))
        return check_finite_rows("decoder.out", self.outside(mean))

    def reconstruct(self, x: ArrayLike) -> Array:
        """E[x|z] at the mean of q(z|x), shape (N, D)."""
        return self.decode(self._finite_moment("mu", self.engine.encode(self.inside(self.check_data(x)))[0]))

    def sample_prior(self, n: int, seed: int = 0) -> Array:
        """``n`` draws of z ~ p(z), shape (n, K); `NonFiniteError` where they or the prior's arrays are not finite."""
        n = whole("n", n, at_least=0)
        own = self.architecture.own(self.parameters, "prior")
        for name, array in own.items():  # a draw may be finite that comes of what is not
            if bad := int(np.sum(~np.isfinite(array))):
                raise NonFiniteError(f"{bad} of {array.size} values are not finite", f"parameter prior.{name}")
        encoder = OwnEncoder(self.parameters, self.architecture)
        latent, generator = self.architecture.latent, noise.stream(seed, "prior")
        with np.errstate(all="ignore"):  # what is not finite is named below
            z = self.prior.checked_draw(n, latent, generator, own, self.dtype, encoder)
        return check_finite_rows("prior", z)

    def sample(self, n: int, seed: int = 0) -> Array:
        """``n`` draws of x ~ p(x|z) with z ~ p(z), shape (n, D): the same for the same seed, 0 if left out.

        `decode` of `sample_prior` gives their means.
        """
        z, own = self.sample_prior(n, seed), self.architecture.own(self.parameters)
        return self.outside(self.likelihood.sample(self.engine.decode(z), noise.stream(seed, "sample"), own))

    def elbo(self, x: ArrayLike, eps: ArrayLike, beta: float = 1.0) -> Elbo:
        """The evidence lower bound of each example, at the noise eps.

            elbo_n = 1/S sum_s log p(x_n | z_sn) - beta KL(q(z|x_n) || p(z)),    z = mu + exp(logvar / 2) eps

        Where KL has no closed form it is the mean over s of log q(z_sn|x_n) - log p(z_sn): see ``kl_is_analytic``.

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
            Standard normal noise (`noise.standard_normal`).
        beta : float

        Returns
        -------
        Elbo
            ``elbo``, ``log_likelihood`` (its mean over the samples) and ``kl`` of shape (N,); mu, logvar, z, raw;
            ``kl_is_analytic``.
        """
        beta = non_negative("beta", beta)
        x = self.inside(self.check_data(x))
        eps, shape = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        terms = self.engine.terms(x, eps)
        if not all(np.isfinite(a).all() for a in (terms.z, terms.log_likelihood, terms.kl)):
            raise diagnose(self.parameters, x, eps, self.architecture, get_objective("elbo"), beta)
        log_likelihood, kl = terms.log_likelihood.mean(axis=0), terms.kl.sum(axis=1)
        z, raw = (a.reshape(*shape[:-1], a.shape[-1]) for a in (terms.z, terms.raw))
        return Elbo(log_likelihood - beta * kl, log_likelihood, kl, terms.mu, terms.logvar, z, raw, terms.analytic)

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
            log_likelihood, log_prior, log_posterior (S, N); kl (N, K), or (N, 1) where it is estimated at the samples;
            mu, logvar (N, K); z (S, N, K); raw (S, N, P); heads.
            log w = log_likelihood + log_prior - log_posterior is the importance weight's logarithm.
        """
        x = self.inside(self.check_data(x))
        return self.engine.terms(x, check_noise(eps, len(x), self.architecture.latent, self.dtype)[0])

    def log_likelihood(self, x: ArrayLike, z: ArrayLike) -> Array:
        """log p(x_n | z_n), (N,), at any z (N, K), or (S, N) at z (S, N, K); nats, in x's own units."""
        x = self.inside(self.check_data(x))
        z = check_finite_rows("z", check_float("z", z, self.architecture.latent, self.dtype))
        if z.shape[-2:-1] != x.shape[:1] or z.ndim > 3:
            raise ValueError(f"z must be (N, K) or (S, N, K) with N = {len(x)}; got {z.shape}")
        density = self.likelihood.checked_log_density(x, self.engine.decode(z), self.architecture.own(self.parameters))
        return check_finite_rows("log_likelihood", density.sum(axis=-1) - self.architecture.log_volume)

    def loss_and_grad(
        self,
        x: ArrayLike,
        eps: ArrayLike,
        beta: float = 1.0,
        *,
        objective: str | Objective = "elbo",
        weights: ArrayLike | None = None,
    ) -> tuple[float, Parameters]:
        """The loss, a mean over the batch in nats, and its gradient in the form of the parameters.

        Parameters
        ----------
        x : array, shape (N, D)
        eps : array, shape (N, K) or (S, N, K)
        beta : float
        objective : str or Objective
            ``"elbo"`` (loss = -mean elbo), ``"iwae"``, or an object of `objectives`.
        weights : array, shape (S,) or (S, N), optional
            Of the samples, in place of 1/S: those of a quadrature's nodes, or normalised importance weights, which are
            taken as numbers. With "elbo", where they add up to 1 for each example.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is not finite, naming the first stage of the path and the examples concerned.
        """
        beta = non_negative("beta", beta)
        x = self.inside(self.check_data(x))
        eps, _ = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        if weights is not None:
            self.architecture.check_weights()
        goal = get_objective(objective) if weights is None else weighted_elbo(objective, weights, eps)
        with self.engine.lock:
            step = self.step(x, eps, goal, beta)
            if not (np.isfinite(step.loss) and np.isfinite(step.gradients.vector).all()):
                raise diagnose(self.parameters, x, eps, self.architecture, goal, beta)
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
        x = self.inside(self.check_data(x))
        eps, _ = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        try:
            return self.engine.train(x, eps, objective, beta, adam, state)
        except NonFiniteError as error:
            found = diagnose(self.parameters, x, eps, self.architecture, objective, beta)
            raise (error if found.stage == "kernels" else found) from None

    def step(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """`loss_and_grad` without its checks and copies: x (N, D), `inside` the model, and eps (S, N, K) of
        its dtype."""
        return self.engine.loss_and_grad(x, eps, objective, beta)
