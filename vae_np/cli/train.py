"""vae-np train: the main job."""

from __future__ import annotations

import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np import __version__
from vae_np.cli import assemble, choice, common, conditions, output, remarks, run_folder, starting, tables
from vae_np.cli.command import Command
from vae_np.cli.runs import OF_DATA
from vae_np.cli.train_options import add_arguments

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE
    from vae_np.training.trainer import Trainer

__all__ = ["COMMAND", "add_arguments", "run", "trained"]

COMMAND = Command(
    10, "train a model and draw the pictures", "--epochs 20 --out runs/first", "the embedded digits; a few seconds"
)

GREY = (
    "grey values: the Bernoulli likelihood is then a cross-entropy, no density;"
    " see --binarise and --likelihood continuous-bernoulli"
)


def run(args: Namespace) -> int:
    """Train, save, draw, report."""
    given = vars(args)
    result = trained(given)
    if "json" in given:
        output.print_json(result)
    else:
        print(f"next: vae-np evaluate {shlex.quote(str(result['out']))} --samples 500")
    return 0


def trained(given: dict[str, Any]) -> dict[str, Any]:
    """Do it as the options say, and return what a run's result.json has; ``json`` among them keeps it quiet."""
    try:
        return _run(given)
    finally:
        run_folder.unlock()


def _run(given: dict[str, Any]) -> dict[str, Any]:
    """Everything is checked before the first file is written, so that an error leaves things as they were."""
    quiet = "json" in given

    def say(text: str) -> None:
        if text and not quiet:
            print(text, flush=True)

    began = time.perf_counter()
    folder, options, resumed = run_folder.plan(given)
    locked = folder is not None and folder.is_dir()
    if folder is not None and locked:
        run_folder.lock(folder)
    try:
        trainer, parts, options, chosen = _prepare(options, folder if resumed else None, "patience" in given)
    except FileNotFoundError as error:
        if not resumed or "data" in given:
            raise
        raise FileNotFoundError(f"{error}; --data names the place where the run's data are now") from None
    if resumed and folder is not None:
        trainer.restore(folder / run_folder.CHECKPOINT)
    folder = run_folder.make(folder, options["data"])
    if not locked:  # also where another process has made the folder meanwhile
        run_folder.lock(folder)
    run_folder.check_unchanged(folder, resumed)
    run_folder.clean(folder)
    kept = starting.kept_of_data(folder) if resumed else {}
    run_folder.write_config(folder, _config(options, parts, trainer.vae, chosen) | kept)
    if "resume" in given:
        print(_resumption(folder, trainer, resumed), file=sys.stderr if quiet else sys.stdout, flush=True)
    counts = ", ".join(f"{count} {name.replace('train', 'training')}" for name, count in _examples(parts).items())
    say(f"{trainer.vae!r}\n{counts} examples of {parts.train.name}; everything goes to {folder}")
    unscaled = "" if resumed else remarks.unscaled_line(trainer.vae, parts.train)
    for line in [*parts.train.notes, chosen, unscaled]:
        say(line)
    if trainer.settings.objective.analytic_kl and not trainer.vae.architecture.has_kl:
        say(common.sampled_kl(trainer.vae))
    if (
        options["likelihood"] == "bernoulli"
        and options["binarise"] == "none"
        and not choice.values_of(parts.train.x)[2]
    ):
        say(GREY)
    done = trainer.epoch
    try:
        result = _train(trainer, parts, options, folder, quiet)
        result = {"resumed": resumed, "examples": _examples(parts), **result}
        if parts.train.notes:
            result["assumed"] = parts.train.notes
        result |= {"seconds": time.perf_counter() - began, "pictures": []}
        # before the pictures, which may take long and more memory than there is
        run_folder.write_result(folder, result)
        for line in [*_report(result, trainer.epoch - done), _still_rising(trainer, options, folder)]:
            say(line)
        if not options["no_pictures"] and (pictures := _pictures(trainer, parts, options, folder)):
            result["pictures"] = pictures
            run_folder.write_result(folder, result)
            say(f"pictures: {', '.join(path.name for path in pictures)} in {folder}")
    except KeyboardInterrupt as interrupt:
        interrupt.args = (f"continue with: vae-np train --out {shlex.quote(str(folder))} --resume",)
        raise
    return result


def _prepare(
    options: dict[str, Any], begun: Path | None, patient: bool
) -> tuple[Trainer, common.Parts, dict[str, Any], str]:
    """Data, model and settings, all checked; the options with what was chosen, and lines that say so.

    ``begun`` is the folder of the run that is resumed, if one is; ``patient`` says that --patience was given.
    """
    if not 0 <= options["checkpoint_seconds"] < float("inf"):
        raise ValueError(f"--checkpoint-seconds must be finite and not negative; got {options['checkpoint_seconds']}")
    from vae_np.training.trainer import Trainer

    begins = not begun and not options["start_from"]
    options, chosen = tables.chosen(options)
    if options["likelihood"] != "auto":
        assemble.likelihood(options)  # what makes no sense is said before data are read
        options = choice.scale_of(options)

    def check(found: Dataset) -> None:
        nonlocal options, chosen
        if options["likelihood"] == "auto":
            options, chosen = choice.likelihood_of(options, found)
        elif begins:
            options, line = choice.sigma_of(options, found)
            chosen = line or chosen
        likelihood = assemble.likelihood(options)
        if begun or options["start_from"]:
            starting.check_columns(str(begun or options["start_from"]), found)
        common.check_support(found, likelihood, options["binarise"], "--likelihood", "--scale")

    parts = common.load_parts(options, options["dtype"], check)
    if begun:
        parts, lines = starting.named_as_before(begun, parts)
        for line in lines:
            print(f"vae-np: {line}", file=sys.stderr)
    elif options["start_from"] and options["condition"] == "labels":
        parts = starting.labelled_as_before(options["start_from"], parts)
    if begins:
        options = choice.floor_of(options, parts.train.x)
    if not begun and not patient:
        options, line = choice.patience_of(options, parts.validation is not None)
        chosen = "\n".join(filter(None, [chosen, line]))
    vae = assemble.model(options, parts.train.x.shape[1], conditions.columns_of(options["condition"], parts))
    settings = assemble.settings(options, len(parts.train))
    validation = None if parts.validation is None else conditions.rows_of(vae, parts.validation)
    rows = conditions.rows_of(vae, parts.train)
    trainer = Trainer(vae, rows, settings, validation, parts.train.feature_names)
    if options["start_from"] and not begun:
        lines = [starting.take_weights(vae, options["start_from"]), chosen]
        lines += starting.differences(options["start_from"], parts.train)
        chosen = "\n".join(filter(None, lines))
    if vae.scale == "standard" and begins:
        chosen = "\n".join(filter(None, [chosen, _standardise(vae, parts.train)]))
    return trainer, parts, options, chosen


def _standardise(vae: VAE, train: Dataset) -> str:
    """Find the scaling; a line that names constant features, if there are any."""
    import warnings

    from vae_np.support.errors import ConstantFeaturesWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vae.start_scaling(conditions.rows_of(vae, train))
    lines = [
        message.line(train.feature_names) if isinstance(message, ConstantFeaturesWarning) else str(message)
        for message in (warning.message for warning in caught)
    ]
    return "; ".join(f"{line}; they keep the scale 1" for line in lines)


def _train(trainer: Trainer, parts: common.Parts, options: dict[str, Any], folder: Path, quiet: bool) -> dict[str, Any]:
    """Train, and evaluate the test set; the numbers."""
    from vae_np.evaluation.bounds import evaluate
    from vae_np.training.progress import choose_reporter

    reporter = choose_reporter(not quiet, options["backend"] == "numba")
    with common.rows_of_source(parts.train, parts.validation):
        history = trainer.run(folder / run_folder.CHECKPOINT, options["checkpoint_seconds"], reporter)
    result: dict[str, Any] = {"out": folder, "epochs": len(history.rows)}
    if trainer.settings.patience is not None and history.rows:
        result["best_epoch"] = history.best_epoch
    if history.rows:
        of = -1 if trainer.settings.patience is None else history.best_epoch - 1
        result |= {"train_elbo": history["elbo"][of], "validation_elbo": history["validation_elbo"][of]}
    active, kl = (history["active_units"][of], history["kl"][of]) if history.rows else (None, 0.0)
    if parts.test is not None:
        test = common.binarised(parts.test, options["binarise"], options["seed"])
        with common.rows_of_source(test):
            evaluation = evaluate(trainer.vae, conditions.rows_of(trainer.vae, test), seed=options["seed"])
        result |= {"test_elbo": evaluation.elbo, "test_kl": evaluation.kl, "test_examples": len(test)}
        if history.rows:
            active, kl = evaluation.active_units, evaluation.kl
        result |= remarks.against_columns_alone(trainer.vae, parts.train, test.x, evaluation.per_example["elbo"])
    varies = bool((parts.train.x != parts.train.x[0]).any())
    return result | remarks.collapse(trainer.vae, active, kl, options["beta"], varies)


def _pictures(trainer: Trainer, parts: common.Parts, options: dict[str, Any], folder: Path) -> list[Path]:
    """The pictures; without matplotlib, or where what all of them need fails, none, and a word."""
    from vae_np.cli.pictures import draw

    try:
        return draw(trainer.vae, trainer.history, parts, folder, options["seed"], options["binarise"])
    except Exception as error:
        print(f"vae-np: no pictures: {output.one_line(error)}", file=sys.stderr)
        return []


def _config(options: dict[str, Any], parts: common.Parts, vae: VAE, chosen: str) -> dict[str, Any]:
    """All that makes the run again."""
    low, high, binary = choice.values_of(parts.train.x)
    return {
        "vae_np": __version__,
        "arguments": options,
        "chosen": chosen,
        "model": vae.config(),
        **{name: getattr(parts.train, name) for name in OF_DATA},
        "assumed": list(parts.train.notes),
        "divided_by": parts.train.divided_by,
        "range": [low, high],
        "binary": binary,
        "examples": _examples(parts),
    }


def _examples(parts: common.Parts) -> dict[str, int]:
    """How many each part has."""
    return {name: 0 if part is None else len(part) for name, part in parts._asdict().items()}


def _resumption(folder: Path, trainer: Trainer, resumed: bool) -> str:
    """Where a run starts that was to be resumed."""
    if not resumed:
        return f"{folder}: nothing was saved yet; starting anew"
    if trainer.is_done and trainer.epoch < trainer.settings.epochs:
        return f"{folder}: stopped after epoch {trainer.epoch}: none since {trainer.best.epoch} was better"
    if trainer.epoch == trainer.settings.epochs:
        return f"{folder}: all {trainer.epoch} epochs are done; --epochs sets more"
    return f"{folder}: continuing after epoch {trainer.epoch}, step {trainer.adam.step}"


def _still_rising(trainer: Trainer, options: dict[str, Any], folder: Path) -> str:
    """How to go on where the epochs were over before the validation ELBO had stopped rising, if they may be more."""
    epochs, patience = trainer.settings.epochs, trainer.settings.patience
    over = trainer.epoch == epochs > 0
    if not over or patience is None or trainer.best.is_long_ago(epochs) or assemble.depends_on_epochs(options):
        return ""
    return (
        f"validation was still rising: vae-np train --resume --out {shlex.quote(str(folder))}"
        f" --epochs {2 * epochs} goes on"
    )


def _report(result: dict[str, Any], epochs: int) -> Iterator[str]:
    """The result in words."""
    plural = "" if epochs == 1 else "s"
    yield f"trained {epochs or 'no'} epoch{plural} in {result['seconds']:.1f} s (loading and compiling included)"
    if "best_epoch" in result:
        yield f"the model is that of epoch {result['best_epoch']}, whose validation ELBO is the highest"
    if "test_elbo" in result:
        yield f"test ELBO {result['test_elbo']:.3f} nats an example (KL {result['test_kl']:.3f})"
    yield from (result[name] for name in ("remark", "collapse") if name in result)
