"""vae-np bench."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from vae_np.cli import assemble, common, output
from vae_np.cli.bars import StageBar
from vae_np.cli.command import Command
from vae_np.cli.train_options import DEFAULTS

if TYPE_CHECKING:
    from vae_np.bench.measure import Case, Result

COMMAND = Command(70, "time training steps on this machine", "--hidden 500,500 --batch-size 256")
SIZES = ("features", "hidden", "latent", "batch_size", "samples")
"""Options any of which asks for a network of the user's own; the others are then as `vae-np train` has them."""
FEATURES = 784
NETWORK = {"features": FEATURES, "hidden": [400], "latent": 20, "activation": "tanh", "likelihood": "bernoulli"}
"""What is not given of a network: always the same, whatever train's defaults become."""
COLUMNS = {
    "threads": 8,
    "step": 8,
    "products": 9,
    "step/products": 14,
    "numpy/step": 11,
    "examples/s": 11,
    "GFLOP/s": 8,
    "first": 7,
    "MB": 7,
    "spread": 7,
}
"""And their widths."""
LEGEND = """\

step         forward, backward and Adam on compiled kernels: the median, in milliseconds
products     its matrix products alone, in NumPy, dense; the step leaves out zeros of sparse data
numpy        the step on the formulas, as with --backend numpy in training
examples/s   of the step
GFLOP/s      10^9 operations a second, of the products
first        milliseconds of the first step, with compiling or loading compiled code if need be
MB           parameters, gradient, Adam's moments and buffers
spread       between the quartiles of the times, at worst; large where other programs run"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add = parser.add_argument_group("the network [three networks of different sizes]").add_argument
    add("--features", type=int, metavar="D", help=f"[{FEATURES}]")
    add("--hidden", type=common.integers, metavar="H,H", help="widths of the encoder's hidden layers, or none [400]")
    add("--latent", type=int, metavar="K", help="latent dimensions [20]")
    add("--batch-size", type=int, metavar="N", help="[64]")
    add("--samples", type=int, metavar="S", help="samples of the posterior for each example [1]")
    add("--activation", metavar="NAME", help="as for train [tanh]")
    add("--likelihood", metavar="NAME", help="as for train; its data are grey unless it is bernoulli [bernoulli]")
    add("--sigma", type=common.number_or_word, metavar="SIGMA", help="of the gaussian, as for train [1]")
    add = parser.add_argument_group("the measurement").add_argument
    add("--density", type=float, metavar="P", help="the share of ones in the bernoulli's data [0.13, as in digits]")
    add("--dtype", choices=["float32", "float64", "both"], help="[both]")
    add("--threads", type=int, metavar="N", help="of the step and of NumPy's BLAS [what each thinks best]")
    add("--seconds", type=float, metavar="S", help="of each measurement, three for each network and dtype [0.7]")
    parser.add_argument("--json", action="store_true", help="print one JSON object, and no progress")
    parser.epilog = (
        "examples:\n  vae-np bench\n"
        "  vae-np bench --features 2000 --hidden 1024 --latent 64 --batch-size 512 --dtype float32\n"
        "  vae-np bench --threads 1 --json\n" + LEGEND
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print, each result as soon as it is there; after an interrupt those that are."""
    from vae_np.bench import measure as bench
    from vae_np.bench.share import warning
    from vae_np.support.checks import positive

    given = vars(args)
    quiet = "json" in given
    cases, seconds = _cases(given), positive("--seconds", given.get("seconds", 0.7))
    facts = bench.facts(given.get("threads"))
    width = max(len(str(case)) for case in cases)
    if not quiet:
        print(_heading(facts, cases[0], width), flush=True)
    results: list[Result] = []
    bar = StageBar(bench.STAGES * len(cases), shown=not quiet)
    interrupt = None
    try:
        for case in cases:
            bar.name(f"{case}, {case.dtype} ")
            results.append(bench.measure(case, seconds, bar.move))
            if not quiet:
                bar.say(_row(results[-1], width))
    except KeyboardInterrupt:
        interrupt = KeyboardInterrupt(f"{len(results)} of {len(cases)} measured")
    finally:
        bar.close()
    if quiet:
        found = [result.to_dict() for result in results]
        output.print_json(
            {"machine": facts, "seconds": seconds, "interrupted": interrupt is not None, "results": found}
        )
    if results and (told := warning(min(result.share for result in results))) and not quiet:
        print(f"vae-np: warning: {told}", file=sys.stderr)
    if interrupt is not None:
        raise interrupt
    return 0


def _cases(given: dict[str, Any]) -> list[Case]:
    """The user's network or those by default, in each dtype; all are checked before the first is measured."""
    from vae_np.bench import measure as bench

    options = DEFAULTS | NETWORK | given
    if "density" in given and options["likelihood"] != "bernoulli":
        raise ValueError(f"--density belongs to --likelihood bernoulli; the likelihood is {options['likelihood']}")
    how: dict[str, Any] = {name: options[name] for name in ("activation", "threads", "density") if name in options}
    how["likelihood"] = assemble.likelihood(options)
    dtype = given.get("dtype", "both")
    dtypes = ("float32", "float64") if dtype == "both" else (dtype,)
    if any(name in given for name in SIZES):
        features, hidden, latent, batch, samples = (options[name] for name in SIZES)
        return [bench.Case(features, tuple(hidden), latent, batch, samples, dtype=dtype, **how) for dtype in dtypes]
    cases = [bench.default_cases(dtype=dtype, **how) for dtype in dtypes]
    return [case for both in zip(*cases, strict=True) for case in both]


def _heading(facts: dict[str, Any], case: Case, width: int) -> str:
    """The machine, the models, and the table's first line."""
    versions, blas = facts["versions"], facts["blas"]
    memory = "" if facts["memory"] is None else f", {facts['memory'] / 1e9:.1f} GB"
    packages = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "numba": "Numba", "vae_np": "vae_np"}
    data = f"{case.density:.0%} of the data 1" if case.likelihood.name == "bernoulli" else "grey data"
    columns = "".join(f"{name:>{room}}" for name, room in COLUMNS.items())
    return "\n".join(
        [
            f"{facts['cpu']}, {facts['cores']} of {facts['cores_in_all']} cores{memory}; {facts['system']}",
            ", ".join(f"{shown} {versions[name]}" for name, shown in packages.items()),
            f"NumPy's BLAS: {_library(blas['numpy'])}",
            "the JIT is on" if facts["jit"] else "THE JIT IS OFF: the step is plain Python",
            f"{case.activation}, {case.likelihood!r}, {data}; times in milliseconds",
            f"\n{'':{width}} {'':7}{columns}",
        ]
    )


def _library(blas: dict[str, Any]) -> str:
    """A BLAS in words."""
    kernels = "" if blas["kernels"] is None else f" for {blas['kernels']}"
    threads = "an unknown number of" if blas["threads"] is None else blas["threads"]
    return f"{blas['name'] or 'unknown'} {blas['version'] or ''}{kernels}, {threads} thread{'s' * (threads != 1)}"


def _row(result: Result, width: int) -> str:
    """A result's line in the table."""
    r = result
    cells = [
        str(r.threads),
        f"{r.step.median:.3f}",
        f"{r.products.median:.3f}",
        f"{r.step_over_products:.2f}",
        f"{r.numpy_over_step:.1f}",
        f"{r.examples_per_second:.0f}",
        f"{r.gflops:.1f}",
        f"{r.first_step:.0f}",
        f"{r.memory / 1e6:.1f}",
        f"{r.spread:.0%}",
    ]
    columns = "".join(f"{cell:>{room}}" for cell, room in zip(cells, COLUMNS.values(), strict=True))
    return f"{r.case!s:{width}} {r.case.dtype}{columns}"
