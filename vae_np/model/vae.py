"""VAE: what users hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.elbo import Terms
from vae_np.formulas.engine import Step, Update
from vae_np.formulas.network import decoder_input
from vae_np.formulas.objectives import Objective, get_objective, weighted_elbo
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors import Diagonal
from vae_np.model.diagnosis import diagnose, posterior_fault
from vae_np.model.generative import Generative
from vae_np.model.inputs import check_finite_rows, check_noise
from vae_np.support.checks import non_negative
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
    kl_is_analytic: bool = True


class VAE(Generative):
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
        Of the compiled backend; as many as the sizes are worth if left out. Their number changes no bit.
    scale : {"none", "standard"}
        "standard" makes standardisation a part of the model: the networks see (x - shift) / scale with mean 0 and
        variance 1, found by `fit` (or `start_scaling`) from the training data and kept in the model's file; log p(x)
        and all that is built on it stay in nats of x in its own units, and `decode`, `sample` and `reconstruct` answer
        in these. For likelihoods of all real numbers.
    condition : int
        C, columns of a condition c that encoder and decoder are given: q(z|x, c) and p(x|z, c), and every bound is one
        of log p(x|c) (Sohn, Lee & Yan 2015). A row is then [x, c], which functions of models take for x; methods take x
        and ``condition=``, whole numbers from 0 to C - 1 as labels, or (N, C) numbers, and `rows` joins them. 0: none.

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

    def encode(self, x: ArrayLike, condition: ArrayLike | None = None) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each (N, K), of x (N, D); `NonFiniteError` where they are not finite.

        They are exact for the Gaussian posteriors; for another, what its `Posterior.moments` says.
        """
        mu, logvar = self.engine.encode(self.given(x, condition))
        return self._finite_moment("mu", mu), self._finite_moment("logvar", logvar)

    def _finite_moment(self, name: str, moment: Array) -> Array:
        """Checked by its stage: a head of the diagonal posterior, of another what it says of itself."""
        if type(self.posterior) is Diagonal:
            return check_finite_rows(f"encoder.{name}", moment)
        if not np.isfinite(moment).all() and (fault := posterior_fault(self.parameters, self.architecture)):
            raise fault
        return check_finite_rows("moments of the posterior", moment)

    def reconstruct(self, x: ArrayLike, condition: ArrayLike | None = None) -> Array:
        """E[x|z] at the mean of q(z|x), shape (N, D)."""
        rows = self.given(x, condition)
        z = self._finite_moment("mu", self.engine.encode(rows)[0])
        return self._mean(decoder_input(z, rows, self.architecture))

    def elbo(self, x: ArrayLike, eps: ArrayLike, beta: float = 1.0, *, condition: ArrayLike | None = None) -> Elbo:
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
        x = self.given(x, condition)
        eps, shape = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        terms = self.engine.terms(x, eps)
        if not all(np.isfinite(a).all() for a in (terms.z, terms.log_likelihood, terms.kl)):
            raise diagnose(self.parameters, x, eps, self.architecture, get_objective("elbo"), beta)
        log_likelihood, kl = terms.log_likelihood.mean(axis=0), terms.kl.sum(axis=1)
        z, raw = (a.reshape(*shape[:-1], a.shape[-1]) for a in (terms.z, terms.raw))
        return Elbo(log_likelihood - beta * kl, log_likelihood, kl, terms.mu, terms.logvar, z, raw, terms.analytic)

    def terms(self, x: ArrayLike, eps: ArrayLike, *, condition: ArrayLike | None = None) -> Terms:
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
        x = self.given(x, condition)
        return self.engine.terms(x, check_noise(eps, len(x), self.architecture.latent, self.dtype)[0])

    def loss_and_grad(
        self,
        x: ArrayLike,
        eps: ArrayLike,
        beta: float = 1.0,
        *,
        objective: str | Objective = "elbo",
        weights: ArrayLike | None = None,
        condition: ArrayLike | None = None,
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
        x = self.given(x, condition)
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
        condition: ArrayLike | None = None,
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
        x = self.given(x, condition)
        eps, _ = check_noise(eps, len(x), self.architecture.latent, self.dtype)
        if not isinstance(adam, Adam):
            raise TypeError(f"adam must be of type Adam; got {adam!r}")
        if not isinstance(state, AdamState):
            raise TypeError(f"state must be of type AdamState; got {state!r}")
        try:
            return self.engine.train(x, eps, objective, beta, adam, state)
        except NonFiniteError as error:
            found = diagnose(self.parameters, x, eps, self.architecture, objective, beta)
            raise (error if found.stage == "kernels" else found) from None

    def step(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """`loss_and_grad` without its checks and copies: x (N, D), `inside` the model, and eps (S, N, K) of
        its dtype."""
        return self.engine.loss_and_grad(x, eps, objective, beta)
