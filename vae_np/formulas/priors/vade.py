"""The mixture prior with VaDE's bound of the KL, Jiang et al. (2017): clusters c of their own posterior q(c|x)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import column_sums, log_mean_exp, log_sum_exp, normalised_exp, phi
from vae_np.formulas.priors.base import Arrays, KLGradient
from vae_np.formulas.priors.mixture import Mixture

__all__ = ["VaDE"]

Array = NDArray[Any]
RESPONSIBILITIES = ("optimal", "sampled")


class Cache(NamedTuple):
    """What the backward pass needs: m, s and KL_nck (N, M, K), log pi (M,), gamma and its logarithm (N, M)."""

    z: Array
    own: Arrays
    m: Array
    s: Array
    each: Array
    log_pi: Array
    log_gamma: Array
    gamma: Array


class VaDE(Mixture):
    """p(z) = sum_c pi_c N(z; mean_c, diag exp(logvar_c)), whose KL to a diagonal q(z|x) is taken by clusters.

        KL_n = sum_c gamma_nc KL_nc + KL(gamma_n || pi),    KL_nc = KL(q(z|x_n) || N(mean_c, diag exp(logvar_c)))

    It is an upper bound of KL(q(z|x) || p(z)) for any gamma_n = q(c|x_n), so that the ELBO stays a lower bound of
    log p(x); log p(z) itself is the mixture's. With m_c = (mu - mean_c) exp(-logvar_c / 2), s_c = logvar - logvar_c,

        KL_nc = sum_k 1/2 (m_ck^2 + phi(s_ck)).

    Parameters
    ----------
    components : int
        M, the clusters.
    responsibilities : {"optimal", "sampled"}
        ``"sampled"`` is the paper's q(c|x) = E_q(z|x)[p(c|z)], by the S samples; ``"optimal"`` makes the bound
        tightest: gamma_c ~ pi_c exp(-KL_nc), with which KL_n = -log sum_c pi_c exp(-KL_nc), free of noise.

    Notes
    -----
    Jiang et al. 2017, "Variational deep embedding: an unsupervised and generative approach to clustering": their bound
    is E[log p(x|z)] less this KL, written out for diagonal Gaussians, with the sampled gamma, which is the best one
    where p(c|z) is the same at all z of q(z|x). The optimal one is best everywhere: KL_n is convex in gamma, and its
    derivative vanishes there (as a bound between mixtures: Hershey & Olsen 2007). The gradient of the sampled one goes
    through gamma too. The terms by dimension have KL(gamma || pi) / K each.
    """

    name = "vade"
    own_kl = True

    def __init__(self, components: int = 10, responsibilities: str = "optimal") -> None:
        super().__init__(components)
        if responsibilities not in RESPONSIBILITIES:
            raise ValueError(f"responsibilities must be one of {', '.join(RESPONSIBILITIES)}; got {responsibilities!r}")
        self.responsibilities = responsibilities

    @property
    def kl_needs_samples(self) -> bool:
        """With sampled responsibilities."""
        return self.responsibilities == "sampled"

    def config(self) -> dict[str, Any]:
        """The name, the number of components and which responsibilities."""
        return {**super().config(), "responsibilities": self.responsibilities}

    def kl_forward(self, heads: Arrays, z: Array, own: Arrays) -> tuple[Array, Cache]:
        """KL_n in K terms, (N, K)."""
        mu, logvar = heads["mu"][:, None, :], heads["logvar"][:, None, :]
        m, s = (mu - own["mean"]) * np.exp(-own["logvar"] / 2), logvar - own["logvar"]  # (N, M, K)
        each = 0.5 * (m * m + phi(s))
        log_pi = own["logits"] - log_sum_exp(own["logits"], axis=-1)
        if self.responsibilities == "optimal":
            terms = log_pi - each.sum(axis=-1)
            log_gamma = terms - log_sum_exp(terms, axis=-1)[:, None]
        else:
            terms = self._terms(z, own)[0]
            with np.errstate(divide="ignore"):  # log 0 of a cluster that no sample can be of
                log_gamma = log_mean_exp(terms - log_sum_exp(terms, axis=-1)[..., None], axis=0)
        gamma = np.exp(log_gamma)
        with np.errstate(invalid="ignore", over="ignore"):  # 0 times what a cluster far away would cost is not taken
            cost = np.where(gamma[..., None] == 0, 0, gamma[..., None] * each).sum(axis=1)
            choice = np.where(gamma == 0, 0, gamma * (log_gamma - log_pi)).sum(axis=-1)
        kl = cost + choice[:, None] / each.shape[-1]
        return kl, Cache(z, own, m, s, each, log_pi, log_gamma, gamma)

    def kl_backward(self, dkl: Array, cache: Cache) -> KLGradient:
        """With w = dkl (N, K), w_ the mean of w_nk over k, and the sums that its axes leave out:

        dgamma_c = sum_k w_k KL_nck + w_ (log gamma_c - log pi_c + 1)
        dKL_nck  = w_k gamma_c - da_c,    dlog pi_c = -w_ gamma_c + da_c      (optimal, a_c = log pi_c - KL_nc)
        da_c     = gamma_c (dgamma_c - sum_j gamma_j dgamma_j)                which is 0 where all w_nk are one w_n
        dl_sc    = r_sc (dgamma_c - sum_j r_sj dgamma_j) / S                  (sampled: through p(c|z_s) to z and p)
        dmu      = sum_c dKL m exp(-logvar_c / 2) = -dmean,    dlogvar = sum_c dKL (exp(s) - 1) / 2
        dlogvar_c = -sum_n dKL ((exp(s) - 1) + m^2) / 2,       dlogits = sum_n dlog pi - pi sum dlog pi
        """
        z, own, m, s, each, log_pi, log_gamma, gamma = cache
        w = np.broadcast_to(dkl, (len(gamma), m.shape[-1]))
        even = w.mean(axis=-1)[:, None]
        with np.errstate(invalid="ignore", over="ignore"):
            costs = (w[:, None, :] * each).sum(axis=-1) + even * (log_gamma - log_pi + 1)
            dgamma = np.where(gamma == 0, 0, costs)
        deach, dlog_pi, dz = w[:, None, :] * gamma[..., None], -even * gamma, None
        if self.responsibilities == "optimal":
            da = gamma * (dgamma - (gamma * dgamma).sum(axis=-1, keepdims=True))
            deach, dlog_pi, down = deach - da[..., None], dlog_pi + da, dict[str, Array]()
        else:
            terms, y, scale = self._terms(z, own)
            r = normalised_exp(terms, axis=-1)
            dl = r * (dgamma - (r * dgamma).sum(axis=-1, keepdims=True)) / len(z)
            dz, down = self._pull(dl, y, scale, own)
        with np.errstate(invalid="ignore", over="ignore"):
            dm = np.where(deach == 0, 0, deach * m)
            ds = np.where(deach == 0, 0, deach * (0.5 * np.expm1(s)))
            pull = np.where(deach == 0, 0, dm * np.exp(-own["logvar"] / 2))
            widen = np.where(deach == 0, 0, ds + 0.5 * dm * m)
        total = column_sums(dlog_pi)
        of_kl = {
            "logits": total - total.sum() * normalised_exp(own["logits"], axis=-1),
            "mean": -column_sums(pull),
            "logvar": -column_sums(widen),
        }
        heads = {"mu": pull.sum(axis=1), "logvar": ds.sum(axis=1)}
        return KLGradient(heads, dz, {name: a + down[name] if down else a for name, a in of_kl.items()})
