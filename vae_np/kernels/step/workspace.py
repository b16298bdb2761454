"""The buffers of one batch size: made once, so that a step allocates nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Terms
from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops import dense_products
from vae_np.kernels.loops.activation import keeps
from vae_np.kernels.step import stages
from vae_np.kernels.step.kinds import own_numbers
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.plan.make import make_plan
from vae_np.kernels.step.threads import barrier
from vae_np.kernels.step.threads.team import Team
from vae_np.support.memory import aligned_empty

__all__ = ["Workspace", "address", "plain"]

Array = NDArray[Any]
NUMBERS = 24
_BUFFERS = [name for name, place in vars(places).items() if name.isupper() and places.H <= place < places.LOOK]


def address(a: Array) -> int:
    """Where the array's numbers are."""
    return a.__array_interface__["data"][0]


def plain(a: Array) -> Array:
    """The array, or a copy where it is read-only, not contiguous, or a subclass: kernels are compiled for one form."""
    return a if type(a) is np.ndarray and a.flags.carray else np.array(a, order="C")


class Workspace:
    """Plan and buffers of S samples of N examples; R = S N rows pass through the decoder.

    Compiled code has the buffers by their addresses in the plan: an array is seven words to it, and thirty of them as
    arguments take it minutes to compile. Nothing is touched before it is needed, and memory that is never touched is
    never taken from the system.
    """

    def __init__(self, a: Architecture, parameters: Parameters, gradients: Parameters, form: tuple[int, int, int],
                 team: Team) -> None:  # fmt: skip
        samples, n, threads = form
        self.team, self.threads = team, threads
        self.orders: set[tuple[int, int, bool]] = set()  # whose stages the plan has
        self._x: Array | None = None  # whose addresses the plan has
        self._eps: Array | None = None
        self.moments: tuple[Any, ...] | None = None  # Adam and its moments, likewise
        self.latent: Any = None  # what `LatentFormula.backward` needs of the forward pass
        self.activation: Any = None  # an `ActivationFormula`, where the activation has no kernel
        self.elbo_beta: float | None = None  # of the ELBO whose cotangents are set
        self.plan = make_plan(a, parameters, samples, n, threads)
        dtype, k, d = parameters.dtype, a.latent, a.n_features

        def empty(*shape: int, dtype: Any = dtype) -> Array:
            return aligned_empty(shape, dtype)

        width, activations = a.likelihood.raw_size(d), int(self.plan[places.ACTIVATIONS])
        self.x, self.eps = empty(n, d), np.zeros((samples, n, k), dtype)
        self.sigma, self.kl, self.dkl = empty(n, k), empty(n, int(self.plan[places.KL_TERMS])), empty(n, k)
        # what the decoder is given, z or [z, c] of a conditional model, and its gradient
        self.decoder_input, self.decoder_gradient = (empty(samples, n, k + a.condition) for _ in range(2))
        self.z, self.dz = self.decoder_input[..., :k], self.decoder_gradient[..., :k]
        self.raw = empty(samples, n, width)
        self.log_likelihood, self.log_prior, self.log_posterior = (empty(samples, n) for _ in range(3))
        self.weight, self.prior, self.rest, self.direct, self.path = (empty(samples, n) for _ in range(5))
        self.h, self.dh, self.no_bias = empty(activations), empty(activations), np.zeros(width, dtype)
        self.heads, self.dheads = self._heads(a, self.h), self._heads(a, self.dh)
        self.dmu, self.dlogvar = self.dheads.get("mu", self.dh), self.dheads.get("logvar", self.dh)
        if a.is_plain:
            self.mu, self.logvar = self.heads["mu"], self.heads["logvar"]
        else:  # the moments of q, which are then no heads
            self.mu, self.logvar = empty(n, k), empty(n, k)
        self.kept = empty(activations) if keeps(a.activation) else self.h
        # each thread's room, for a product's panel and for sums: see `sums.Columns`
        room = int(self.plan[places.PARTIALS])
        self.panel = empty(threads, dense_products.PANEL // dtype.itemsize)
        self.partial, self.wide = empty(threads, room), empty(threads, 2, room, dtype=np.float64)
        # what a Gaussian likelihood has for each feature: see `likelihoods.Gaussian`
        self.own_s, self.own_slope = np.zeros(d, dtype), np.ones(d)
        self.own_inverse, self.own_rest = np.zeros(d), np.zeros(d)
        self.own_ds = empty(samples * n if self.plan[places.OWN_SIZE] else 0, d)
        self.block_sums = empty(int(self.plan[places.BLOCKS]), width)
        # the lists of a sparse x, by rows and by columns, and each thread's room for its way through them
        self.row_place, self.column_place = empty(n * d, dtype=np.int32), empty(n * d, dtype=np.int32)
        self.row_value, self.column_value = empty(n * d), empty(n * d)
        self.row_start, self.row_count, self.sparse = (np.zeros(size, np.int64) for size in (n, n, threads))
        self.column_start, self.column_count = (np.zeros(d, np.int64) for _ in range(2))
        self.begin = np.zeros((threads, max(n, d)), np.int64)
        self.numbers, self.words = np.zeros(NUMBERS), barrier.new_words(threads)
        self.sums = np.zeros(int(self.plan[places.CHUNKS]))
        self.numbers[stages.LOG_VOLUME] = a.log_volume
        if isinstance(a.likelihood, Gaussian):
            self.numbers[stages.FLOOR] = a.likelihood.floor
        for i, number in enumerate(own_numbers(a.likelihood, d), start=stages.OWN_NUMBERS):
            self.numbers[i] = number
        self.plan[places.THETA], self.plan[places.G] = address(parameters.vector), address(gradients.vector)
        for name in _BUFFERS:
            self.plan[getattr(places, name)] = address(getattr(self, name.lower()))
        terms = (self.log_likelihood, self.log_prior, self.log_posterior, self.kl, self.mu, self.logvar)
        self.terms = Terms(*terms, self.z, self.raw, self.heads, a.has_kl)

    def _heads(self, a: Architecture, where: Array) -> dict[str, Array]:
        """The heads' outputs, (N, width) each, or their gradients: views of h or dh."""
        names = enumerate(a.posterior.heads(a.latent), start=len(a.hidden))
        return {name: self.layer(i, where) for i, name in names}

    def layer(self, i: int, where: Array) -> Array:
        """Layer i's part, (rows, width), of h, dh or kept."""
        q, at = self.plan, places.END + places.COLUMNS * i
        samples = 1 if i < q[places.ENCODER] + q[places.HEADS] else q[places.SAMPLES]
        rows, width, begin = int(samples * q[places.N]), int(q[at + places.FAN_OUT]), int(q[at + places.H_AT])
        return where[begin : begin + rows * width].reshape(rows, width)

    def put_condition(self, x: Array) -> None:
        """The condition of rows [x, c] beside each of their samples."""
        if columns := self.decoder_input.shape[-1] - self.z.shape[-1]:
            self.decoder_input[..., -columns:] = x[:, -columns:]

    def plain(self, x: Array, eps: Array) -> tuple[Array, Array]:
        """`plain` of both, which those that were read last are."""
        return x if x is self._x else plain(x), eps if eps is self._eps else plain(eps)

    def total(self) -> list[float]:
        """The sums of the gradient's squares, of log p(x|z) and of KL, and whether the step was refused."""
        return self.numbers[stages.TOTALS : stages.TOTALS + 4].tolist()

    def point(self, x: Array, eps: Array) -> None:
        """Let compiled code, which checks no bounds, read these; they are kept alive until others come."""
        if x is not self._x:
            _check("x", x, self.x)
            self._x, self.plan[places.X] = x, address(x)
        if eps is not self._eps:
            _check("eps", eps, self.eps)
            self._eps, self.plan[places.EPS] = eps, address(eps)


def _check(name: str, a: Array, like: Array) -> None:
    if a.shape != like.shape or a.dtype != like.dtype:
        raise ValueError(f"{name} must be {like.dtype} of shape {like.shape}; it is {a.dtype} of shape {a.shape}")
