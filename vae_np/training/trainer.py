"""A run under way: minibatches, the loop, the checkpoints it is resumed from bit for bit.

A run is a function of (model, data, settings): the order of epoch e comes from (seed, e) and the noise of step t from
(seed, t), so a checkpoint needs no generator's state beyond the numbers e and t.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np import __version__
from vae_np.evaluation.bounds import active_units, evaluate
from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.optim import AdamState
from vae_np.model.diagnosis import diagnose
from vae_np.model.vae import VAE
from vae_np.support import noise
from vae_np.support.errors import NonFiniteError
from vae_np.support.files import write_atomic
from vae_np.training.checkpoint import FILE, SUMS, load_checkpoint, save_checkpoint
from vae_np.training.history import History
from vae_np.training.interrupt import DeferredInterrupt
from vae_np.training.progress import Reporter
from vae_np.training.run_checks import check_rates, check_same_run, check_target, prepare, what_may_help
from vae_np.training.settings import Settings
from vae_np.training.stopping import Best

__all__ = ["Trainer", "history_file"]

Array = NDArray[Any]
LOOKED_AT = 1000
"""Training examples whose codes tell an epoch's active units: ten times as many took a tenth of an epoch of as many."""


class Trainer:
    """`fit` in three calls: make it, `restore` a checkpoint perhaps, `run`. Only `run` and `step` change the model.

    ``feature_names`` are what messages call the columns of x; without them they are counted from 0.
    """

    def __init__(
        self,
        vae: VAE,
        x: ArrayLike,
        settings: Settings,
        validation: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.vae, self.settings, self.feature_names = vae, settings, feature_names
        self.objective = settings.objective  # that of the next step: one with a running baseline moves on
        self.data = prepare(vae, x, validation, settings)
        self.x, self.validation = self.data.x, self.data.validation
        self.steps_per_epoch = -(-len(self.x) // settings.batch_size)
        check_rates(settings, vae.dtype, settings.epochs * self.steps_per_epoch)
        self.adam = AdamState.zeros(vae.parameters.vector, settings.optimizer)
        self.history = History()
        self.best = Best(settings.patience)
        if settings.patience is not None and self.validation is None:
            raise ValueError("patience needs validation, the data whose ELBO says when to stop")
        self.epoch, self.position = 0, 0  # epochs done, examples done in the one under way
        self.sums = dict.fromkeys(SUMS, 0.0)
        self._order = noise.stream(settings.seed, "order", 0).permutation(len(self.x))

    # ---- the loop

    def run(
        self,
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_seconds: float,
        reporter: Reporter,
        on_epoch: Callable[[History], None] | None = None,
    ) -> History:
        """Train until the last epoch is done."""
        check_target(checkpoint, checkpoint_seconds)
        if checkpoint is not None:
            self.settings.check_saveable()
            self.vae.config()  # raises where the model could not be saved
        epochs = self.settings.epochs
        if self.vae.scale != "none" and self.vae.scaling is None:
            self.vae.start_scaling(self.x)
        if self.settings.output_bias == "data" and self.adam.step == 0:
            self.vae.start_output_bias(self.x)
        reporter.start(epochs, epochs * self.steps_per_epoch, self.adam.step)
        saved, begun = time.monotonic(), self.adam.step
        try:
            with DeferredInterrupt() as interrupt:
                while not self.is_done and not interrupt.requested:
                    began = time.perf_counter()
                    self.step()
                    self.sums["seconds"] += time.perf_counter() - began
                    epoch, elbo = self.epoch + 1, (self.sums["log_likelihood"] - self.sums["kl"]) / self.position
                    if ended := self.position == len(self.x):
                        self._end_epoch()
                    reporter.step(epoch, elbo)  # others are called only between epochs or steps, where one can save
                    if ended:
                        reporter.epoch(self.history.rows[-1])
                        if on_epoch:
                            on_epoch(self.history)
                            self._check_finite()
                    if checkpoint is not None and time.monotonic() - saved >= checkpoint_seconds:
                        self.save(checkpoint)
                        saved = time.monotonic()
                if checkpoint is not None:  # also where no step was left to do: the history's file may be behind
                    self.save(checkpoint)
                if interrupt.requested:
                    raise interrupt.interruption()
        except NonFiniteError:
            raise
        except Exception:
            if checkpoint is not None and self.adam.step > begun and self._is_resumable():
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    self.save(checkpoint)
            raise
        finally:
            reporter.close()
        if self.best.vector is not None:
            self.vae.parameters.vector[...] = self.best.vector
        return self.history

    @property
    def is_done(self) -> bool:
        """Whether all epochs are done, or the best one is too long ago."""
        return self.epoch >= self.settings.epochs or (self.position == 0 and self.best.is_long_ago(self.epoch))

    def step(self) -> None:
        """One minibatch: gather, binarise, loss and gradient, Adam."""
        s, vae = self.settings, self.vae
        t = self.adam.step + 1
        rows = self._order[self.position : self.position + s.batch_size]
        x = vae.inside(vae.engine.batch(self.x, rows, (s.seed, t) if s.binarise == "dynamic" else None))
        eps = vae.engine.noise(s.seed, t, s.samples, len(x))
        beta = s.beta(t)
        try:
            result = vae.engine.train(x, eps, self.objective, beta, s.optimizer, self.adam)
        except NonFiniteError as error:
            found = diagnose(vae.parameters, x, eps, vae.architecture, self.objective, beta)
            cause = error if found.stage == "kernels" else found
            where = f"epoch {self.epoch + 1}, step {t}"
            hint = what_may_help(vae, self.x, self.feature_names) if self.epoch == 0 else ""
            raise NonFiniteError(f"{cause.message} in {where}{hint}", cause.stage, rows[list(cause.examples)]) from None
        if hasattr(self.objective, "after"):  # anything that has the form of an Objective serves
            self.objective = self.objective.after(result.loss)
        self.sums["log_likelihood"] += result.log_likelihood
        self.sums["kl"] += result.kl
        self.sums["gradient_norm"] += result.norm
        self.position += len(rows)

    def _end_epoch(self) -> None:
        """Write the epoch's row and go on to the next order."""
        began = time.perf_counter()
        self._check_finite()
        n, t = len(self.x), self.adam.step
        log_likelihood, kl = self.sums["log_likelihood"] / n, self.sums["kl"] / n
        validation_elbo, active = self._validate()
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
        self.best.note(self.history.rows, self.vae.parameters.vector)
        self.sums = dict.fromkeys(SUMS, 0.0)
        self._order = noise.stream(self.settings.seed, "order", self.epoch).permutation(n)

    def _validate(self) -> tuple[float, int]:
        """The validation set's ELBO and active units; without one NaN, and the units of the first training examples."""
        if self.validation is None:
            return math.nan, active_units(self.vae, self.x[:LOOKED_AT])
        try:
            result = evaluate(self.vae, self.validation, seed=self.settings.seed)
        except NonFiniteError as error:
            message = f"{error.message} in the validation after epoch {self.epoch + 1}, step {self.adam.step}"
            raise NonFiniteError(message, error.stage, error.examples, "validation") from None
        return result.elbo, result.active_units

    # ---- checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the checkpoint, then the history (see `history_file`); both atomically.

        Raises
        ------
        NonFiniteError
            If a parameter is not finite: the checkpoint that is there is worth more.
        """
        self._check_finite()
        training = {
            "settings": self.settings.config(),
            "data": self.data.fingerprint,
            "version": __version__,
            "epoch": self.epoch,
            "position": self.position,
            "sums": self.sums,
            "objective": self.settings.objective_config(self.objective),
            "history": self.history.rows,
        }
        save_checkpoint(self.vae, self.adam, training, path, self.best.vector)
        write_atomic(history_file(path), self.history.to_csv().encode())

    def _check_finite(self) -> None:
        """That every parameter is finite, or `NonFiniteError`."""
        finite = np.isfinite(self.vae.parameters.vector)
        if not finite.all():
            name, index = self.vae.parameters.locate(int(np.argmin(finite)))
            raise NonFiniteError(f"entry {list(index)} is not finite after step {self.adam.step}", f"parameter {name}")

    def _is_resumable(self) -> bool:
        """Whether the counters are those of a moment between two steps."""
        step = self.epoch * self.steps_per_epoch + self.position // self.settings.batch_size
        return self.position < len(self.x) and self.adam.step == step

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint; ``ValueError`` says where it belongs to another run, and nothing has changed."""
        self.settings.check_saveable()
        saved = load_checkpoint(path)
        check_same_run(path, saved, self.vae, self.settings, self.data)
        training = saved.training
        if (version := training.get("version", __version__)) != __version__:  # older files lack it
            warnings.warn(
                f"{path} is of vae_np {version}, this is {__version__}: the run goes on, not with the bits of either",
                stacklevel=2,
            )
        self.vae.parameters.vector[...] = saved.vae.parameters.vector
        if saved.vae.scaling is not None:
            self.vae.scaling = saved.vae.scaling
        self.adam = saved.adam
        self.epoch, self.position = training["epoch"], training["position"]
        self.sums = dict(training["sums"])
        if isinstance(self.objective, Objective) and "objective" in training:  # older files lack it
            self.objective = get_objective(training["objective"])
        self.history = History(training["history"])
        if saved.best is not None:
            self.best.epoch, self.best.vector = self.history.best_epoch, saved.best
        self._order = noise.stream(self.settings.seed, "order", self.epoch).permutation(len(self.x))


def history_file(checkpoint: str | os.PathLike[str]) -> Path:
    """Where the history goes: history.csv beside checkpoint.npz, NAME.history.csv beside NAME.npz."""
    path = Path(checkpoint)
    return path.with_name("history.csv" if path.name == FILE else f"{path.stem}.history.csv")
