"""The command line: argparse, and a file a command, which `command` finds.

Nothing heavy is imported before a command runs. The other files here serve several commands: common, output, runs and
run_folder, assemble, conditions, train_options, pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from vae_np import __version__
from vae_np.cli.command import commands, module_of
from vae_np.cli.output import one_line

__all__ = ["main"]

LISTS = {"--hidden": "widths", "--decoder-hidden": "widths", "--milestones": "epochs", "--split": "shares"}
"""Options that take several numbers, and what these are."""
NOTES = """\
'vae-np COMMAND --help' shows a command's options.
exit codes: 0 done, 1 a check failed (gradcheck, verify) or bits differ (reproduce), 2 an error (one line on standard
error), 130 interrupted, 143 and 129 after SIGTERM and SIGHUP
"""
SIGPIPE = 13
"""Its number; Windows has no such signal."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 with one line on standard error, or 130 after an interrupt (128 + the signal).

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; ``sys.argv`` if left out.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    before = warnings.formatwarning
    warnings.formatwarning = _warning_line  # type: ignore[assignment]
    try:
        code = _run(words)
        _flush()
        return code
    except BrokenPipeError as error:
        if error.filename is not None:  # that of --out
            print(f"vae-np: error: {one_line(error)}", file=sys.stderr)
            return 2
        _drop_output()  # the reader of our output has gone, as `head` does
        return 128 + SIGPIPE
    except KeyboardInterrupt as interrupt:
        number = signal.Signals(getattr(interrupt, "number", signal.SIGINT))  # of a run that SIGTERM has ended, say
        how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        with contextlib.suppress(OSError):  # a terminal that has gone, which SIGHUP tells
            print(f"vae-np: {how}{f'; {interrupt}' if str(interrupt) else ''}", file=sys.stderr, flush=True)
        return 128 + number
    except (ValueError, TypeError, OSError, ImportError, FloatingPointError, OverflowError, MemoryError) as error:
        print(f"vae-np: error: {one_line(error)}", file=sys.stderr)
        return 2
    finally:
        warnings.formatwarning = before


def _warning_line(message: Warning | str, *rest: Any) -> str:
    """A warning as one line, without the place in the code that gave it."""
    return f"vae-np: warning: {' '.join(str(message).split())}\n"


def _run(words: list[str]) -> int:
    """Parse and dispatch."""
    parser = argparse.ArgumentParser(
        prog="vae-np",
        usage="vae-np [-h] [--version] COMMAND ...",
        description="Train, evaluate and use variational autoencoders on a CPU.",
        formatter_class=_Help,
        epilog=f"{_examples()}\n\n{NOTES}",
    )
    parser.add_argument("--version", action="version", version=f"vae-np {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND [...]", required=True, prog="vae-np")
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, command in commands().items():
        sub = subparsers.add_parser(
            name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            formatter_class=_Help,
            argument_default=argparse.SUPPRESS,
        )
        if name == wanted:
            module_of(name).add_arguments(sub)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    args, unknown = parser.parse_known_args(words)
    if unknown:  # which argparse leaves to the outer parser, whose usage has no option of the command's
        subparsers.choices[args.command].error(f"unrecognized arguments: {' '.join(unknown)}{_commas(words)}")
    code: int = module_of(args.command).run(args)
    return code


def _examples() -> str:
    """A use of each command."""
    uses = [(f"vae-np {name} {command.example}", command.remark) for name, command in commands().items()]
    return "\n".join(["examples:", *(f"  {use:<46} {remark}".rstrip() for use, remark in uses)])


def _commas(words: list[str]) -> str:
    """The hint for the list of an option that was given with blanks, as in --hidden 200 100."""
    for i, word in enumerate(words):
        flag, _, first = word.partition("=")
        if flag in LISTS:
            rest = [first] * bool(first) + list(itertools.takewhile(_numeric, words[i + 1 :]))
            if len(rest) > 1:
                return f"; {LISTS[flag]} take commas: {flag} {','.join(rest)}"
    return ""


def _numeric(word: str) -> bool:
    """Whether a word is a number or numbers with commas."""
    return word.replace(",", "").replace(".", "").isdecimal()


class _Help(argparse.RawDescriptionHelpFormatter):
    """Examples as they are written, and room for the longer options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


def _open_streams() -> None:
    """Standard streams that were closed, as by >&-, lead nowhere; else the next file opened would be taken for one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _flush() -> None:
    """Write out what was printed, while an error can still be told."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise OSError(error.errno, error.strerror, "standard output") from None


def _drop_output() -> None:
    """Send what is left in the buffer nowhere: Python would stumble over it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
