"""The linear VAE in closed form, for any K: probabilistic PCA with an encoder.

    q(z|x) = N(x A + a, diag e^s),    p(x|z) = N(z W + b, sigma^2 I),    p(z) = N(0, I)

Tipping & Bishop (1999), "Probabilistic principal component analysis"; Lucas et al. (2019), "Don't blame the ELBO!".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.numerics import LOG_2PI
from vae_np.model.vae import VAE

__all__ = ["LinearVAE"]

Array = NDArray[Any]


class LinearVAE(NamedTuple):
    """The decoder z W + b, W (K, D) and b (D,), and its variance sigma^2.

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
        L = np.linalg.cholesky(self.covariance)
        u = np.linalg.solve(L, (np.asarray(x, np.float64) - self.b).T)
        half_log_det = np.log(np.diag(L)).sum()
        found: Array = -np.square(u).sum(axis=0) / 2 - half_log_det - len(self.b) / 2 * LOG_2PI
        return found

    def posterior(self, x: ArrayLike) -> tuple[Array, Array]:
        """Mean (N, K) and covariance (K, K) of p(z|x): M^-1 W (x - b) and sigma^2 M^-1, M = W W^T + sigma^2 I."""
        M = self.W @ self.W.T + self.variance * np.eye(len(self.W))
        mean = np.linalg.solve(M, self.W @ (np.asarray(x, np.float64) - self.b).T).T
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
        x, m, s = (np.asarray(value, np.float64) for value in (x, mu, logvar))
        rest = np.square(x - m @ self.W - self.b).sum(axis=1)
        spread = np.exp(s) @ np.square(self.W).sum(axis=1)
        divergence = 0.5 * (m**2 + np.expm1(s) - s).sum(axis=1)
        constant = -x.shape[1] / 2 * (LOG_2PI + math.log(self.variance))
        found: Array = constant - (rest + spread) / (2 * self.variance) - divergence
        return found

    @classmethod
    def optimum(cls, x: ArrayLike, latent: int) -> LinearVAE:
        """The decoder of highest mean log p(x): probabilistic PCA.

            sigma^2 = the mean of the D - K smallest eigenvalues of the data's covariance
            W_k = sqrt(lambda_k - sigma^2) times the k-th eigenvector,    b = the mean

        up to a rotation of z. At it the best q(z|x) of a linear encoder is the true posterior: W's rows are orthogonal,
        so its covariance is diagonal, and the ELBO is log p(x).

        Raises
        ------
        ValueError
            If there are not fewer latent dimensions than features, or the data have no variance beyond them.
        """
        data = np.asarray(x, np.float64)
        n, d = data.shape
        if not 0 < latent < d:
            raise ValueError(f"latent must be from 1 to {d - 1}, fewer than the features; got {latent}")
        b = data.mean(axis=0)
        _, singular, directions = np.linalg.svd(data - b, full_matrices=True)
        eigenvalues = np.zeros(d)
        eigenvalues[: len(singular)] = singular**2 / n
        variance = float(eigenvalues[latent:].mean())
        if variance <= 1e-14 * eigenvalues[0]:
            raise ValueError(f"the data lie in {latent} dimensions: sigma would be 0, and the likelihood has no bound")
        size = np.sqrt(np.maximum(eigenvalues[:latent] - variance, 0))
        return cls(size[:, None] * directions[:latent], b, variance)
