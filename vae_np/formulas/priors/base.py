"""What a prior p(z) is: its log-density, the gradient of it to z and to its own learned arrays, and samples.

To add one, write one file in this folder with a subclass of `Prior` that has a ``name``: it is then known to
``VAE(prior=name)``, to the command line and to the tests of all priors. It writes ``log_density``, ``gradient`` and
``sample``, and ``own_shapes`` and ``own_start`` if it has learned arrays. Where a posterior knows its KL to the prior
in closed form, the posterior says so (`Posterior.has_kl`); else the ELBO takes log q - log p at the samples. A prior
with ``own_kl`` has a KL of its own to the diagonal posterior, or an upper bound of it: ``kl_forward``, ``kl_backward``.

**A prior that needs the encoder**, such as the VampPrior (Tomczak & Welling 2018), a mixture of the encoder's
posteriors at learned pseudo-inputs, overrides ``forward``, ``backward`` and ``draw`` instead. They are given an
`Encoder`: ``forward`` calls ``encoder.encode`` of its pseudo-inputs, an own array (M, D), whose number of features it
is told when it is made, and has heads (M, width) to build its density of; ``backward`` hands the heads' cotangents to
``encoder.pull_back``, which adds what the encoder's parameters get and returns the cotangent of the pseudo-inputs.
tests/formulas/test_priors.py has one, small, and checks its gradients on both backends.

Letters: S samples, N examples, K latent dimensions; z is (S, N, K), log p (S, N) in nats. log_density accepts complex
arrays, for the complex step. The model calls the methods ``checked_``...: what a prior returns has the shapes said here
and the dtype of the parameters, or an error says so; nothing is broadcast.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import Named
from vae_np.support.checks import check_named, check_pair, check_returned

__all__ = ["Encoder", "KLGradient", "Prior"]

Array = NDArray[Any]
Arrays = Mapping[str, Array]


class Encoder(Protocol):
    """The model's encoder, for priors that are made of it."""

    def encode(self, x: Array) -> tuple[dict[str, Array], Any]:
        """The posterior's heads of x (M, D), and a cache."""

    def pull_back(self, dheads: Arrays, cache: Any) -> Array:
        """dx (M, D); what the encoder's parameters get is added to their gradients."""


class KLGradient(NamedTuple):
    """Cotangents of the heads, of z (S, N, K; None for 0) and of the own arrays."""

    heads: dict[str, Array]
    dz: Array | None
    own: dict[str, Array]


class Prior(Named):
    """p(z). ``own`` holds its learned arrays by name, empty for the standard normal."""

    what = "prior"
    own_kl: ClassVar[bool] = False
    """Whether `kl_forward` and `kl_backward` are there, for the diagonal posterior."""

    @property
    def kl_needs_samples(self) -> bool:
        """Whether what `kl_forward` returns depends on z, and so on S: then it has no weights of samples."""
        return False

    def own_shapes(self, latent: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the learned arrays."""
        return {}

    def own_start(self, latent: int, generator: np.random.Generator) -> dict[str, Array]:
        """Where they start, in float64; those left out start at 0."""
        return {}

    @abc.abstractmethod
    def log_density(self, z: Array, own: Arrays) -> Array:
        """log p(z), shape (S, N), of z (S, N, K)."""

    @abc.abstractmethod
    def gradient(self, dlog: Array, z: Array, own: Arrays) -> tuple[Array, dict[str, Array]]:
        """dz (S, N, K) and the own arrays' cotangents, for the cotangent dlog (S, N) of log p(z)."""

    @abc.abstractmethod
    def sample(self, n: int, latent: int, generator: np.random.Generator, own: Arrays, dtype: Any) -> Array:
        """``n`` draws of z, (n, K), in ``dtype``."""

    def landmarks(self, own: Arrays) -> Array | None:
        """Points (M, K) that stand for the prior, the weightiest first, if it has such; pictures decode them."""
        return None

    def forward(self, z: Array, own: Arrays, encoder: Encoder) -> tuple[Array, Any]:
        """log p(z) and a cache; `log_density` unless overridden."""
        return self.log_density(z, own), None

    def draw(
        self, n: int, latent: int, generator: np.random.Generator, own: Arrays, dtype: Any, encoder: Encoder
    ) -> Array:
        """`sample` unless overridden."""
        return self.sample(n, latent, generator, own, dtype)

    def backward(
        self, dlog: Array, z: Array, own: Arrays, encoder: Encoder, cache: Any
    ) -> tuple[Array, dict[str, Array]]:
        """`forward` in reverse; `gradient` unless overridden."""
        return self.gradient(dlog, z, own)

    def kl_forward(self, heads: Arrays, z: Array, own: Arrays) -> tuple[Array, Any]:
        """KL(N(mu, exp(logvar)) || p) or an upper bound of it, in terms (N, K) that add up to it, and a cache."""
        raise NotImplementedError(f"{self!r} has no KL of its own")

    def kl_backward(self, dkl: Array, cache: Any) -> KLGradient:
        """`kl_forward` in reverse, for the cotangent dkl that broadcasts to (N, K)."""
        raise NotImplementedError(f"{self!r} has no KL of its own")

    # ---- what the model calls

    def checked_forward(self, z: Array, own: Arrays, encoder: Encoder, dtype: np.dtype[Any]) -> tuple[Array, Any]:
        """`forward`, or an error unless log p(z) is (S, N), of that dtype."""
        found: Any = self.forward(z, own, encoder)
        check_pair(self, "forward", "log p(z) and a cache", found)
        method = "log_density" if type(self).forward is Prior.forward else "forward"
        check_returned(self, method, "log p(z)", found[0], z.shape[:-1], dtype)
        return found[0], found[1]

    def checked_backward(
        self, dlog: Array, z: Array, own: Arrays, encoder: Encoder, cache: Any
    ) -> tuple[Array, dict[str, Array]]:
        """`backward`, with its shapes and names checked."""
        found: Any = self.backward(dlog, z, own, encoder, cache)
        method = "gradient" if type(self).backward is Prior.backward else "backward"
        check_pair(self, method, "dz and the own arrays' cotangents", found)
        check_returned(self, method, "dz", found[0], z.shape, z.dtype)
        check_named(self, method, "own", found[1], own, z.dtype)
        return found[0], found[1]

    def checked_draw(
        self, n: int, latent: int, generator: np.random.Generator, own: Arrays, dtype: np.dtype[Any], encoder: Encoder
    ) -> Array:
        """`draw`, or an error unless it is (n, K), in ``dtype``."""
        z = self.draw(n, latent, generator, own, dtype, encoder)
        method = "sample" if type(self).draw is Prior.draw else "draw"
        check_returned(self, method, "z", z, (n, latent), dtype)
        return z

    def checked_kl_forward(self, heads: Arrays, z: Array, own: Arrays) -> tuple[Array, Any]:
        """`kl_forward`, or an error unless the KL is (N, K), of z's dtype."""
        found: Any = self.kl_forward(heads, z, own)
        check_pair(self, "kl_forward", "the KL and a cache", found)
        check_returned(self, "kl_forward", "the KL", found[0], z.shape[1:], z.dtype)
        return found[0], found[1]

    def checked_kl_backward(self, dkl: Array, cache: Any, heads: Arrays, z: Array, own: Arrays) -> KLGradient:
        """`kl_backward`, with its shapes and names checked."""
        found: Any = self.kl_backward(dkl, cache)
        if not isinstance(found, KLGradient):
            got = type(found).__name__
            raise TypeError(f"{type(self).__name__}.kl_backward must return a KLGradient; it returned a {got}")
        check_named(self, "kl_backward", "head", found.heads, heads, z.dtype)
        check_named(self, "kl_backward", "own", found.own, own, z.dtype)
        if found.dz is not None:
            check_returned(self, "kl_backward", "dz", found.dz, z.shape, z.dtype)
        return found
