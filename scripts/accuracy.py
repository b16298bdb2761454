"""The accuracy table: the worst error of every formula and every compiled kernel, in ULP, and where it occurred.

    python scripts/accuracy.py                  print the table
    python scripts/accuracy.py --write [FILE]   replace what stands between the accuracy markers of docs/accuracy.md
    python scripts/accuracy.py --quick          a tenth of the points, for CI

and two more tables: the likelihoods of tables, whose x are no number of an interval, and by how much sums of very many
terms miss, in kernels and formulas.

The exact values are those of the tests' oracle (tests/oracles, 50 digits); the points are those of
tests/strategies.py for one seed: all magnitudes of the dtype, denser where formulas change their case; from the worst
of them the search goes uphill (scripts/worst.py). 1 ULP is the distance of neighbouring numbers at the exact value or,
where noted, at the sum of the absolute terms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "kernels"))

from quantities import BY_NAME, Finding, Quantity, measure, targets
from quantities.tables import TABLE_ROWS
from worst import dense, search

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
BEGIN, END = "<!-- accuracy:begin -->", "<!-- accuracy:end -->"
SEED = 20131220
POINTS, QUICK = 3000, 300
FLOATS = (np.float64, np.float32)
NONE = "–"
LENGTHS = (784, 12_288, 196_608)
"""Features of MNIST, of 64x64 and of 256x256 pixels in three colours; or as many rows."""


def kernels_of(quantity: Quantity) -> tuple[Callable[..., np.ndarray], ...]:
    """The compiled functions that compute the quantity: the elementary one, and those that fuse it; perhaps none."""
    try:
        from fused import FUSED, elementary_loop
    except ImportError:  # no numba
        return ()
    elementary = (elementary_loop(quantity.kernel),) if quantity.kernel else ()
    return elementary + FUSED.get(quantity.name, ())


def cell(finding: Finding) -> str:
    """The error, and the arguments where there is one."""
    if finding.error == 0:
        return "0"
    return f"{finding.error:.2f} at {', '.join(f'{v:.4g}' for v in finding.where)}"


def row(quantity: Quantity, n: int) -> str:
    """One line of the table: the formula and the worst of its kernels in both precisions, at the same points."""
    compiled = kernels_of(quantity)
    formulas, kernels, count = [], [], 0
    for dtype in FLOATS:
        points = dense(quantity.points(dtype, n, SEED), n // 2, SEED)
        exact = targets(quantity, points)
        found = [search(function, quantity, points, exact, SEED) for function in compiled]
        formula = search(quantity.formula, quantity, points, exact, SEED) if quantity.formula else None
        formulas.append(cell(formula) if formula else NONE)
        kernels.append(cell(max(found, key=lambda finding: finding.error)) if found else NONE)
        count += sum(finding.n for finding in [*found, *([formula] if formula else [])])
    return " | ".join([f"| {quantity.name.replace('|', '/')}", *formulas, *kernels, f"{count:,}", f"{quantity.note} |"])


def table(n: int) -> str:
    """The Markdown table and what it states."""
    head = "| quantity | formula f64 | formula f32 | kernel f64 | kernel f32 | points | |"
    lines = [
        "Worst error in ULP against 50-digit arithmetic, and the arguments at which it occurred, of a search: about",
        f"{n} points of all magnitudes (seed {SEED}), half as many close to the thresholds of formulas and kernels,",
        "and then uphill from the worst of them; `points` are all that were tried, over functions and precisions. The",
        "maximum over all numbers may be larger, and is where an intermediate result is subnormal. `formula` is the",
        "NumPy function, `kernel` the compiled one (the worst of several); the kernels take log q(z) from the noise,",
        "not from z. ULP are of the exact value unless the last column says otherwise.",
        "Made by `python scripts/accuracy.py --write docs/accuracy.md`.",
        "",
        head,
        "|---|---|---|---|---|---|---|",
    ]
    for quantity in BY_NAME.values():
        lines.append(row(quantity, n))
        print(quantity.name, file=sys.stderr)
    return "\n".join(lines)


def likelihoods_table(n: int) -> str:
    """The Markdown table of the likelihoods of counts, measurements and levels, without a search uphill."""
    lines = [
        "## Likelihoods of tables",
        "",
        "Worst error in ULP of the size of the terms, against 50-digit arithmetic, and the arguments (x, what the",
        f"decoder puts out, the log of a dispersion) at which it occurred, of {n} points each. These have no kernels.",
        "",
        "| quantity | f64 | f32 |",
        "|---|---|---|",
    ]
    for quantity in TABLE_ROWS:
        found = [measure(quantity.formula, quantity, quantity.points(dtype, n, SEED)) for dtype in FLOATS]
        lines.append(f"| {quantity.name} | {' | '.join(map(cell, found))} |")
        print(quantity.name, file=sys.stderr)
    return "\n".join(lines)


def sums_table() -> str:
    """The Markdown table of long sums."""
    from long_sums import FEATURES, ROWS

    from vae_np.kernels.loops import sums

    head = "".join(f" n = {n:,}, f64 | f32 |" for n in LENGTHS)
    lines = [
        "## Long sums",
        "",
        "By how much sums of n equal terms t miss: abs(found - sum t) / sum abs(t), in u = 2^-53 (float64) or 2^-24",
        f"(float32). A kernel adds blocks of {sums.BLOCK} features or {sums.ROWS} rows in the model's precision,",
        "and the blocks in float64 with what rounding loses: whatever n, it misses by at most",
        f"{sums.BLOCK - 1} u or {sums.ROWS - 1} u, and u where the result is rounded. Formulas add by pairs,",
        "or 64 rows at a time. Not among these are the sums inside matrix products, chains of fused",
        "multiply-adds, whose error grows with their length.",
        "",
        f"| sum |{head}",
        "|---" * (1 + 2 * len(LENGTHS)) + "|",
    ]
    for name, error in (FEATURES | ROWS).items():
        found = (error(dtype, n) * 2 / np.finfo(dtype).eps for n in LENGTHS for dtype in (np.float64, np.float32))
        lines.append(f"| {name} | {' | '.join(f'{u:.1f}' for u in found)} |")
        print(name, file=sys.stderr)
    return "\n".join(lines)


def replace_between_markers(text: str, new: str) -> str:
    """The text with ``new`` between the two markers; ``ValueError`` unless each stands there once, in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the file must hold {BEGIN} and then {END}, once each")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


def main(argv: list[str] | None = None) -> int:
    """Print the table, or write it into a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write",
        metavar="FILE",
        type=Path,
        nargs="?",
        const=PAGE,
        help="replace the text between the accuracy markers [docs/accuracy.md]",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} points for {POINTS}")
    arguments = parser.parse_args(argv)
    if arguments.write:
        try:
            replace_between_markers(arguments.write.read_text(encoding="utf-8"), "")
        except (OSError, ValueError) as error:
            print(f"accuracy: {arguments.write}: {error}", file=sys.stderr)
            return 2
    n = QUICK if arguments.quick else POINTS
    made = "\n\n".join([table(n), likelihoods_table(n), sums_table()])
    if arguments.write:
        text = arguments.write.read_text(encoding="utf-8")
        arguments.write.write_text(replace_between_markers(text, made), encoding="utf-8")
    else:
        print(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
