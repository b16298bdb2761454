"""The loops over elementary functions by the instructions that LLVM has made of them.

The account of `counts` is of additions and multiplications, a fused one as two. A processor begins two or three vector
instructions in a cycle, whatever they do: a comparison, a selection, a shift, and an addition by itself take as long as
a fused multiply-add. What such a loop can reach of its arithmetic limit is therefore a question of its instructions.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any

import numba
import numpy as np
from timing import Call

from roofline.cases import as_in_a_step
from roofline.counts import ELEMENTARY
from roofline.limits import LENGTH, TIMES, Limits
from vae_np.kernels.compiler import decorators
from vae_np.kernels.compiler.lanes import BITS, whole_vectors
from vae_np.kernels.math import elementary

__all__ = ["calls", "in_a_cycle", "vector_instructions"]

VECTOR = re.compile(r"v(?!mov|zeroupper|prefetch)\w+\s.*%[yz]mm")
STORE = re.compile(r"vmov\w+\s+%[yz]mm\d+, .*\(")
JUMP = re.compile(r"j\w+\s+(\.L\w+)")


@cache
def _loop(name: str) -> Any:
    """Compiled by itself: what comes from the disk cannot be looked into."""
    function = getattr(elementary, name)

    def over(x: Any, out: Any) -> None:
        whole_vectors()
        for _ in range(TIMES):
            for i in range(x.shape[0]):
                out[i] = function(x[i])

    return numba.njit(**decorators._KERNEL)(over)


def calls(dtype: Any) -> dict[str, Call]:
    """To be timed: each function over numbers within the nearest cache."""
    x = as_in_a_step(-np.abs(np.random.default_rng(0).standard_normal(LENGTH)).astype(dtype))
    return {_name(name): partial(_loop(name), x, np.empty_like(x)) for name in ELEMENTARY}


def _name(name: str) -> str:
    return f"elementary {name}"


def vector_instructions(name: str, dtype: Any) -> float | None:
    """Of one vector, without loads and stores; None where the code is not x86's or no vector's."""
    kind = numba.from_dtype(np.dtype(dtype))
    return _of_code(next(code for (x, _), code in _loop(name).inspect_asm().items() if x.dtype == kind))


def _of_code(code: str) -> float | None:
    """The same, of the loop that has most of them; it may take several vectors at once."""
    found = [(len(STORE.findall(body)), len(VECTOR.findall(body))) for body in _bodies(code)]
    stores, instructions = max(found, key=lambda pair: pair[1], default=(0, 0))
    return instructions / stores if stores else None


def _bodies(code: str) -> list[str]:
    """The bodies of the loops that have none within."""
    lines, labels, bodies = code.splitlines(), {}, []
    for i, line in enumerate(lines):
        if line.startswith(".L") and line.rstrip().endswith(":"):
            labels[line.rstrip()[:-1]] = i
        elif (jump := JUMP.match(line.strip())) and jump[1] in labels:
            begin = labels[jump[1]]
            if not any(JUMP.match(inside.strip()) for inside in lines[begin:i]):
                bodies.append("\n".join(lines[begin : i + 1]))
    return bodies


def in_a_cycle(name: str, instructions: float, limits: Limits) -> float:
    """How many of a vector's instructions begin in the time of two fused multiply-adds."""
    lanes = BITS // 8 // np.dtype(limits.dtype).itemsize
    vector, two = limits.found[_name(name)] / (TIMES * LENGTH / lanes), 1e3 * 4 * lanes / limits.operations()
    return instructions * two / vector
