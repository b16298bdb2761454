"""Clusters in the latent space: a Gaussian mixture on posteriors, the model that goes on from it, who belongs where.

Letters: N rows, M clusters, K latent dimensions; v (N, K) are variances of the rows, 0 for points.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.network import encoder_forward
from vae_np.formulas.numerics import LOG_2PI, log_sum_exp
from vae_np.formulas.posteriors import Diagonal
from vae_np.formulas.priors import Mixture, VaDE
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.noise import standard_normal, stream

__all__ = ["FittedMixture", "cluster_probabilities", "fit_mixture", "sample_clusters", "with_clusters"]

Array = NDArray[Any]
BLOCK = 1000
"""Rows times samples whose z are held at once."""
FLOOR = 1e-6
"""A component's variances are at least this share of the mean variance of all rows: none shrinks onto a point."""


class FittedMixture(NamedTuple):
    """A mixture of diagonal Gaussians, in the form of `priors.Mixture`'s own arrays.

    Attributes
    ----------
    logits : array, shape (M,): log pi
    mean, logvar : array, shape (M, K)
    bound : float: what was maximised, the mean over the rows in nats
    steps : int: of the best start
    """

    logits: Array
    mean: Array
    logvar: Array
    bound: float
    steps: int

    def log_terms(self, x: Array, v: Array | float = 0.0) -> Array:
        """log pi_c + E[log N(z; mean_c, exp(logvar_c))], z of mean x_n and variance v_n, (N, M)."""
        found = np.empty((len(x), len(self.logits)))
        for c, (mean, logvar) in enumerate(zip(self.mean, self.logvar, strict=True)):
            found[:, c] = -0.5 * (((x - mean) ** 2 + v) * np.exp(-logvar) + logvar + LOG_2PI).sum(axis=1)
        return found + self.logits

    def probabilities(self, x: Array, v: Array | float = 0.0) -> Array:
        """The responsibilities gamma_nc, which add up to 1 over c, (N, M)."""
        terms = self.log_terms(x, v)
        gamma: Array = np.exp(terms - log_sum_exp(terms, axis=1)[:, None])
        return gamma


def fit_mixture(
    x: ArrayLike,
    components: int,
    *,
    variance: ArrayLike | None = None,
    by: str = "em",
    restarts: int = 10,
    seed: int = 0,
    most: int = 500,
    tolerance: float = 1e-6,
) -> FittedMixture:
    """Expectation maximisation of a mixture of diagonal Gaussians, the best of some starts; or k-means.

        bound      1/N sum_n log sum_c pi_c exp(E[log N(z_n; mean_c, exp(logvar_c))])
        E step     gamma_nc ~ pi_c exp(E[log N(z_n; mean_c, exp(logvar_c))])
        M step     pi_c = mean gamma_nc,   mean_c = sum gamma_nc x_n / sum gamma_nc,
                   exp(logvar_c) = sum gamma_nc ((x_n - mean_c)^2 + v_n) / sum gamma_nc

    Of points, v = 0, the bound is their log-likelihood (Dempster, Laird & Rubin 1977). With the posteriors' means and
    variances it is, but for the posteriors' entropy, minus the KL of `priors.VaDE` with optimal responsibilities: EM
    then takes the prior to a best one for this encoder. No step lowers it, the floor of variances aside.

    By k-means (Lloyd 1982) each row belongs to the nearest mean alone, gamma is 0 or 1, and what falls with every step
    is sum_n min_c |x_n - mean_c|^2; the Gaussians are those of one M step at its end. It knows no widths, so that none
    of its clusters is a wide one behind the others, as the likeliest mixture may have.

    Parameters
    ----------
    x : array, shape (N, K)
    components : int
        M, at most N.
    variance : array, shape (N, K), optional
        v; 0 if left out.
    by : {"em", "k-means"}
    restarts : int
        Starts, each from centres drawn as by k-means++ (Arthur & Vassilvitskii 2007).
    seed : int
    most : int
        Steps of a start at most.
    tolerance : float
        A start of EM ends when a step raises the bound by less, in nats a row; of k-means when no row moves.
    """
    x = np.asarray(x, np.float64)
    components, restarts = whole("components", components, at_least=1), whole("restarts", restarts, at_least=1)
    if x.ndim != 2 or len(x) < components or not np.isfinite(x).all():
        raise ValueError(f"x must be (N, K), finite, with N at least components={components}; got {x.shape}")
    v = np.zeros_like(x) if variance is None else np.asarray(variance, np.float64)
    if v.shape != x.shape or not (v >= 0).all():
        raise ValueError(f"variance must have x's shape {x.shape} and not be negative; got {v.shape}")
    if by not in ("em", "k-means"):
        raise ValueError(f"by must be em or k-means; got {by!r}")
    floor = FLOOR * float((x.var(axis=0) + v.mean(axis=0)).mean()) or FLOOR
    generator = stream(seed, "clusters")
    if by == "k-means":
        _, steps, owner = min(
            (_k_means(x, components, generator, most) for _ in range(restarts)), key=lambda one: one[0]
        )
        found = _m_step(x, v, np.eye(components)[owner], floor)
        return found._replace(bound=float(log_sum_exp(found.log_terms(x, v), axis=1).mean()), steps=steps)
    starts = [_one_start(x, v, components, floor, generator, most, tolerance) for _ in range(restarts)]
    return max(starts, key=lambda one: one.bound)


def _one_start(
    x: Array, v: Array, components: int, floor: float, generator: np.random.Generator, most: int, tolerance: float
) -> FittedMixture:
    """EM from the nearest of drawn centres."""
    owner = _drawn(x, components, generator)
    mixture, before = _m_step(x, v, np.eye(components)[owner], floor), -np.inf
    for step in range(1, most + 1):
        terms = mixture.log_terms(x, v)
        each = log_sum_exp(terms, axis=1)
        mixture = mixture._replace(bound=float(each.mean()), steps=step)
        if mixture.bound - before < tolerance:
            break
        before = mixture.bound
        mixture = _m_step(x, v, np.exp(terms - each[:, None]), floor)._replace(bound=before, steps=step)
    return mixture


def _k_means(
    x: Array, components: int, generator: np.random.Generator, most: int
) -> tuple[float, int, NDArray[np.intp]]:
    """The sum of squared distances at the end, the steps, and the nearest of the means of each row."""
    owner, steps = _drawn(x, components, generator), 0
    while True:
        size = np.bincount(owner, minlength=components)
        centres = np.stack([x[owner == c].mean(axis=0) if size[c] else x[0] for c in range(components)])
        distance = np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
        distance[:, size == 0] = np.inf
        for c in np.flatnonzero(size == 0):  # begins anew at the row that is farthest from its own
            distance[distance.min(axis=1).argmax(), c] = 0
        before, owner, steps = owner, distance.argmin(axis=1), steps + 1
        if steps >= most or (owner == before).all():
            return float(distance.min(axis=1).sum()), steps, owner


def _nearest(x: Array, centres: Array) -> NDArray[np.intp]:
    return np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)


def _drawn(x: Array, components: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """The nearest of centres of each row, each drawn by its squared distance from those before it."""
    nearest = ((x - x[generator.integers(len(x))]) ** 2).sum(axis=1)
    owner = np.zeros(len(x), np.intp)
    for c in range(1, components):
        total = nearest.sum()
        n = generator.choice(len(x), p=nearest / total) if total > 0 else generator.integers(len(x))
        distance = ((x - x[n]) ** 2).sum(axis=1)
        owner[distance < nearest] = c
        nearest = np.minimum(nearest, distance)
        owner[n] = c  # also where rows are equal, so that no cluster begins empty
    return owner


def _m_step(x: Array, v: Array, gamma: Array, floor: float) -> FittedMixture:
    """The parameters that maximise the bound at these responsibilities (N, M); who loses all rows keeps no weight."""
    total, centre = gamma.sum(axis=0), x.mean(axis=0)
    mean = centre + gamma.T @ (x - centre) / np.maximum(total, 1e-300)[:, None]  # of rows far from 0 too
    size = total + 1e-10
    variance = np.array([(g @ ((x - m) ** 2 + v)) / s for g, m, s in zip(gamma.T, mean, size, strict=True)])
    return FittedMixture(np.log(size / size.sum()), mean, np.log(np.maximum(variance, floor)), -np.inf, 0)


def with_clusters(
    vae: VAE,
    x: ArrayLike,
    components: int = 10,
    *,
    responsibilities: str = "optimal",
    of: str = "means",
    by: str = "k-means",
    restarts: int = 10,
    seed: int = 0,
) -> VAE:
    """A model with the same networks and weights whose prior is VaDE's mixture, found from the posteriors of x.

    Jiang et al. (2017) begin so, since their objective does not find clusters from a random start: an autoencoder is
    trained first, then a mixture on its codes. `fit` goes on with both together, and ends not far from where it began:
    clusters of k-means are the better start on images, since likeliest Gaussians need be no clusters.

    Parameters
    ----------
    vae : VAE
        Trained, with any prior.
    x : array, shape (N, D)
    components : int
        M.
    responsibilities : {"optimal", "sampled"}
        As those of `VaDE`.
    of : {"means", "posteriors"}
        Of the posteriors' means alone, which tells clusters apart, the variances only added to those of the
        components at its end; or of the posteriors, which with EM makes VaDE's KL the least, but where they are wide
        may find one cluster for all.
    by, restarts, seed
        As those of `fit_mixture`.

    Raises
    ------
    ValueError
        If the posterior is not the diagonal one, for which VaDE's KL is known.
    """
    a = vae.architecture
    if type(a.posterior) is not Diagonal:
        raise ValueError(f"clusters need the diagonal posterior; the model's is {a.posterior!r}")
    if a.condition:
        raise ValueError("clusters need a model without a condition; this one is conditional")
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(x))
    if of not in ("means", "posteriors"):
        raise ValueError(f"of must be means or posteriors; got {of!r}")
    v = np.exp(logvar)
    how: dict[str, Any] = {"by": by, "restarts": restarts, "seed": seed}
    found = fit_mixture(mu, components, variance=v if of == "posteriors" else None, **how)
    if of == "means":
        gamma = found.probabilities(mu) if by == "em" else np.eye(components)[_nearest(mu, found.mean)]
        found = _m_step(mu, v, gamma, FLOOR * float(v.mean()))
    made = VAE(
        a.n_features, hidden=a.hidden, latent=a.latent, activation=a.activation, likelihood=a.likelihood,
        prior=VaDE(components, responsibilities), dtype=str(vae.dtype), backend=vae.backend, seed=vae.seed,
        decoder_hidden=a.decoder_hidden, init=vae.init, threads=vae.threads, scale=vae.scale,
    )  # fmt: skip
    if vae.scaling is not None:
        made.scaling = vae.scaling
    for name in made.parameters:
        own = name.removeprefix("prior.")
        made.parameters[name][...] = getattr(found, own) if own != name else vae.parameters[name]
    return made


def cluster_probabilities(vae: VAE, x: ArrayLike, samples: int = 100, *, seed: int = 0) -> Array:
    """q(c|x) = E_q(z|x)[p(c|z)] by S samples, (N, M), as Jiang et al. (2017) have it.

    Every row has the same noise: what a row gets does not depend on the rows beside it.
    """
    prior, a = vae.prior, vae.architecture
    if not isinstance(prior, Mixture):
        raise ValueError(f"clusters are those of a mixture prior; the model's is {prior!r}")
    x, samples = vae.inside(vae.check_data(x)), whole("samples", samples, at_least=1)
    eps = standard_normal(seed, 0, (samples, 1, a.latent), vae.dtype, purpose="common")
    own, own_q = (a.own(vae.parameters, part) for part in ("prior", "posterior"))
    found, step = np.empty((len(x), prior.components)), max(1, BLOCK // samples)
    for begin in range(0, len(x), step):
        rows = slice(begin, begin + step)
        heads, _ = encoder_forward(x[rows], vae.parameters, a)
        noise = np.broadcast_to(eps, (samples, len(x[rows]), a.latent))
        z = a.posterior.checked_sample(heads, np.ascontiguousarray(noise), own_q).z
        found[rows] = prior.component_probabilities(z, own).mean(axis=0, dtype=np.float64)
    return found


def sample_clusters(vae: VAE, n: int, *, cluster: int | None = None, seed: int = 0) -> tuple[Array, NDArray[np.intp]]:
    """Draws of x, (n, D), and the cluster that each was made of, (n,): of one cluster, or by pi."""
    prior, a = vae.prior, vae.architecture
    if not isinstance(prior, Mixture):
        raise ValueError(f"clusters are those of a mixture prior; the model's is {prior!r}")
    n, own, generator = whole("n", n, at_least=0), a.own(vae.parameters, "prior"), stream(seed, "prior")
    if cluster is not None and not 0 <= whole("cluster", cluster, at_least=0) < prior.components:
        raise ValueError(f"cluster must be below {prior.components}; got {cluster}")
    c = prior.sample_components(n, generator, own) if cluster is None else np.full(n, cluster)
    z = prior.sample_of(c, generator, own, vae.dtype)
    x = vae.likelihood.sample(vae.engine.decode(z), stream(seed, "sample"), a.own(vae.parameters))
    return vae.outside(x), c
