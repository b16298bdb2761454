"""The engine behind ``backend="numba"``: buffers made once for each batch size, and passes of compiled code over them.

Results do not depend on the number of threads: every entry and every sum is computed in one way, whoever does it.
"""

from __future__ import annotations

import math
import threading
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.engine import NUMBERS, Step, Update, check_loss
from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import ELBO, Loss, Objective, keep_encoder
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops import adam
from vae_np.kernels.loops.likelihoods import Absent
from vae_np.kernels.step import prepare, sequence
from vae_np.kernels.step.addresses import Program
from vae_np.kernels.step.drawing import Drawing
from vae_np.kernels.step.kinds import kind_of
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.sequence import DECODE, DECODER, ENCODE, ENCODER, GRADIENT, SUMS, UPDATE, VALUE
from vae_np.kernels.step.threads.team import team
from vae_np.kernels.step.without_kernels import ActivationFormula, LatentFormula, LikelihoodFormula
from vae_np.kernels.step.workspace import Workspace, plain
from vae_np.support.machine import usable_cores as cores

__all__ = ["KernelEngine", "default_threads"]

Array = NDArray[Any]
BLOCK = 1024
"""Rows that `encode` and `decode` take at once, so that their memory does not grow with the data."""
KEPT = 3
"""Batch sizes whose buffers are kept."""
WORK_OF_TWO, WORK_PER_THREAD = 4e6, 1e7
"""Multiplications of a step from which on a second thread pays, some hundredths of a millisecond, as
`benchmarks/scaling.py` shows on a given machine; and those that are worth each further one, which was not measured."""


def default_threads(cores: int, n_parameters: int, rows: int) -> int:
    """As many threads as cores, but no more than the work of a step is worth.

    A step multiplies about three times for each parameter and row: forward, and twice backward.
    """
    work = 3 * n_parameters * rows
    return min(cores, max(1 if work < WORK_OF_TWO else 2, int(work / WORK_PER_THREAD)))


class KernelEngine:
    """See `engines.Engine`. Its buffers serve one call at a time: another thread's waits.

    What `loss_and_grad` returns are these buffers: who calls from several threads copies them under `lock`.

    ``threads`` is how many take part, None for `default_threads`.
    """

    def __init__(self, architecture: Architecture, parameters: Parameters, threads: int | None = None) -> None:
        self.architecture, self.parameters, self.threads = architecture, parameters, threads
        self._cores = cores()
        self.lock: AbstractContextManager[Any] = threading.RLock()  # the buffers serve one call at a time
        self._gradients = parameters.zeros_like()
        self._kind = kind_of(architecture.likelihood)
        self._has_arrays = isinstance(architecture.likelihood, (Gaussian, Dispersed))
        self._program = Program(parameters.dtype, architecture.activation, self._kind)
        self._likelihood = LikelihoodFormula(architecture, parameters, self._gradients)
        self._latent = None if architecture.is_plain else LatentFormula(architecture, parameters, self._gradients)
        self._own = architecture.own(parameters)
        self._drawing = Drawing(architecture, parameters)
        self._workspaces: dict[tuple[int, int], Workspace] = {}

    # ---- what it does

    def batch(self, data: Array, rows: NDArray[np.integer[Any]], draw: tuple[int, int] | None = None) -> Array:
        """See `drawing.Drawing.batch`."""
        return self._drawing.batch(data, rows, draw)

    def noise(self, seed: int, step: int, samples: int, n: int) -> Array:
        """See `drawing.Drawing.noise`."""
        return self._drawing.noise(seed, step, samples, n)

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mean and log-variance, (N, K), of q(z|x)."""
        mu, logvar = (np.empty((len(x), self.architecture.latent), x.dtype) for _ in range(2))
        heads = self.architecture.posterior.heads(self.architecture.latent)
        for rows in _blocks(len(x), max(1, min(BLOCK, NUMBERS // sum(heads.values())))):
            with self.lock, np.errstate(all="ignore"):
                w = self._workspace(1, rows.stop - rows.start)
                self._run(w, ENCODE, plain(x[rows]), w.eps)
                if self._latent is None:
                    mu[rows], logvar[rows] = w.terms.mu, w.terms.logvar
                else:
                    self._latent.heads(w)
                    mu[rows], logvar[rows] = self._latent.moments(w)
        return mu, logvar

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""
        flat, b = z.reshape(-1, z.shape[-1]), self.parameters["decoder.out.b"]
        raw = np.empty((len(flat), len(b)), z.dtype)
        for rows in _blocks(len(flat)):
            with self.lock, np.errstate(all="ignore"):
                w = self._workspace(1, rows.stop - rows.start)
                w.decoder_input[0] = flat[rows]
                self._run(w, DECODE, w.x, w.eps)
                np.add(w.terms.raw[0], b, out=raw[rows])
        return raw.reshape(*z.shape[:-1], len(b))

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass, in arrays of its own."""
        x, eps = plain(x), plain(eps)
        with self.lock, np.errstate(all="ignore"):
            w = self._workspace(*eps.shape[:2])
            self._forward(w, x, eps)
            return w.terms.copy()

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """The objective's loss and its gradient; what is not finite passes through, for the caller to judge."""
        x, eps = plain(x), plain(eps)
        with self.lock, np.errstate(all="ignore"):
            w = self._workspace(*eps.shape[:2])
            if self._is_simple(objective):
                prepare.elbo(w, beta)
                self._run(w, WHOLE, x, eps)
                loss = objective(w.terms, beta)
            else:
                loss = self._gradient(w, x, eps, objective, beta)
            return Step(float(loss.value), w.terms.log_likelihood, w.terms.kl, self._gradients)

    def train(
        self, x: Array, eps: Array, objective: Objective, beta: float, optimizer: Adam, state: AdamState
    ) -> Update:
        """A step of training: one call into compiled code where the objective is the ELBO without free bits."""
        samples, n = eps.shape[:2]
        with self.lock:
            w = self._workspace(samples, n)
            x, eps = w.plain(x, eps)
            simple = self._is_simple(objective)
            w.plan[places.FLUSH] = 1
            try:
                if simple:
                    prepare.elbo(w, beta)
                else:
                    loss = self.loss_and_grad(x, eps, objective, beta).loss
                    check_loss(loss)
                update = UPDATE if prepare.adam_step(w, optimizer, state, self.parameters, self._gradients) else 0
                self._run(w, (WHOLE if simple else 0) | SUMS | update, x, eps)
            finally:
                w.plan[places.FLUSH] = 0
            squares, log_likelihood, kl, refused = w.total()
            log_likelihood /= samples
            if simple:
                loss = (beta * kl - log_likelihood) / n
            if update and not refused:
                norm = math.sqrt(squares)
                state.step += 1
            else:  # the formula judges exactly, and raises before anything changes
                check_loss(loss)
                norm = optimizer.update(self.parameters.vector, self._gradients.vector, state)
        return Update(loss, log_likelihood, kl, norm)

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient."""
        return adam.update(optimizer, self.parameters.vector, gradients.vector, state)

    # ---- the passes

    def _forward(self, w: Workspace, x: Array, eps: Array) -> None:
        """All terms."""
        if type(self._kind) is Absent:
            self._start(w, DECODE, x, eps)
            self._likelihood.value(w, x)
            self._run(w, VALUE, x, eps)
        else:
            self._start(w, DECODE | VALUE, x, eps)

    def _start(self, w: Workspace, what: int, x: Array, eps: Array) -> None:
        """The encoder and the latent stage, and what follows them."""
        if self._latent is None:
            self._run(w, ENCODE | what, x, eps)
            return
        self._run(w, ENCODE, x, eps)
        self._latent.forward(w, eps)
        w.put_condition(x)
        self._run(w, what, x, eps)

    def _gradient(self, w: Workspace, x: Array, eps: Array, objective: Objective, beta: float) -> Loss:
        """The gradient of any objective: its cotangents may need the whole batch, so the passes stop for it."""
        weight = -1 / w.weight.size
        if objective.analytic_kl and type(self._kind) is not Absent:  # the weight of log p(x|z) is known before it is
            prepare.elbo(w, beta)
            self._start(w, DECODE | GRADIENT | DECODER, x, eps)
            loss = objective(w.terms, beta)
            if (loss.cotangents.log_likelihood == w.weight.dtype.type(weight)).all():
                self._encoder_backward(w, x, eps, loss.cotangents)
                return loss
        self._forward(w, x, eps)
        loss = objective(w.terms, beta)
        if loss.encoder is not None:  # its gradient first, and the passes once more for the decoder's
            self._backward(w, x, eps, loss.encoder)
            kept = self.parameters.zeros_like()
            kept.vector[...] = self._gradients.vector
            self._forward(w, x, eps)
        self._backward(w, x, eps, loss.cotangents)
        if loss.encoder is not None:
            keep_encoder(self._gradients, kept)
        return loss

    def _backward(self, w: Workspace, x: Array, eps: Array, c: Cotangents) -> None:
        """The backward pass of any cotangents, after `_forward`."""
        w.elbo_beta = None
        np.copyto(w.weight, c.log_likelihood)
        if type(self._kind) is Absent:
            self._likelihood.gradient(w, x)
            self._run(w, DECODER, x, eps)
        else:
            w.plan[places.BIASED] = 1
            self._run(w, GRADIENT | DECODER, x, eps)
        self._encoder_backward(w, x, eps, c)

    def _encoder_backward(self, w: Workspace, x: Array, eps: Array, c: Cotangents) -> None:
        """The rest of the backward pass, after the decoder's."""
        if self._latent is not None:
            w.elbo_beta = None
            self._latent.backward(w, c)
            self._run(w, ENCODER, x, eps)
            self._latent.add_share()
            return
        prepare.cotangents(w, c)
        self._run(w, ENCODER, x, eps)

    def _run(self, w: Workspace, what: int, x: Array, eps: Array) -> None:
        """One call into compiled code, by as many threads as the workspace has."""
        q = w.plan
        if self._has_arrays:
            prepare.likelihood(w, self.architecture.likelihood, self._own)
        q[places.WHAT] = what
        w.point(x, eps)
        order = (what, int(q[places.LEFT_OUT]), bool(q[places.V_MAX]))
        if order not in w.orders:
            self._program.write(q, what)
            w.orders.add(order)
        if w.threads == 1:
            sequence.run(q, 0)
        else:
            try:
                w.team.run(w.words, w.threads, partial(sequence.run, q, 0), partial(sequence.run, q))
            except BaseException:
                self._workspaces.clear()
                raise
        if w.activation is not None:
            w.activation.raise_error()

    # ---- what they need

    def _is_simple(self, objective: Objective) -> bool:
        """Whether the cotangents are known before the terms are."""
        has_kernels = type(self._kind) is not Absent and self._latent is None
        return type(objective) is ELBO and objective.free_bits == 0 and has_kernels

    def _workspace(self, samples: int, n: int) -> Workspace:
        """The buffers for these sizes; those of the last few sizes are kept."""
        found = self._workspaces.pop((samples, n), None)
        threads = max(1, min(self._threads(samples * n), n))  # of more, some would have no example
        if found is None or found.threads != threads or found.team is not team():
            while len(self._workspaces) >= KEPT:
                del self._workspaces[next(iter(self._workspaces))]
            found = Workspace(self.architecture, self.parameters, self._gradients, (samples, n, threads), team())
            if self._program.activation is None:
                found.activation = ActivationFormula(found, self.architecture, self.parameters)
        self._workspaces[samples, n] = found
        return found

    def _threads(self, rows: int) -> int:
        """How many threads R = S N rows get."""
        if self.threads is None:
            return default_threads(self._cores, self.parameters.vector.size, rows)
        return self.threads


WHOLE = ENCODE | DECODE | GRADIENT | DECODER | ENCODER


def _blocks(n: int, most: int = BLOCK) -> list[slice]:
    """Slices of at most so many rows."""
    return [slice(begin, min(begin + most, n)) for begin in range(0, n, most)]
