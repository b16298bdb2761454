"""The command line: argparse, and a file a command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from vae_np import __version__

__all__ = ["main"]

COMMANDS = {
    "train": "train a model and draw the pictures",
    "evaluate": "ELBO and log-evidence of a model on data",
    "sample": "draw from a model",
    "reconstruct": "send data through encoder and decoder",
    "encode": "posterior means and log-variances of data",
    "gradcheck": "check a model's gradients by two independent methods",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 with one line on standard error, or 130 after an interrupt.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; ``sys.argv`` if left out.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt as interrupt:
        print(f"vae-np: interrupted{f'; {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, TypeError, OSError, ImportError, FloatingPointError, MemoryError) as error:
        print(f"vae-np: error: {_one_line(error)}", file=sys.stderr)
        return 2


def _run(words: list[str]) -> int:
    """Parse and dispatch. Only the command that is asked for is imported, so that --help is quick."""
    parser = argparse.ArgumentParser(
        prog="vae-np",
        description="Train, evaluate and use variational autoencoders on a CPU.",
        epilog="'vae-np COMMAND --help' shows a command's options and examples. Example:  vae-np train --epochs 20",
    )
    parser.add_argument("--version", action="version", version=f"vae-np {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
        )
        if name == wanted:
            importlib.import_module(f"vae_np.cli.{name}").add_arguments(sub)
    args = parser.parse_args(words)
    code: int = importlib.import_module(f"vae_np.cli.{args.command}").run(args)
    return code


def _one_line(error: BaseException) -> str:
    """An error's text on one line; one without a text by its name, the system's with its file."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
