"""The linear VAE in closed form, for any K: probabilistic PCA with an encoder.

    q(z|x) = N(x A + a, diag e^s),    p(x|z) = N(z W + b, sigma^2 I),    p(z) = N(0, I)

Tipping & Bishop (1999), "Probabilistic principal component analysis"; Lucas et al. (2019), "Don't blame the ELBO!".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.numerics import LOG_2PI
from vae_np.model.vae import VAE
from vae_np.support.checks import check_values, positive, whole

__all__ = ["LinearVAE"]

Array = NDArray[Any]


class LinearVAE(NamedTuple):
    """The decoder z W + b, W (K, D) and b (D,), and its variance sigma^2.

    Gradients have its form, too, so it is where it is used that its arrays and its data are checked: ``ValueError`` or
    ``TypeError`` where shapes do not fit, something is not finite, or the variance is not positive.

    Examples
    --------
    >>> vae = VAE(3, hidden=(), latent=1, likelihood=Gaussian(0.5), backend="numpy")
    >>> LinearVAE.of(vae).log_evidence(np.zeros((2, 3))).shape
    (2,)
    """

    W: Array
    b: Array
    variance: float

    @classmethod
    def of(cls, vae: VAE) -> LinearVAE:
        """Of a model without hidden layers and with a Gaussian likelihood of one deviation, and no scaling.

        Raises
        ------
        ValueError
            If the model is another one.
        """
        likelihood, architecture = vae.likelihood, vae.architecture
        layers = (*architecture.hidden, *architecture.decoder_hidden)
        sigma = getattr(likelihood, "sigma", None)
        if layers or type(likelihood) is not Gaussian or sigma in ("per-feature", "heteroscedastic"):
            raise ValueError(
                "the closed form is that of a VAE without hidden layers, with a Gaussian likelihood, sigma a number"
                " or 'learned'; for another with K <= 3: exact.log_evidence and exact.elbo_and_grad"
            )
        if vae.scale != "none" or not architecture.is_plain:
            raise ValueError("the closed form is that of the standard prior, the diagonal posterior and scale='none'")
        if isinstance(sigma, str):  # learned
            variance = likelihood.floor**2 + math.exp(float(vae.parameters["likelihood.logvar"][0]))
        else:
            variance = float(likelihood.sigma) ** 2
        W, b = (np.asarray(vae.parameters[f"decoder.out.{name}"], np.float64) for name in "Wb")
        return cls(W.copy(), b.copy(), variance)

    @property
    def covariance(self) -> Array:
        """Of x, (D, D): W^T W + sigma^2 I."""
        return self.W.T @ self.W + self.variance * np.eye(len(self.b))

    def log_evidence(self, x: ArrayLike) -> Array:
        """log p(x) = log N(x; b, W^T W + sigma^2 I), (N,), in nats."""
        data = self._data(x)
        L = np.linalg.cholesky(self.covariance)
        u = np.linalg.solve(L, (data - self.b).T)
        half_log_det = np.log(np.diag(L)).sum()
        found: Array = -np.square(u).sum(axis=0) / 2 - half_log_det - len(self.b) / 2 * LOG_2PI
        return found

    def posterior(self, x: ArrayLike) -> tuple[Array, Array]:
        """Mean (N, K) and covariance (K, K) of p(z|x): M^-1 W (x - b) and sigma^2 M^-1, M = W W^T + sigma^2 I."""
        data = self._data(x)
        M = self.W @ self.W.T + self.variance * np.eye(len(self.W))
        mean = np.linalg.solve(M, self.W @ (data - self.b).T).T
        return mean, self.variance * np.linalg.inv(M)

    def elbo(self, x: ArrayLike, mu: ArrayLike, logvar: ArrayLike) -> Array:
        """The ELBO of each example for q = N(mu, diag e^logvar), exactly:

            -D/2 log(2 pi sigma^2) - (|x - mu W - b|^2 + sum_k e^{s_k} |W_k|^2) / (2 sigma^2) - KL(q || p)

        Parameters
        ----------
        x, mu, logvar : array, shapes (N, D), (N, K) and (N, K)

        Returns
        -------
        elbo : array, shape (N,)
        """
        x, m, s = self._with_moments(x, mu, logvar)
        rest = np.square(x - m @ self.W - self.b).sum(axis=1)
        spread = np.exp(s) @ np.square(self.W).sum(axis=1)
        divergence = 0.5 * (m**2 + np.expm1(s) - s).sum(axis=1)
        constant = -x.shape[1] / 2 * (LOG_2PI + math.log(self.variance))
        found: Array = constant - (rest + spread) / (2 * self.variance) - divergence
        return found

    def log_evidence_gradient(self, x: ArrayLike) -> LinearVAE:
        """The gradient of the mean log p(x), in the form of the parameters: dW, db and dsigma^2.

            G = 1/2 (C^-1 S C^-1 - C^-1),    dW = 2 W G,    db = C^-1 mean(x - b),    dsigma^2 = tr G

        with C the covariance of x in the model and S = mean (x - b)(x - b)^T. Tipping & Bishop (1999), appendix A.
        """
        off = self._data(x, at_least=1) - self.b
        inverse = np.linalg.inv(self.covariance)
        G = (inverse @ (off.T @ off / len(off)) @ inverse - inverse) / 2
        return LinearVAE(2 * self.W @ G, inverse @ off.mean(axis=0), float(np.trace(G)))

    def elbo_gradient(self, x: ArrayLike, mu: ArrayLike, logvar: ArrayLike) -> tuple[LinearVAE, Array, Array]:
        """The gradient of the mean `elbo`: of the decoder, in its form, and dmu and dlogvar, each (N, K).

        dW = mean (mu^T r - diag(e^s) W) / sigma^2,    db = mean r / sigma^2,    r = x - mu W - b
        dsigma^2 = -D / (2 sigma^2) + mean (|r|^2 + sum_k e^{s_k} |W_k|^2) / (2 sigma^4)
        dmu = (r W^T / sigma^2 - mu) / N,    dlogvar = -(e^s |W_k|^2 / sigma^2 + e^s - 1) / (2 N)
        """
        x, m, s = self._with_moments(x, mu, logvar, at_least=1)
        n, d = x.shape
        r, e, sizes = x - m @ self.W - self.b, np.exp(s), np.square(self.W).sum(axis=1)
        dW = (m.T @ r / n - e.mean(axis=0)[:, None] * self.W) / self.variance
        squares = float((np.square(r).sum(axis=1) + e @ sizes).mean())
        dvariance = -d / (2 * self.variance) + squares / (2 * self.variance**2)
        decoder = LinearVAE(dW, r.mean(axis=0) / self.variance, dvariance)
        return decoder, (r @ self.W.T / self.variance - m) / n, -(e * sizes / self.variance + np.expm1(s)) / (2 * n)

    def _data(self, x: ArrayLike, *, at_least: int = 0) -> Array:
        """x in float64, (N, D), finite, once the decoder is one."""
        W, b = (_finite(name, value) for name, value in (("W", self.W), ("b", self.b)))
        if W.ndim != 2 or b.shape != W.shape[1:]:
            raise ValueError(f"W must have the shape (K, D) and b (D,); got {W.shape} and {b.shape}")
        positive("variance", self.variance)
        data = _finite("x", x)
        if data.ndim != 2 or data.shape[1] != len(b):
            raise ValueError(f"x must have the shape (N, {len(b)}); got {data.shape}")
        if len(data) < at_least:
            raise ValueError("x has no examples")
        return data

    def _with_moments(
        self, x: ArrayLike, mu: ArrayLike, logvar: ArrayLike, *, at_least: int = 0
    ) -> tuple[Array, Array, Array]:
        """x, mu and logvar in float64, with one row for each example."""
        data = self._data(x, at_least=at_least)
        m, s = _finite("mu", mu), _finite("logvar", logvar)
        for name, value in (("mu", m), ("logvar", s)):
            if value.shape != (len(data), len(self.W)):
                raise ValueError(f"{name} must have the shape {(len(data), len(self.W))}; got {value.shape}")
        return data, m, s

    @classmethod
    def stationary(cls, x: ArrayLike, latent: int, eigenvectors: Sequence[int]) -> LinearVAE:
        """A stationary point of the mean log p(x): some eigenvectors of the data's covariance, and rows of 0.

            sigma^2 = the mean of the other eigenvalues,    W_k = sqrt(lambda_k - sigma^2) times an eigenvector

        up to a rotation of z; b = the mean. With any others than the first ones it is a saddle point: Tipping & Bishop
        (1999), section 3.2 and appendix A; the ELBO has the same ones (Lucas et al. 2019).

        Parameters
        ----------
        x : array, shape (N, D)
        latent : int
            K.
        eigenvectors : sequence of int
            At most K of them, counted from 0, the largest eigenvalue first.

        Raises
        ------
        ValueError
            If they are no such numbers, an eigenvalue is below the others' mean, or the data have no variance beyond.
        """
        data, latent = _finite("x", x), whole("latent", latent, at_least=1)
        chosen = [whole("an eigenvector's number", k, at_least=0) for k in eigenvectors]
        if data.ndim != 2 or not len(data):
            raise ValueError(f"x must have the shape (N, D), with at least one example; got {data.shape}")
        n, d = data.shape
        if latent >= d:
            raise ValueError(f"latent must be from 1 to {d - 1}, fewer than the features; got {latent}")
        if len(chosen) > latent or len(set(chosen)) < len(chosen) or not all(0 <= k < d for k in chosen):
            raise ValueError(f"eigenvectors must be at most {latent} different numbers from 0 to {d - 1}; got {chosen}")
        b = data.mean(axis=0)
        _, singular, directions = np.linalg.svd(data - b, full_matrices=True)
        eigenvalues = np.zeros(d)
        eigenvalues[: len(singular)] = singular**2 / n
        variance = float(np.delete(eigenvalues, chosen).mean())
        if variance <= 1e-14 * eigenvalues[0]:
            raise ValueError(
                f"the data lie in at most {latent} dimensions: sigma would be 0, and the likelihood has no bound"
            )
        if (eigenvalues[chosen] < variance).any():
            raise ValueError("an eigenvalue that is chosen is below the mean of the others: there is no such point")
        W = np.zeros((latent, d))
        W[: len(chosen)] = np.sqrt(eigenvalues[chosen] - variance)[:, None] * directions[chosen]
        return cls(W, b, variance)

    @classmethod
    def optimum(cls, x: ArrayLike, latent: int) -> LinearVAE:
        """The decoder of highest mean log p(x): probabilistic PCA, the `stationary` point of the first eigenvectors.

        At it the best q(z|x) of a linear encoder is the true posterior: W's rows are orthogonal, so its covariance is
        diagonal, and the ELBO is log p(x).
        """
        return cls.stationary(x, latent, range(whole("latent", latent, at_least=1)))


def _finite(name: str, value: ArrayLike) -> Array:
    """An array of real and finite numbers, in float64."""
    array = np.asarray(value)
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array; got {value!r}")
    check_values(array, -math.inf, math.inf, name=name)
    return array.astype(np.float64)
