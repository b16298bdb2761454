"""The runs of `vae-np tune`: each a process of `vae-np train` with a folder of its own, all of them in one book.

The book, trials.json, is written after every change, so that nothing is lost: what a run has reached is in its
checkpoint, and what its options were is in the book.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vae_np.cli.output import jsonable, printable
from vae_np.cli.run_folder import CONFIG, RESULT, is_locked

__all__ = ["AIM", "BOOK", "Book", "Trial", "rows", "run_all"]

BOOK = "trials.json"
AIM = "validation_elbo"
TOLD = ("test_elbo", "test_kl", "active_units", "epochs", "best_epoch")
"""Numbers of a run's result that the table has beside the aim."""
POLL, PATIENCE = 0.05, 60.0
"""Seconds between two looks at the runs, and for which an interrupted one may take to save."""


@dataclass
class Trial:
    """Options, and what came of them."""

    number: int
    options: dict[str, str]
    state: str = "waiting"
    """waiting, running, done, failed, or same: another trial has these options."""
    value: float | None = None
    """The validation ELBO, nats."""
    seconds: float = 0.0
    error: str = ""
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Within that of the book."""
        return f"trial-{self.number:03d}"


class Book:
    """The trials of a folder."""

    def __init__(self, folder: Path, settings: dict[str, Any], trials: Sequence[Trial] = ()) -> None:
        self.folder, self.settings, self.trials = folder, settings, list(trials)

    @classmethod
    def read(cls, folder: Path) -> Book:
        """``ValueError`` if the file is none of ours."""
        path = folder / BOOK
        try:
            found = json.loads(path.read_text("utf-8"))
            return cls(folder, dict(found["settings"]), [Trial(**trial) for trial in found["trials"]])
        except FileNotFoundError:
            raise FileNotFoundError(f"{folder}: has no {BOOK} to resume; without --resume it begins there") from None
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}: is no book of trials: {type(error).__name__}: {error}") from None

    def write(self) -> None:
        """Atomically."""
        from vae_np.support.files import write_atomic

        whole = {"settings": self.settings, "trials": [asdict(trial) for trial in self.trials]}
        write_atomic(self.folder / BOOK, (json.dumps(jsonable(whole), indent=1) + "\n").encode())

    def done(self) -> list[Trial]:
        """Those with a value, the best first; of equal ones the earlier."""
        found = [trial for trial in self.trials if trial.state == "done" and trial.value is not None]
        return sorted(found, key=lambda trial: (-(trial.value or 0.0), trial.number))


def run_all(book: Book, propose: Callable[[], dict[str, str] | None], words: Sequence[str], jobs: int,
            tell: Callable[[Trial], None], say: Callable[[str], object] = lambda line: None) -> None:  # fmt: skip
    """Run what is proposed, ``jobs`` at a time, until nothing more is; ``tell`` hears of each that is over.

    What the book has as begun and not over comes first, and what has failed, once more: a result that is there is
    taken, a run that goes on without the search that began it is waited for, which ``say`` is told, and others go on
    from their checkpoints. An interrupt stops the runs, each of which saves a checkpoint.
    """
    from vae_np.training.interrupt import DeferredInterrupt

    waiting = [trial for trial in book.trials if trial.state in ("waiting", "running", "failed")]
    running: dict[int, tuple[Trial, _Run | _Orphan]] = {}
    signals = DeferredInterrupt()
    try:
        with signals:
            while not signals.requested and _step(book, waiting, running, propose, words, jobs, tell, say):
                time.sleep(POLL)
            if signals.requested:
                raise signals.interruption()
    finally:
        for _, run in running.values():
            run.interrupt()
        for _, run in running.values():
            run.end()


def _step(book: Book, waiting: list[Trial], running: dict[int, tuple[Trial, _Run | _Orphan]],
          propose: Callable[[], dict[str, str] | None], words: Sequence[str], jobs: int,
          tell: Callable[[Trial], None], say: Callable[[str], object]) -> bool:  # fmt: skip
    """Start what there is room for, read what is over; False when all is."""
    while len(running) < jobs and (trial := _next(book, waiting, propose)) is not None:
        known = next((other for other in book.done() if other.options == trial.options), None)
        if known is not None:
            trial.state, trial.value, trial.told = "same", known.value, known.told
            book.write()
            tell(trial)
            continue
        folder = book.folder / trial.folder
        waits = trial.state != "waiting"  # it was begun before
        if waits and (folder / RESULT).exists() and not is_locked(folder):
            _take(trial, folder)
            book.write()
            tell(trial)
            continue
        trial.state, trial.error = "running", ""
        book.write()
        if waits and is_locked(folder):
            running[trial.number] = trial, _Orphan(folder, trial, say)
        else:
            running[trial.number] = trial, _Run(folder, trial.options, words)
    begun = bool(running)  # else there was nothing more to run
    for number, (trial, run) in list(running.items()):
        if run.is_over():
            del running[number]
            if isinstance(run, _Orphan):
                trial.state = "running"
                waiting.insert(0, trial)  # for its result, or to go on from its checkpoint
                continue
            _read(trial, run)
            run.close()
            if trial.state == "failed" and is_locked(run.folder):  # by one that was begun before
                running[number] = trial, _Orphan(run.folder, trial, say)
                continue
            book.write()
            tell(trial)
    return begun


def _next(book: Book, waiting: list[Trial], propose: Callable[[], dict[str, str] | None]) -> Trial | None:
    if waiting:
        return waiting.pop(0)
    options = propose()
    if options is None:
        return None
    trial = Trial(len(book.trials), options)
    book.trials.append(trial)
    return trial


class _Run:
    """A process of vae-np train."""

    def __init__(self, folder: Path, options: Mapping[str, str], words: Sequence[str]) -> None:
        self.folder, self.begun = folder, time.monotonic()
        again = ["--resume"] if (folder / CONFIG).exists() else []
        given = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-m", "vae_np", "train", "--json", "--no-pictures", f"--out={folder}"]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        # in a session of its own: Ctrl-C is for us, who pass it on once
        self.process = subprocess.Popen(
            [*command, *again, *words, *given], stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True
        )

    def close(self) -> None:
        """Its errors are not asked for any more."""
        self.errors.close()

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def error(self) -> str:
        """Its last line on standard error."""
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return printable(lines[-1]).removeprefix("vae-np: error: ") if lines else "no word on standard error"

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        import signal

        with contextlib.suppress(OSError):
            self.process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)

    def end(self) -> None:
        """Wait until it has saved."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.close()


class _Orphan:
    """A run that another search has begun, which was killed: it is waited for, and neither stopped nor begun anew."""

    def __init__(self, folder: Path, trial: Trial, say: Callable[[str], object]) -> None:
        self.folder = folder
        trial.state, trial.error = "running", ""
        say(f"trial {trial.number}: its run goes on without the search that began it, and is waited for")

    def is_over(self) -> bool:
        """Whether its folder is free."""
        return not is_locked(self.folder)

    def interrupt(self) -> None:
        """It is not ours to stop."""

    end = interrupt


def _read(trial: Trial, run: _Run) -> None:
    """What came of it."""
    trial.seconds += time.monotonic() - run.begun
    code = run.process.returncode
    if code != 0:
        trial.state, trial.error = "failed", f"exit {code}: {run.error()}"
        return
    _take(trial, run.folder)


def _take(trial: Trial, folder: Path) -> None:
    """The result of a run that came to its end."""
    result = json.loads((folder / RESULT).read_text("utf-8"))
    trial.value = result.get(AIM)
    trial.told = {name: result[name] for name in TOLD if name in result}
    if trial.value is None:
        trial.state, trial.error = "failed", "its result has no validation ELBO: --split leaves no validation part"
    else:
        trial.state, trial.error = "done", ""


def rows(book: Book) -> Iterator[dict[str, Any]]:
    """All trials in their order, as rows of a table."""
    for trial in book.trials:
        yield {"trial": trial.number, "state": trial.state, **trial.options, AIM: trial.value, **trial.told,
               "seconds": round(trial.seconds, 3), "error": trial.error}  # fmt: skip
