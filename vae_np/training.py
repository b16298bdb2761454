"""Training: minibatches, the loop, checkpoints that a run can be resumed from bit for bit.

A run is a function of (model, data, settings): the order of epoch e comes from (seed, e) and the noise of step t from
(seed, t), so a checkpoint needs no generator's state beyond the numbers e and t.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np import noise
from vae_np.checkpoint import load, load_checkpoint, save_checkpoint
from vae_np.data.binarisation import MODES, binarise
from vae_np.diagnosis import diagnose
from vae_np.errors import NonFiniteError
from vae_np.evaluation import active_units, evaluate
from vae_np.files import write_atomic
from vae_np.history import History
from vae_np.interrupt import DeferredInterrupt
from vae_np.model import VAE
from vae_np.objectives import Objective, get_objective
from vae_np.optim import Adam, AdamState
from vae_np.progress import Reporter, choose_reporter
from vae_np.schedules import Constant, Schedule, as_schedule

__all__ = ["Settings", "Trainer", "fit"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """What decides a run, beside the model and the data; the arguments of `fit`."""

    epochs: int = 10
    batch_size: int = 64
    optimizer: Adam = field(default_factory=Adam)
    seed: int = 0
    beta: Schedule = field(default_factory=lambda: Constant(1.0))
    objective: Objective = field(default_factory=lambda: get_objective("elbo"))
    samples: int = 1
    binarise: str = "none"
    data_bias: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "samples"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise TypeError(f"{name} must be an integer; got {value!r}")
            if value < (0 if name == "epochs" else 1):
                raise ValueError(f"{name} must be positive; got {value}")
        noise.check_seed(self.seed)
        if self.binarise not in MODES:
            raise ValueError(f"binarise must be one of {', '.join(MODES)}; got {self.binarise!r}")
        if not self.objective.analytic_kl and self.beta != Constant(1.0):
            raise ValueError(f"the {self.objective.name} objective has no beta; leave beta at 1")

    def config(self) -> dict[str, Any]:
        """The settings, JSON-able."""
        objective = asdict(self.objective) if is_dataclass(self.objective) else {}  # type: ignore[call-overload]
        return {
            "epochs": int(self.epochs),
            "batch_size": int(self.batch_size),
            "optimizer": self.optimizer.to_dict(),
            "seed": int(self.seed),
            "beta": self.beta.to_dict(),
            "objective": {"name": self.objective.name, **objective},
            "samples": int(self.samples),
            "binarise": self.binarise,
            "data_bias": self.data_bias,
        }


def fit(
    vae: VAE,
    x: ArrayLike,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Adam | None = None,
    seed: int = 0,
    validation: ArrayLike | None = None,
    beta: float | Schedule = 1.0,
    objective: str | Objective = "elbo",
    samples: int = 1,
    binarise: str = "none",
    data_bias: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 10.0,
    resume: bool = False,
    progress: bool | Reporter | None = None,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train the model in place by minibatches and Adam.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
        Of the model's dtype; it may be a memory-mapped file.
    epochs, batch_size : int
        Every epoch presents all examples in a new order; its last batch may be smaller.
    optimizer : Adam, optional
        ``Adam()`` with a learning rate of 1e-3 if left out.
    seed : int
        Of the order, the noise and the binarisation.
    validation : array, optional
        Evaluated after each epoch; binarised data are binarised once.
    beta : float or Schedule
        The KL's weight: `schedules.LinearWarmup`, `schedules.Cyclical`, ... by steps.
    objective : str or Objective
        ``"elbo"``, ``"iwae"``, or an object such as ``ELBO(free_bits=0.5)``.
    samples : int
        S, samples of the posterior for each presentation.
    binarise : {"none", "threshold", "fixed", "dynamic"}
        See `data.binarise`; dynamic draws anew at each presentation.
    data_bias : bool
        Start the decoder's output bias at the data's mean, in the likelihood's terms (Bernoulli: the log-odds).
    checkpoint : path, optional
        A file to write, atomically, at least every ``checkpoint_seconds``, at the end, and on an interrupt.
    resume : bool
        Continue from ``checkpoint`` if it exists; the run then ends with the same bits as if it had not been stopped.
    progress : bool or Reporter, optional
        None shows a bar on a terminal and is silent elsewhere; True prints lines there; False is silent.
    on_epoch : callable, optional
        Called with the history after each epoch.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteError
        If a loss or gradient is not finite: it names the stage and the rows of x, and parameters and checkpoint are as
        they were before the step.
    ValueError
        If the arguments make no sense, or the checkpoint belongs to another model, data or settings.
    KeyboardInterrupt
        On SIGINT, after the step under way and a checkpoint.

    Examples
    --------
    >>> vae = VAE(4, hidden=(8,), latent=2, backend="numpy")
    >>> history = fit(vae, np.eye(4), epochs=3, batch_size=2)
    >>> len(history["elbo"])
    3
    """
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer or Adam(),
        seed=seed,
        beta=as_schedule(beta),
        objective=get_objective(objective),
        samples=samples,
        binarise=binarise,
        data_bias=data_bias,
    )
    trainer = Trainer(vae, x, settings, validation)
    if resume and checkpoint is not None and Path(checkpoint).exists():
        trainer.restore(checkpoint)
    return trainer.run(checkpoint, checkpoint_seconds, choose_reporter(progress), on_epoch)


class Trainer:
    """A run under way: `fit` in three calls, `restore` and `run` after making it."""

    def __init__(self, vae: VAE, x: ArrayLike, settings: Settings, validation: ArrayLike | None = None) -> None:
        self.vae, self.settings = vae, settings
        once = "fixed" if settings.binarise == "dynamic" else settings.binarise
        self.x = _prepared(vae, x, "x", settings.binarise if settings.binarise != "dynamic" else "none", settings.seed)
        self.validation = None if validation is None else _prepared(vae, validation, "validation", once, settings.seed)
        if len(self.x) == 0:
            raise ValueError("x has no examples")
        self.steps_per_epoch = -(-len(self.x) // settings.batch_size)
        self.adam = AdamState.zeros(vae.parameters.vector, settings.optimizer)
        self.history = History()
        self.epoch, self.position = 0, 0  # epochs done, examples done in the one under way
        self.sums = dict.fromkeys(("log_likelihood", "kl", "gradient_norm", "seconds"), 0.0)
        self._order = noise.stream(settings.seed, "order", 0).permutation(len(self.x))
        self._batch = np.empty((min(settings.batch_size, len(self.x)), self.x.shape[1]), vae.dtype)
        if settings.data_bias:
            vae.start_output_bias(self.x)

    # ---- the loop

    def run(
        self,
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_seconds: float,
        reporter: Reporter,
        on_epoch: Callable[[History], None] | None = None,
    ) -> History:
        """Train until the last epoch is done."""
        saved = time.monotonic()
        reporter.start(self.settings.epochs, self.settings.epochs * self.steps_per_epoch, self.adam.step)
        try:
            with DeferredInterrupt() as interrupt:
                while self.epoch < self.settings.epochs:
                    began = time.perf_counter()
                    self.step()
                    self.sums["seconds"] += time.perf_counter() - began
                    n = self.position
                    reporter.step(self.epoch + 1, (self.sums["log_likelihood"] - self.sums["kl"]) / n)
                    if self.position == len(self.x):
                        self._end_epoch()
                        reporter.epoch(self.history.rows[-1])
                        if on_epoch:
                            on_epoch(self.history)
                    due = time.monotonic() - saved >= checkpoint_seconds or self.epoch == self.settings.epochs
                    if checkpoint is not None and (due or interrupt.requested):
                        self.save(checkpoint)
                        saved = time.monotonic()
                    if interrupt.requested:
                        raise KeyboardInterrupt
        finally:
            reporter.close()
        return self.history

    def step(self) -> None:
        """One minibatch: gather, binarise, loss and gradient, Adam."""
        s, vae = self.settings, self.vae
        t = self.adam.step + 1
        rows = self._order[self.position : self.position + s.batch_size]
        x = np.take(self.x, rows, axis=0, out=self._batch[: len(rows)], mode="clip")  # "raise" would buffer
        if s.binarise == "dynamic":
            x = binarise(x, "dynamic", seed=s.seed, step=t)
        eps = noise.standard_normal(s.seed, t, (s.samples, len(x), vae.architecture.latent), vae.dtype)
        beta = s.beta(t)
        result = vae.step(x, eps, s.objective, beta)
        try:
            if not math.isfinite(result.loss):
                raise NonFiniteError(f"the loss is {result.loss}", "loss")
            norm = vae.engine.update(s.optimizer, result.gradients, self.adam)
        except NonFiniteError as error:
            found = diagnose(vae.parameters, x, eps, vae.architecture, s.objective, beta)
            where = f"epoch {self.epoch + 1}, step {t}"
            cause = error if found.stage == "kernels" else found
            raise NonFiniteError(f"{cause.message} in {where}", cause.stage, rows[list(cause.examples)]) from None
        self.sums["log_likelihood"] += float(result.log_likelihood.sum(dtype=np.float64)) / s.samples
        self.sums["kl"] += float(result.kl.sum(dtype=np.float64))
        self.sums["gradient_norm"] += norm
        self.position += len(rows)

    def _end_epoch(self) -> None:
        """Write the epoch's row and go on to the next order."""
        began = time.perf_counter()
        n, t = len(self.x), self.adam.step
        log_likelihood, kl = self.sums["log_likelihood"] / n, self.sums["kl"] / n
        if self.validation is None:
            validation_elbo, active = math.nan, active_units(self.vae, self.x[:10_000])
        else:
            result = evaluate(self.vae, self.validation, seed=self.settings.seed)
            validation_elbo, active = result.elbo, result.active_units
        self.epoch, self.position = self.epoch + 1, 0
        self.history.append(
            {
                "epoch": self.epoch,
                "step": t,
                "elbo": log_likelihood - kl,
                "log_likelihood": log_likelihood,
                "kl": kl,
                "beta": self.settings.beta(t),
                "validation_elbo": validation_elbo,
                "active_units": active,
                "learning_rate": self.settings.optimizer.rate(t),
                "gradient_norm": self.sums["gradient_norm"] / self.steps_per_epoch,
                "seconds": self.sums["seconds"] + time.perf_counter() - began,
            }
        )
        self.sums = dict.fromkeys(self.sums, 0.0)
        self._order = noise.stream(self.settings.seed, "order", self.epoch).permutation(n)

    # ---- checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the checkpoint, and the history as history.csv beside it; both atomically."""
        training = {
            "settings": self.settings.config(),
            "data": self._fingerprint(),
            "epoch": self.epoch,
            "position": self.position,
            "sums": self.sums,
            "history": self.history.rows,
        }
        save_checkpoint(self.vae, self.adam, training, path)
        write_atomic(Path(path).parent / "history.csv", self.history.to_csv().encode())

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint; ``ValueError`` says where it belongs to another run, and nothing has changed."""
        saved = load_checkpoint(path)
        vae = load(path, backend="numpy")
        ours = {"model": self.vae.config(), "settings": self.settings.config(), "data": self._fingerprint()}
        theirs = {"model": vae.config(), "settings": saved.training["settings"], "data": saved.training["data"]}
        for part, mine in ours.items():
            for name in mine.keys() | theirs[part].keys():
                a, b = theirs[part].get(name), mine.get(name)
                if a != b and name != "epochs":
                    raise ValueError(f"{path}: the checkpoint's {part} has {name} = {a!r}, this run {b!r}")
        if saved.training["epoch"] > self.settings.epochs:
            raise ValueError(f"{path}: {saved.training['epoch']} epochs are done already; got epochs={self.settings.epochs}")
        self.vae.parameters.vector[...] = vae.parameters.vector
        self.adam = saved.adam
        self.epoch, self.position = saved.training["epoch"], saved.training["position"]
        self.sums = dict(saved.training["sums"])
        self.history = History(saved.training["history"])
        self._order = noise.stream(self.settings.seed, "order", self.epoch).permutation(len(self.x))

    def _fingerprint(self) -> dict[str, Any]:
        """What tells this run's data from others."""
        if not hasattr(self, "_data"):
            self._data = {"x": _digest(self.x), "validation": None if self.validation is None else _digest(self.validation)}
        return self._data


def _prepared(vae: VAE, x: ArrayLike, name: str, mode: str, seed: int) -> Array:
    """Checked data, binarised if that is done once."""
    array = vae.check_float(name, x)
    if mode != "none":
        array = binarise(array, mode, seed=seed)  # type: ignore[arg-type]
    return vae.check_data(array, name)


def _digest(x: Array) -> str:
    """A hash of shape, dtype and bytes, a block of rows at a time."""
    digest = hashlib.blake2b(f"{x.shape} {x.dtype}".encode(), digest_size=16)
    for begin in range(0, len(x), 4096):
        digest.update(np.ascontiguousarray(x[begin : begin + 4096]).data)
    return digest.hexdigest()
