"""The bar of a command that has stages, as bench and evaluate have; that of training is in training/progress.py."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

__all__ = ["StageBar"]


class StageBar:
    """A tqdm bar where standard error is a terminal, which goes when all is done; else nothing."""

    def __init__(self, total: int, shown: bool) -> None:
        self.bar: Any = None
        if shown and sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                from tqdm import tqdm

                form = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
                self.bar = tqdm(total=total, file=sys.stderr, leave=False, dynamic_ncols=True, bar_format=form)

    def name(self, text: str) -> None:
        """What is under way."""
        if self.bar is not None:
            self.bar.set_description_str(text)

    def move(self) -> None:
        """One stage is done."""
        if self.bar is not None:
            self.bar.update()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self.bar is not None:
            self.bar.clear()
        print(line, flush=True)
        if self.bar is not None:
            self.bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
