"""The engine behind ``backend="numba"``: the batch in blocks of examples, a thread each.

Each `Shard` takes its block through forward and backward and sums a gradient of its own; threads meet at the objective,
which sees the whole batch, and at the sum of the gradients. Results depend on the number of threads in their last
digits, as sums do on their order, and on nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.elbo import Cotangents, Terms
from vae_np.engines import Step
from vae_np.kernels import adam
from vae_np.kernels.blas import controllable, one_thread
from vae_np.kernels.shard import Shard, Workspace
from vae_np.kernels.workers import cores, run_all
from vae_np.network import Architecture
from vae_np.objectives import ELBO, IWAE, Loss, Objective
from vae_np.optim import Adam, AdamState
from vae_np.parameters import Parameters

__all__ = ["KernelEngine", "default_threads"]

Array = NDArray[Any]
BLOCK = 1024
"""Rows that one thread of `encode` and `decode` takes at once, so that their memory does not grow with the data."""
WORK_PER_THREAD = 1.5e8
"""Multiplications of a step that are worth a thread: some milliseconds of them; threads meet four times in a step.
`benchmarks/step.py --threads 1` and `--threads 2` show on a given machine where the second thread begins to pay."""
ROWS_PER_THREAD = 8
"""Fewer examples than this make products too thin to be worth a thread."""


class Part(NamedTuple):
    """A shard at work on some of the batch's examples."""

    shard: Shard
    rows: slice
    w: Workspace
    x: Array
    eps: Array


def default_threads(cores: int, n_parameters: int, rows: int, n: int) -> int:
    """As many threads as cores, but no more than the work of a step is worth.

    A step multiplies about three times for each parameter and row: forward, and twice backward.
    """
    if not controllable():  # whatever BLAS that is, its own threads are at work already
        return 1
    return max(1, min(cores, int(3 * n_parameters * rows / WORK_PER_THREAD), n // ROWS_PER_THREAD))


class KernelEngine:
    """See `engines.Engine`. Its buffers serve one call at a time: another thread's waits.

    What `loss_and_grad` returns are these buffers: who calls from several threads copies them under `lock`.

    ``threads`` is how many take part, None for `default_threads`.
    """

    def __init__(self, architecture: Architecture, parameters: Parameters, threads: int | None = None) -> None:
        self.architecture, self.parameters, self.threads = architecture, parameters, threads
        self.cores = cores()  # as they were then: a run that is resumed elsewhere is given those it began with
        self._shards = [Shard(architecture, parameters)]
        self._taking_part = 1  # shards, in the last gradient
        self.lock: AbstractContextManager[Any] = threading.RLock()  # the buffers serve one call at a time

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """The objective's loss and its gradient; what is not finite passes through, for the caller to judge."""
        with self.lock, np.errstate(all="ignore"), one_thread():
            # what other objectives look at, raw say, is whole in one thread only
            parts = self._parts(_plain(x), _plain(eps), type(objective) in (ELBO, IWAE))
            terms, loss = self._forward(parts, objective, beta)
            cotangents = [_slice(loss.cotangents, part.rows, len(x)) for part in parts]
            run_all(
                [partial(p.shard.encode_backward, p.w, p.x, p.eps, c) for p, c in zip(parts, cotangents, strict=True)]
            )
            gradients = self._sum([part.shard for part in parts])
        return Step(float(loss.value), terms.log_likelihood, terms.kl, gradients)

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass, in arrays of its own."""
        with self.lock, np.errstate(all="ignore"), one_thread():
            parts = self._parts(_plain(x), _plain(eps))
            found = run_all([partial(p.shard.terms, p.w, p.x, p.eps) for p in parts])
            return _join(found) if len(found) > 1 else Terms(*(a.copy() for a in found[0]))

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mu and logvar, (N, K), of q(z|x)."""
        mu, logvar = (np.empty((len(x), self.architecture.latent), x.dtype) for _ in range(2))

        def block(shard: Shard, rows: slice) -> None:
            w = shard.workspace(1, rows.stop - rows.start)
            shard.encode(w, x[rows], w.eps0)
            mu[rows], logvar[rows] = w.mu, w.logvar

        self._blocks(len(x), block)
        return mu, logvar

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""
        flat, b = z.reshape(-1, z.shape[-1]), self.parameters["decoder.out.b"]
        raw = np.empty((len(flat), len(b)), z.dtype)

        def block(shard: Shard, rows: slice) -> None:
            w = shard.workspace(1, rows.stop - rows.start)
            np.add(shard.decode(w, flat[rows]), b, out=raw[rows])

        self._blocks(len(flat), block)
        return raw.reshape(*z.shape[:-1], len(b))

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient."""
        ranges = _ranges(gradients.vector.size, self._taking_part)
        return adam.update(optimizer, self.parameters.vector, gradients.vector, state, ranges)

    # ---- the parts

    def _threads(self, rows: int, n: int) -> int:
        """How many threads R = S N rows of N examples get."""
        if self.threads is None:
            return default_threads(self.cores, self.parameters.vector.size, rows, n)
        return max(1, min(self.threads, n))

    def _grow(self, threads: int) -> list[Shard]:
        """So many shards."""
        while len(self._shards) < threads:
            self._shards.append(Shard(self.architecture, self.parameters))
        return self._shards[:threads]

    def _parts(self, x: Array, eps: Array, divisible: bool = True) -> list[Part]:
        """The batch, cut into a block of examples a thread."""
        samples, n = eps.shape[:2]
        shards = self._grow(self._threads(samples * n, n) if divisible else 1)
        parts = []
        for shard, rows in zip(shards, _ranges(n, len(shards)), strict=True):
            w = shard.workspace(samples, rows.stop - rows.start)
            parts.append(Part(shard, rows, w, x[rows], _plain(eps[:, rows])))
        self._taking_part = len(parts)
        return parts

    def _forward(self, parts: list[Part], objective: Objective, beta: float) -> tuple[Terms, Loss]:
        """The forward pass, the objective, and the backward pass through the decoder."""
        samples, n = parts[0].eps.shape[0], parts[-1].rows.stop
        if objective.analytic_kl:  # the weight of log p(x|z) is known before it is
            weight = -1 / (samples * n)
            terms = _join_objectives(run_all([partial(p.shard.fused, p.w, p.x, p.eps, weight) for p in parts]))
            loss = objective(terms, beta)
            if (loss.cotangents.log_likelihood == terms.log_likelihood.dtype.type(weight)).all():
                return terms, loss
        terms = _join_objectives(run_all([partial(p.shard.terms, p.w, p.x, p.eps) for p in parts]))
        loss = objective(terms, beta)
        weights = loss.cotangents.log_likelihood
        run_all([partial(p.shard.decode_backward, p.w, p.x, weights[:, p.rows]) for p in parts])
        return terms, loss

    def _sum(self, shards: list[Shard]) -> Parameters:
        """The gradients of all shards, summed into the first one's."""
        total, *others = [shard.gradients.vector for shard in shards]

        def add(part: slice) -> None:
            for other in others:
                np.add(total[part], other[part], out=total[part])

        if others:
            run_all([partial(add, part) for part in _ranges(total.size, len(shards))])
        return shards[0].gradients

    def _blocks(self, n: int, block: Callable[[Shard, slice], None]) -> None:
        """``block(shard, rows)`` for all n rows, each thread's share in turns of at most `BLOCK`."""

        def work(shard: Shard, share: slice) -> None:
            for begin in range(share.start, share.stop, BLOCK):
                block(shard, slice(begin, min(begin + BLOCK, share.stop)))

        with self.lock, np.errstate(all="ignore"), one_thread():
            shards = self._grow(self._threads(n, n))
            run_all([partial(work, *pair) for pair in zip(shards, _ranges(n, len(shards)), strict=True)])


def _ranges(n: int, parts: int) -> list[slice]:
    """[0, n) cut into so many pieces, as even as can be."""
    edges = [n * i // parts for i in range(parts + 1)]
    return [slice(*pair) for pair in pairwise(edges)]


def _join(parts: list[Terms]) -> Terms:
    """The terms of the whole batch; those of a single part as they are."""
    if len(parts) == 1:
        return parts[0]
    return Terms(*(_concatenate([getattr(p, name) for p in parts], name) for name in Terms._fields))


def _join_objectives(parts: list[Terms]) -> Terms:
    """What the ELBO and the importance-weighted bound look at, of the whole batch; the rest is the first part's."""
    if len(parts) == 1:
        return parts[0]
    seen = ("log_likelihood", "log_prior", "log_posterior", "kl")
    return parts[0]._replace(**{name: _concatenate([getattr(p, name) for p in parts], name) for name in seen})


def _concatenate(arrays: list[Array], field: str) -> Array:
    """One field of `Terms` along its examples: the second axis of (S, N, ...), the first of (N, K)."""
    return np.concatenate(arrays, axis=0 if field in ("kl", "mu", "logvar") else 1)


def _slice(c: Cotangents, rows: slice, n: int) -> Cotangents:
    """The cotangents of some of n examples."""
    if rows == slice(0, n):
        return c
    kl = c.kl if c.kl is None or len(c.kl) == 1 else c.kl[rows]
    names = ("log_likelihood", "log_prior", "log_posterior", "log_posterior_direct", "path")
    found = {name: value[:, rows] for name in names if (value := getattr(c, name)) is not None}
    return Cotangents(**found, kl=kl)


def _plain(a: Array) -> Array:
    """The array, or a copy where it is read-only, not contiguous, or a subclass: kernels are compiled for one form."""
    return a if type(a) is np.ndarray and a.flags.carray else np.array(a, order="C")
