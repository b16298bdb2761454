"""vae-np reproduce."""

from __future__ import annotations

import argparse
from typing import Any

from vae_np.cli import output
from vae_np.cli.command import Command

COMMAND = Command(85, "whether this machine finds the same bits as every other", "", "trains small models, compares")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add = parser.add_argument
    add("--all", action="store_true", help="all cases, not only the usual ones")
    add("--threads", type=int, metavar="N", help="of each step [what the sizes are worth]")
    add("--json", action="store_true", help="print one JSON object, with the machine and the versions")
    parser.epilog = (
        "examples:\n  vae-np reproduce\n  vae-np reproduce --all --threads 2\n\n"
        "Each case is a small model that is trained for 50 steps. Its parameters have the SHA-256 that\n"
        "stands in the package, or the first stage of a step that differs is named; the exit code is then 1.\n"
        "Where nothing is compiled yet it takes some minutes, later some seconds."
    )


def run(args: argparse.Namespace) -> int:
    """Train, compare, and print a line a case that differs, and how many are the same."""
    from vae_np.reproduction import reproduce, target
    from vae_np.reproduction.cases import CASES
    from vae_np.reproduction.comparison import DEFAULT
    from vae_np.support import machine

    given = vars(args)
    names = list(CASES) if "all" in given else list(DEFAULT)
    threads = given.get("threads")
    facts, outcomes = machine.facts() | {"compiled_for": target(), "threads": threads}, []
    for outcome in reproduce(names, threads):
        outcomes.append(outcome)
        if "json" not in given:
            verdict = "the same bits" if outcome.differs is None else f"DIFFERS, first in: {outcome.differs}"
            print(f"{outcome.case:<48} {verdict}", flush=True)
    same = sum(outcome.differs is None for outcome in outcomes)
    if "json" in given:
        output.print_json({"facts": facts, "same": same, "cases": {o.case: o.differs for o in outcomes}})
    else:
        print(f"\nsame bits: {same} of {len(outcomes)} on this machine ({_about(facts)})")
    return 0 if same == len(outcomes) else 1


def _about(facts: dict[str, Any]) -> str:
    versions = facts["versions"]
    packages = ", ".join(f"{name} {versions[name]}" for name in ("vae_np", "numba", "numpy", "python"))
    threads = "" if facts["threads"] is None else f"; threads={facts['threads']}"
    return f"{facts['cpu']}, compiled for {facts['compiled_for']}{threads}; {facts['system']}; {packages}"
