"""What the scripts' command lines share: errors of one line, and files that can be written, checked beforehand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from vae_np.plots.canvas import require_matplotlib

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """Its description is a script's docstring; errors are one line and exit code 2."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")

    def check_files(self, json: str | None, picture: str | None = None) -> None:
        """An error where one of these could not be written when all is measured."""
        for file in filter(None, (json, picture)):
            if not Path(file).absolute().parent.is_dir():
                self.error(f"{Path(file).parent} is not a folder")
            if Path(file).is_dir():
                self.error(f"{file} is a folder")
        if picture:
            if not picture.lower().endswith(".png"):
                self.error(f"--picture must end in .png; got {picture!r}")
            try:
                require_matplotlib()
            except ImportError as error:
                self.error(f"--picture: {error}")
