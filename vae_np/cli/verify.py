"""vae-np verify."""

from __future__ import annotations

import argparse
from typing import Any

from vae_np.cli import output
from vae_np.cli.command import Command

COMMAND = Command(45, "grade a program's loss and sampler, and name its mistake", "--loss my_vae.py:loss_function")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add = parser.add_argument
    add("--loss", metavar="FILE.py:NAME", help="a function of output, x, mu and logvar, in any order")
    add("--sampler", metavar="FILE.py:NAME", help="a function, or Class.method, of mu and logvar, or of eps as well")
    add("--output", choices=["probabilities", "logits", "mean"], help="what the decoder puts out [by the loss's form]")
    add("--beta", type=float, metavar="B", help="the KL's weight that is meant [1]")
    add(
        "--arguments",
        type=lambda text: text.split(","),
        metavar="A,B,..",
        help="the loss's arguments in order: output,x,mu,logvar or sigma [by their names, or by trial]",
    )
    add("--allow", action="append", metavar="DIALECT", help="with --strict: accept this one")
    add("--strict", action="store_true", help="a dialect fails, too")
    add("--timeout", type=float, metavar="S", help="seconds for the program, its import included [60]")
    add("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np verify --loss my_vae.py:loss_function\n"
        "  vae-np verify --loss my_vae.py:loss_function --sampler my_vae.py:VAE.reparameterize\n\n"
        "exit codes: 0 right, perhaps in a dialect; 1 mistakes; 2 it could not be run"
    )


def run(args: argparse.Namespace) -> int:
    """Grade in a process of its own; print the report."""
    from vae_np.conformance.child import grade
    from vae_np.conformance.programs import split
    from vae_np.support.checks import positive

    given = vars(args)
    asked: dict[str, Any] = {name: given[name] for name in ("loss", "sampler") if name in given}
    if not asked:
        raise ValueError("nothing to verify: give --loss FILE.py:NAME, --sampler FILE.py:NAME, or both")
    for what in asked.values():
        split(what)
    timeout = positive("--timeout", given.get("timeout", 60.0))
    asked |= {name: given[name] for name in ("output", "beta", "arguments") if name in given}
    answer = grade(asked, timeout)
    allowed = given.get("allow", [])
    wrong = [
        finding["id"]
        for finding in answer["findings"]
        if finding["severity"] != "dialect" or ("strict" in given and finding["id"] not in allowed)
    ]
    if "json" in given:
        output.print_json({name: answer[name] for name in ("findings", "facts")} | {"ok": not wrong})
    else:
        print(answer["text"])
        if wrong and answer["ok"]:
            print(f"--strict: {', '.join(wrong)}")
    return 1 if wrong else 0
