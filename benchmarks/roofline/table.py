"""Times every case beside its limit and its formula, and writes the tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from timing import Call, medians

from roofline import instructions
from roofline.cases import Case
from roofline.counts import ELEMENTARY, elementary
from roofline.limits import Limits, probes
from roofline.loops import loops
from roofline.products import DENSITIES, SPARSE, TYPICAL, dense_calls, products, sparse_cases
from vae_np.kernels.compiler.decorators import kernel
from vae_np.kernels.loops.sparse_products import DENSE

__all__ = ["crossover", "make_cases", "measure", "operations", "result", "speeds", "table"]

NOTHING, FORMULA, PLAIN = "nothing beside ", "formula of ", "dense "

LEAST = 1e-5
"""Milliseconds: a tick of the clock."""


def label(case: Case) -> str:
    """Name and size."""
    return f"{case.name}, {case.size}"


def make_cases(dtype: str, only: str) -> list[Case]:
    """The lines of the main table whose name or size has ``only`` in it."""
    cases = [*loops(dtype), *products(dtype), *sparse_cases(dtype, TYPICAL)]
    return [case for case in cases if only in label(case)]


@kernel
def _nothing(*arguments: Any) -> None:
    return


def measure(cases: list[Case], dtype: str, seconds: float, densities: bool) -> dict[str, float]:
    """Medians of all, in the same rounds: kernels, formulas, what the machine can do, sparse products beside dense.

    From what is compiled the time is taken off that its call from Python takes, as no kernel is called in a step.
    """
    calls: dict[str, Call] = {label(case): case.call for case in cases} | probes([case.work for case in cases], dtype)
    calls |= instructions.calls(dtype)
    if densities:
        calls |= {PLAIN + name: call for name, call in dense_calls(dtype).items()}
        calls |= {label(case): case.call for density in DENSITIES for case in sparse_cases(dtype, density)}
    empty = {NOTHING + name: partial(_nothing, *call.args) for name, call in calls.items() if isinstance(call, partial)}
    formulas = {FORMULA + label(case): case.formula for case in cases}
    found = medians(calls | empty | formulas, seconds, {label(case): case.before for case in cases if case.before})
    called = {name.removeprefix(NOTHING): found.pop(name) for name in empty}
    return {name: max(time - called.get(name, 0), LEAST) for name, time in found.items()}


def operations(limits: Limits) -> Iterator[str]:
    """What an elementary function is counted as, and what its loop is made of."""
    yield "| function | operations | divisions | instructions a vector | of them in a cycle |"
    yield "|---|---:|---:|---:|---:|"
    for name in ELEMENTARY:
        count, divisions = elementary(name, limits.dtype)
        found = instructions.vector_instructions(name, limits.dtype)
        cells = f"{found:.0f} | {instructions.in_a_cycle(name, found, limits):.1f}" if found else "– | –"
        yield f"| {name} | {count} | {divisions} | {cells} |"


def speeds(limits: Limits) -> Iterator[str]:
    """What the machine was found to do."""
    found = {
        "multiplications and additions": limits.operations(),
        "the same in float64": limits.operations("float64"),
        "those of a product's inner loop": limits.tiles(),
        "divisions": limits.divisions(),
    }
    yield from (f"- {name}: {value / 1e9:.1f} thousand million a second" for name, value in found.items())


def result(case: Case, limits: Limits) -> dict[str, Any]:
    """A line of the main table, JSON-able; times in milliseconds."""
    limit, by = limits.of(case.work)
    time, formula = limits.found[label(case)], limits.found[FORMULA + label(case)]
    return {"kernel": case.name, "size": case.size, "time": time, "limit": limit, "limited by": by,
            "fraction": limit / time, "formula / kernel": formula / time,
            "bandwidth": limits.bandwidth(case.work), **case.work._asdict()}  # fmt: skip


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """Every kernel beside its limit."""
    yield "| kernel | size | time, µs | limit, µs | limited by | limit / time | NumPy / kernel |"
    yield "|---|---|---:|---:|---|---:|---:|"
    for r in results:
        times = f"{1e3 * r['time']:.1f} | {1e3 * r['limit']:.1f} | {r['limited by']}"
        yield f"| {r['kernel']} | {r['size']} | {times} | {r['fraction']:.2f} | {r['formula / kernel']:.1f} |"


def crossover(dtype: str, found: dict[str, float]) -> Iterator[str]:
    """The sparse first layer beside the dense one, by density."""
    dense = sum(time for name, time in found.items() if name.startswith(PLAIN))
    yield f"Dense product and weight gradient: {1e3 * dense:.0f} µs; sparse is taken up to a density of {DENSE}\n"
    yield "| density | " + " | ".join(f"{name}, µs" for name in SPARSE) + " | sparse / dense | faster |"
    yield "|---:|" + "---:|" * (len(SPARSE) + 1) + "---|"
    for density in DENSITIES:
        times = [found[label(case)] for case in sparse_cases(dtype, density)]
        cells, ratio = " | ".join(f"{1e3 * time:.1f}" for time in times), sum(times) / dense
        yield f"| {density} | {cells} | {ratio:.2f} | {'sparse' if ratio < 1 else 'dense'} |"
