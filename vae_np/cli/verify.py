"""vae-np verify."""

from __future__ import annotations

import argparse
from typing import Any

from vae_np.cli import output, verify_ways
from vae_np.cli.command import Command

COMMAND = Command(45, "grade a program, and name its mistake", "--loss my_vae.py:loss_function")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add = parser.add_argument_group("a model").add_argument
    add("model", nargs="?", metavar="FILE.py:VAE", help="a class, an object, or a function that returns one")
    add("--init", metavar="A=B,..", help='the model\'s arguments, "input_dim=784,latent_dim=20" say [guessed]')
    add("--optimizer", metavar="FILE.py:NAME", help="a function of its parameters [Adam, 0.001]")

    add = parser.add_argument_group("a loss and a sampler, alone or with a model").add_argument
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

    add = parser.add_argument_group("the conformance vectors").add_argument
    add("--cmd", metavar="COMMAND", help="a program that answers lines of JSON by lines of JSON")
    add("--python", metavar="M:F", help="a function of a case: module:function or FILE.py:NAME")
    add("--outputs", metavar="DIR", help="answers that are there already: DIR/CASE.json or .npz")
    add("--kind", action="append", metavar="KIND", help="only model, kl, reparameterise, likelihood, ... (repeatable)")
    add("--case", action="append", metavar="ID", help="only this case, or of --kind this one too (repeatable)")
    add("--dtype", choices=["float64", "float32"], help="what the program computes in [float64]")

    add = parser.add_argument_group("the catalogue").add_argument
    add("--list-mistakes", action="store_true", help="print it: every known mistake and dialect")
    add("--explain", metavar="ID", help="one of them: the right line and the wrong one, and the derivation")

    add = parser.add_argument
    add(
        "--allow",
        action="append",
        metavar="ID",
        help="accept a mistake of severity M or L, or with --strict a dialect (repeatable)",
    )
    add("--strict", action="store_true", help="a dialect fails, too")
    add(
        "--timeout",
        type=float,
        metavar="S",
        help="seconds for the program, or for each case, its start included [60, a model 300]",
    )
    add("--junit", metavar="FILE", help="write the report as JUnit's XML, too")
    add("--markdown", metavar="FILE", help="write the report as a Markdown table, too")
    add("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np verify my_vae.py:VAE --loss my_vae.py:loss_function\n"
        "  vae-np verify --loss my_vae.py:loss_function\n"
        "  vae-np verify --loss my_vae.py:loss_function --sampler my_vae.py:VAE.reparameterize\n"
        "  vae-np verify --cmd ./my_vae --kind model --junit report.xml\n"
        "  vae-np verify --python my_vae.py:stages --case kl-ordinary\n"
        "  vae-np verify --outputs answers --markdown report.md\n"
        "  vae-np verify --explain std-is-variance\n\n"
        "exit codes: 0 right, perhaps in a dialect; 1 mistakes; 2 it could not be run"
    )


def run(args: argparse.Namespace) -> int:
    """Grade in a process of its own; print the report, and write it to files; or print the catalogue."""
    given = vars(args)
    try:
        return _run(given)
    except (ValueError, OSError) as error:
        if "json" in given:  # who reads that reads no standard error
            output.print_json({"ok": False, "error": output.one_line(error)})
        raise


def _run(given: dict[str, Any]) -> int:
    if "explain" in given or "list_mistakes" in given:
        verify_ways.catalogue(given)
        return 0
    way = verify_ways.way_of(given)
    verify_ways.check_files(given)
    try:
        return verify_ways.verify(way, given)
    except (ValueError, OSError) as error:
        from vae_np.conformance.reports import of_error

        said = output.one_line(error)  # before the name is gone
        verify_ways.write_files(given, lambda: of_error(verify_ways.called(way, given), said))
        raise
