"""What a posterior q(z|x) is: heads of the encoder, a sampler that takes its noise, log q, and their backward passes.

To add one, write one file in this folder with a subclass of `Posterior` that has a ``name``: it is then known to
``VAE(posterior=name)``, to the command line and to the tests of all posteriors. It writes

    heads                  what the encoder puts out: names and widths of its linear heads
    sample                 z from heads and noise eps, and log q(z|x) in terms of the noise
    score                  the gradient of log q(z|x) with respect to z, at that z
    backward               `sample` in reverse: cotangents of z and log q to those of the heads
    moments                mean and log-variance of q, which encode and reconstruct show

and, where a closed form is known, ``has_kl``, ``kl_terms`` and ``kl_backward``; own learned arrays that do not depend
on x, as a flow's layers, are named in ``own_shapes``.

**Path and direct part.** log q(z|x) depends on the parameters phi through z and, at a fixed z, directly. With the noise
held, its whole derivative is T = d log q / d phi, and the part through z is score dz/dphi, so that the direct part is
T - score dz/dphi. A loss that weights the direct part by d and the part through z by p has the gradient

    p score dz/dphi + d (T - score dz/dphi) = d T - (d - p) score dz/dphi,

which `log_q_backward` returns of d and rest = d - p. A loss that simply contains log q has rest = 0: the score, as
large as 1 / sigma, then never arises. (Roeder et al. 2017 leave the direct part out: d = 0; Tucker et al. 2019.)

Letters: S samples, N examples, K latent dimensions; z and eps are (S, N, K), weights and log q (S, N). Everything that
the forward pass calls accepts complex arrays, for the complex step. The model calls the methods ``checked_``...: what a
posterior returns has the shapes said here and the dtype that it was given, or an error says so; nothing is broadcast.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import Named
from vae_np.support.checks import check_named, check_pair, check_returned, check_sizes

if TYPE_CHECKING:
    from vae_np.formulas.priors.base import Prior

__all__ = ["Gradient", "Posterior", "Sample"]

Array = NDArray[Any]
Arrays = Mapping[str, Array]
"""Heads, each (N, width), or own arrays, by name."""


NUMBERS = 2**22
"""Numbers that `checked_moments` lets `moments` hold at once, if it holds K^2 of them a row."""


class Sample(NamedTuple):
    """What `Posterior.sample` returns: z (S, N, K), log q(z|x) (S, N) in nats, and what the backward pass needs."""

    z: Array
    log_q: Array
    cache: Any


class Gradient(NamedTuple):
    """Cotangents of the heads and of the own arrays; what is left out is 0."""

    heads: dict[str, Array]
    own: dict[str, Array]


class Posterior(Named):
    """q(z|x), whose heads are linear in the encoder's last layer."""

    what = "posterior"

    @abc.abstractmethod
    def heads(self, latent: int) -> dict[str, int]:
        """Names and widths of the encoder's heads, each at least 1, in the order of the parameters."""

    def own_shapes(self, latent: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of learned arrays that do not depend on x."""
        return {}

    def own_start(self, latent: int, generator: np.random.Generator) -> dict[str, Array]:
        """Where the own arrays start, in float64; those left out start at 0."""
        return {}

    def checked_heads(self, latent: int) -> dict[str, int]:
        """`heads`, or an error unless they are names and widths."""
        found: Any = self.heads(latent)
        check_sizes(self, "heads", found)
        if not found:
            raise ValueError(f"{type(self).__name__}.heads: a posterior has at least one head")
        return {name: int(width) for name, width in found.items()}

    @abc.abstractmethod
    def sample(self, heads: Arrays, eps: Array, own: Arrays) -> Sample:
        """z and log q(z|x) at the noise eps (S, N, K)."""

    @abc.abstractmethod
    def score(self, cache: Any) -> Array:
        """d log q(z|x) / dz at the sample, (S, N, K)."""

    @abc.abstractmethod
    def backward(self, dz: Array, dlog_q: Array | None, cache: Any) -> Gradient:
        """Cotangents of heads and own arrays for those of z (S, N, K) and of log q (S, N), at fixed noise."""

    @abc.abstractmethod
    def moments(self, heads: Arrays, own: Arrays) -> tuple[Array, Array]:
        """Mean and log-variance of each z_k under q(z|x), each (N, K)."""

    def log_q_backward(self, rest: Array, direct: Array, cache: Any) -> Gradient:
        """d T - rest score dz/dphi of the module's docstring, for weights (S, N)."""
        return self._weighted(rest, direct, self._quiet_score(cache), cache)

    def _quiet_score(self, cache: Any) -> Array:
        """`score`, which is infinite where q has no width."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.score(cache)

    def _weighted(self, rest: Array, direct: Array, score: Array, cache: Any) -> Gradient:
        """`log_q_backward` at that score."""
        rest = rest[..., None]
        with np.errstate(over="ignore", invalid="ignore"):  # 0 times an infinite score is not taken
            dz = np.where(rest == 0, 0, -rest * score)
        return self.backward(dz, direct, cache)

    def fault(self, own: Arrays) -> tuple[str, str] | None:
        """The name of an own array whose finite values give no q, and why; None where there is none."""
        return None

    def has_kl(self, prior: Prior) -> bool:
        """Whether KL(q || prior) has a closed form here; the ELBO otherwise takes log q - log p at the samples."""
        return False

    def kl_terms(self, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays) -> Array:
        """KL(q(z|x) || prior) of each example in terms (N, K) that add up to it, in nats."""
        raise NotImplementedError(f"no closed form of KL({self!r} || {prior!r}) is known here")

    def kl_backward(
        self, dkl: Array, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays
    ) -> tuple[Gradient, dict[str, Array]]:
        """Cotangents of heads and own arrays, and of the prior's own arrays, for that of `kl_terms`, (N, K)."""
        raise NotImplementedError(f"no closed form of KL({self!r} || {prior!r}) is known here")

    # ---- what the model calls

    def checked_sample(self, heads: Arrays, eps: Array, own: Arrays) -> Sample:
        """`sample`, or an error unless z is (S, N, K) and log q (S, N), of the heads' dtype."""
        found: Any = self.sample(heads, eps, own)
        if not isinstance(found, Sample):
            raise TypeError(f"{type(self).__name__}.sample must return a Sample; it returned a {type(found).__name__}")
        dtype = _dtype(heads)
        check_returned(self, "sample", "z", found.z, eps.shape, dtype)
        check_returned(self, "sample", "log_q", found.log_q, eps.shape[:-1], dtype)
        return found

    def checked_moments(self, heads: Arrays, own: Arrays, latent: int) -> tuple[Array, Array]:
        """`moments`, or an error unless both are (N, K), of the heads' dtype; of some rows at a time."""
        n, dtype, found = len(next(iter(heads.values()))), _dtype(heads), []
        step = max(1, NUMBERS // latent**2)
        for begin in range(0, max(1, n), step):
            rows = {name: head[begin : begin + step] for name, head in heads.items()}
            part: Any = self.moments(rows, own)
            check_pair(self, "moments", "mean and log-variance", part)
            for name, moment in zip(("the mean", "the log-variance"), part, strict=True):
                check_returned(self, "moments", name, moment, (min(step, n - begin), latent), dtype)
            found.append(part)
        mean, logvar = found[0] if len(found) == 1 else map(np.concatenate, zip(*found, strict=True))
        return mean, logvar

    def checked_kl_terms(self, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays, latent: int) -> Array:
        """`kl_terms`, or an error unless they are (N, K), of the heads' dtype."""
        found = self.kl_terms(heads, own, prior, prior_own)
        head = next(iter(heads.values()))
        check_returned(self, "kl_terms", "the KL", found, (len(head), latent), head.dtype)
        return found

    def checked_backward(self, dz: Array, cache: Any, heads: Arrays, own: Arrays) -> Gradient:
        """`backward` of z alone, with its shapes and names checked."""
        return self._checked("backward", self.backward(dz, None, cache), heads, own)

    def checked_log_q_backward(
        self, rest: Array, direct: Array, cache: Any, z: Array, heads: Arrays, own: Arrays
    ) -> Gradient:
        """`log_q_backward`, with the shapes and names of it, and of the score that it takes, checked."""
        if type(self).log_q_backward is not Posterior.log_q_backward:
            return self._checked("log_q_backward", self.log_q_backward(rest, direct, cache), heads, own)
        score = self._quiet_score(cache)
        check_returned(self, "score", "the score", score, z.shape, z.dtype)
        return self._checked("backward", self._weighted(rest, direct, score, cache), heads, own)

    def checked_kl_backward(
        self, dkl: Array, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays
    ) -> tuple[Gradient, dict[str, Array]]:
        """`kl_backward`, with its shapes and names checked."""
        found: Any = self.kl_backward(dkl, heads, own, prior, prior_own)
        check_pair(self, "kl_backward", "a Gradient and the prior's cotangents", found)
        gradient, down = found
        check_named(self, "kl_backward", "prior", down, prior_own, _dtype(heads))
        return self._checked("kl_backward", gradient, heads, own), down

    def _checked(self, method: str, found: Any, heads: Arrays, own: Arrays) -> Gradient:
        if not isinstance(found, Gradient):
            got = type(found).__name__
            raise TypeError(f"{type(self).__name__}.{method} must return a Gradient; it returned a {got}")
        check_named(self, method, "head", found.heads, heads, _dtype(heads))
        check_named(self, method, "own", found.own, own, _dtype(heads))
        return found


def _dtype(heads: Arrays) -> np.dtype[Any]:
    return next(iter(heads.values())).dtype
