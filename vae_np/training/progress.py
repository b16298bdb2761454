"""How a long run shows itself: a bar on a terminal, a line an epoch in a log, or nothing."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

__all__ = ["Bar", "Lines", "Reporter", "Silent", "choose_reporter", "epoch_line"]


WAITED = 2.0
"""Seconds from which on the first step is said to wait for the compiler: what is on the disk is loaded in less."""
COMPILING = "compiling kernels that are not on the disk yet (a minute or so); the first step waits for it"


class Reporter(Protocol):
    """What a trainer tells."""

    def start(self, epochs: int, steps: int, done: int) -> None:
        """The run has so many epochs and steps, of which ``done`` steps lie behind."""

    def step(self, epoch: int, elbo: float) -> None:
        """One step is done, in epoch number ``epoch``, whose ELBO so far is this."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """One epoch is done."""

    def close(self) -> None:
        """The run has ended, one way or another."""


class Silent:
    """Says nothing."""

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Say nothing."""

    def step(self, epoch: int, elbo: float) -> None:
        """Say nothing."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class _FirstStep:
    """Says once that the first step waits for the compiler, if it does for `WAITED` seconds."""

    def __init__(self, say: Callable[[], None]) -> None:
        self.began, self.told, self._ended = time.monotonic(), False, False
        self._say, self._lock = say, threading.Lock()
        self._timer = threading.Timer(WAITED, self._tell)
        self._timer.daemon = True
        self._timer.start()

    def _tell(self) -> None:
        with self._lock:  # the step may end at this moment
            if not self._ended:
                self.told = True
                self._say()

    def ended(self) -> float | None:
        """The seconds since the start, where it was said; nothing is after this."""
        with self._lock:
            self._ended = True
        self._timer.cancel()
        return time.monotonic() - self.began if self.told else None


class Lines(Silent):
    """A plain line an epoch, for a log; and where kernels are compiled first, a word on that."""

    def __init__(self, stream: TextIO | None = None, compiling: bool = False) -> None:
        self.stream, self.epochs = stream or sys.stderr, 0
        self.compiling = compiling
        self.first: _FirstStep | None = None

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Remember how many epochs there are."""
        self.epochs = epochs
        if self.compiling and done < steps:
            self.first = _FirstStep(lambda: print(COMPILING, file=self.stream, flush=True))

    def step(self, epoch: int, elbo: float) -> None:
        """After the first one, how long the compiler took, if it was said that it is at work."""
        if self.first is not None:
            took, self.first = self.first.ended(), None
            if took is not None:
                print(f"the first step came after {took:.1f} s", file=self.stream, flush=True)

    def close(self) -> None:
        """Say nothing more, also where no step was taken."""
        if self.first is not None:
            self.first.ended()

    def epoch(self, row: Mapping[str, float]) -> None:
        """Print the epoch's line."""
        print(epoch_line(row, self.epochs), file=self.stream, flush=True)


class Bar(Silent):
    """A tqdm bar over all steps, in one line of 80 columns: epoch, share, time gone and left, ELBO, validation ELBO."""

    FORMAT = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"

    def __init__(self, stream: TextIO | None = None, compiling: bool = False) -> None:
        self.stream, self.epochs = stream or sys.stderr, 0
        self.bar: Any = None
        self.note, self.compiling = "", compiling
        self.first: _FirstStep | None = None

    def start(self, epochs: int, steps: int, done: int) -> None:
        """Draw the bar."""
        from tqdm import tqdm

        self.epochs = epochs
        self.bar = tqdm(
            total=steps,
            initial=done,
            desc=f"epoch {done * epochs // max(1, steps) + (done < steps)}/{epochs} ",
            file=self.stream,
            mininterval=0.1,
            dynamic_ncols=True,
            bar_format=self.FORMAT,
        )
        if self.compiling and done < steps:
            self.first = _FirstStep(lambda: self.bar.set_postfix_str("compiling, the first step waits for it"))

    def step(self, epoch: int, elbo: float) -> None:
        """Move the bar; tqdm draws it ten times a second at most."""
        # set directly: the methods of tqdm that do it cost more than the rest of this line
        if self.first is not None:
            took, self.first = self.first.ended(), None
            self.note = "" if took is None else f", compiled in {took:.1f} s"
        self.bar.desc = f"epoch {epoch}/{self.epochs} "
        self.bar.postfix = f"ELBO {elbo:.2f}{self.note}"
        self.bar.update()

    def epoch(self, row: Mapping[str, float]) -> None:
        """Keep the validation ELBO beside the bar."""
        validation = row["validation_elbo"]
        self.note = "" if math.isnan(validation) else f", validation {validation:.2f}"
        self.bar.postfix = f"ELBO {row['elbo']:.2f}{self.note}"

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.first is not None:
            self.first.ended()
        if self.bar is not None:
            self.bar.close()


def epoch_line(row: Mapping[str, float], epochs: int) -> str:
    """An epoch in one line."""
    validation = "" if math.isnan(row["validation_elbo"]) else f"  validation {row['validation_elbo']:.3f}"
    return (
        f"epoch {int(row['epoch'])}/{epochs}  ELBO {row['elbo']:.3f}  log-likelihood {row['log_likelihood']:.3f}"
        f"  KL {row['kl']:.3f}{validation}  active {int(row['active_units'])}  {row['seconds']:.2f} s"
    )


def choose_reporter(progress: bool | Reporter | None, compiling: bool = False) -> Reporter:
    """None: a bar if standard error is a terminal, else nothing; True: lines where there is no terminal or no tqdm."""
    if progress is False:
        return Silent()
    if progress is None or progress is True:
        if sys.stderr is None:  # closed, or a program without a console
            return Silent()
        is_terminal = getattr(sys.stderr, "isatty", None)
        if is_terminal is not None and is_terminal():
            try:
                import tqdm  # noqa: F401
            except ImportError:
                return Lines(compiling=compiling)
            return Bar(compiling=compiling)
        return Lines(compiling=compiling) if progress else Silent()
    return progress
