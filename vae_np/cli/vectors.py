"""vae-np vectors."""

from __future__ import annotations

import argparse

from vae_np.cli import output
from vae_np.cli.command import Command

COMMAND = Command(60, "write the conformance vectors, for a client in any language", "--out vectors")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--out", metavar="DIR", help="the folder [vectors]")
    parser.add_argument("--format", choices=["json", "npz"], help="npz: a file a case, arrays by their names [json]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np vectors --out vectors\n"
        "  vae-np vectors --out vectors --format npz\n\n"
        "what is in them, and how to read them: FORMAT.md, which is written beside them"
    )


def run(args: argparse.Namespace) -> int:
    """Write the files, each atomically."""
    from vae_np.conformance.export import export

    given = vars(args)
    folder = given.get("out", "vectors")
    files = export(folder, given.get("format", "json"))
    if "json" in given:
        output.print_json({"out": folder, "files": [file.name for file in files]})
    else:
        print(f"{len(files)} files in {folder}; FORMAT.md says what is in them")
    return 0
