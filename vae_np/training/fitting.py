"""Training in one call."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from numpy.typing import ArrayLike

from vae_np.evaluation.latent_use import why_unused
from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.optim import Adam
from vae_np.formulas.schedules import Schedule, as_schedule
from vae_np.model.vae import VAE
from vae_np.support.errors import CollapseWarning
from vae_np.training.checkpoint import remove_temporaries
from vae_np.training.history import History
from vae_np.training.progress import Reporter, choose_reporter
from vae_np.training.settings import Settings
from vae_np.training.trainer import Trainer, history_file

__all__ = ["Settings", "Trainer", "fit"]


def fit(
    vae: VAE,
    x: ArrayLike,
    *,
    condition: ArrayLike | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Adam | None = None,
    seed: int = 0,
    validation: ArrayLike | None = None,
    beta: float | Schedule = 1.0,
    objective: str | Objective = "elbo",
    samples: int = 1,
    binarise: str = "none",
    output_bias: str = "zero",
    patience: int | None = None,
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
    condition : array, optional
        Of a conditional model, ``VAE(..., condition=C)``: a label each, from 0 to C - 1, or (N, C) numbers. Without it
        x has rows [x, c], as `VAE.rows` joins them.
    epochs, batch_size : int
        Every epoch presents all examples in a new order; its last batch may be smaller.
    optimizer : Adam, optional
        ``Adam()`` with a learning rate of 1e-3 if left out.
    seed : int
        Of the order, the noise and the binarisation.
    validation : array, optional
        Evaluated after each epoch; binarised data are binarised once. Of a conditional model `VAE.rows`.
    beta : float or Schedule
        The KL's weight: `schedules.LinearWarmup`, `schedules.Cyclical`, ... by steps.
    objective : str or Objective
        ``"elbo"``, ``"iwae"``, or an object such as ``ELBO(free_bits=0.5)``.
    samples : int
        S, samples of the posterior for each presentation.
    binarise : {"none", "threshold", "fixed", "dynamic"}
        See `data.binarise`; dynamic draws anew at each presentation.
    output_bias : {"zero", "data"}
        Where the decoder's output bias starts: at 0, or at the data's mean in the likelihood's terms (Bernoulli: the
        log-odds), and a learned variance then at the data's: see `VAE.start_output_bias`.
    patience : int, optional
        Stop early: when the validation ELBO has not risen for so many epochs. The model that is left, and that
        ``checkpoint`` holds, is that of the best epoch (``history.best_epoch``); a resumed run goes on from the last
        one. Without it all epochs are trained and the last model is left.
    checkpoint : path, optional
        A file to write, atomically, at least every ``checkpoint_seconds``, at the end, and on an interrupt; the
        history goes to history.csv beside checkpoint.npz (NAME.history.csv beside NAME.npz). Without ``resume`` a file
        that is there already is overwritten, whatever run it belongs to. The objective must then be a dataclass or have
        a ``config()`` method that gives its settings, so that a resumed run can compare them.
    resume : bool
        Continue from ``checkpoint`` if it exists; the run then ends with the same bits as if it had not been stopped.
        More ``epochs`` than before are fine where no schedule depends on them.
    progress : bool or Reporter, optional
        None shows a bar on a terminal and is silent elsewhere; True prints lines there; False is silent.
    on_epoch : callable, optional
        Called with the history after each epoch. If it raises, the checkpoint is written first.

    Returns
    -------
    History

    Warns
    -----
    CollapseWarning
        If all epochs are done and no latent dimension is active: the variance over x of its posterior mean is at most
        0.01 for each. (``vae-np study collapse`` tries the remedies side by side.)

    Raises
    ------
    NonFiniteError
        If a loss or gradient is not finite: it names the stage and the rows of x, and parameters and checkpoint are as
        they were before the step. If a parameter is not finite at an epoch's end: it names that, and the checkpoint
        stays as it was.
    ValueError, TypeError
        If the arguments make no sense, or the checkpoint is damaged or belongs to another model, data or settings;
        nothing has changed then.
    OSError
        If a checkpoint cannot be written; the one before it stays whole.
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
        optimizer=Adam() if optimizer is None else optimizer,
        seed=seed,
        beta=as_schedule(beta, "beta"),
        objective=get_objective(objective),
        samples=samples,
        binarise=binarise,
        output_bias=output_bias,
        patience=patience,
    )
    trainer = Trainer(vae, x if condition is None else vae.rows(x, condition), settings, validation)
    if resume:
        if checkpoint is None:
            raise ValueError("resume needs checkpoint, the file to continue from")
        if Path(checkpoint).is_file():
            trainer.restore(checkpoint)
        for file in (Path(checkpoint), history_file(checkpoint)):
            remove_temporaries(file)
    reporter = choose_reporter(progress, vae.backend == "numba")
    history = trainer.run(checkpoint, checkpoint_seconds, reporter, on_epoch)
    if trainer.is_done and (words := collapsed(trainer)):
        warnings.warn(words, CollapseWarning, stacklevel=2)
    return history


def collapsed(trainer: Trainer) -> str:
    """What to tell of a run whose model has no active latent dimension, with the remedies; "" where it has."""
    history, settings = trainer.history, trainer.settings
    if not history.rows:
        return ""
    of = -1 if settings.patience is None else history.best_epoch - 1
    if history["active_units"][of] > 0:
        return ""
    fact = why_unused(history["kl"][of], varies := bool((trainer.x != trainer.x[0]).any()))
    if not varies:
        return fact
    sigma = getattr(trainer.vae.likelihood, "sigma", None)
    helps = ["Gaussian(sigma='learned')"] if isinstance(sigma, (int, float)) else []
    helps += ["a beta that begins small, LinearWarmup", "ELBO(free_bits=0.1)", "more epochs"]
    return f"{fact}; {', '.join(helps[:-1])} or {helps[-1]} may help"
