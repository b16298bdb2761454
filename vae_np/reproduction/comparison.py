"""What is found beside what is expected: by case, the same bits, or the first stage that differs."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.reproduction.cases import CASES, Case
from vae_np.reproduction.hashing import hashes

__all__ = ["DEFAULT", "Outcome", "expected", "first_difference", "reproduce"]

DEFAULT = tuple(name for name in CASES if "floor" not in name and not name.startswith(("doubly", "300", "two")))
"""The cases that are taken if none are asked for."""


class Outcome(NamedTuple):
    """Of one case: the stage that differs first, None where all bits are the same."""

    case: str
    differs: str | None


@functools.cache
def expected() -> Mapping[str, Mapping[str, str]]:
    """The hashes that stand in the package, by case and stage; scripts/hashes.py writes them."""
    text = resources.files("vae_np.reproduction").joinpath("hashes.json").read_text("utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def first_difference(found: Mapping[str, str], right: Mapping[str, str]) -> str | None:
    """The first stage, in the order of a step, whose hash is another one, or is not there."""
    return next((stage for stage in right if found.get(stage) != right[stage]), None)


def reproduce(names: Sequence[str] | None = None, threads: int | None = None) -> Iterator[Outcome]:
    """The outcome of each case, `DEFAULT` if none are named; ``threads`` as in `VAE`.

    Raises
    ------
    ValueError
        With the JIT off: plain Python has no fused multiply-add, so its bits are others.
    """
    if not COMPILED:
        raise ValueError("only compiled code has these bits: NUMBA_DISABLE_JIT is set")
    for name in DEFAULT if names is None else names:
        case: Case = CASES[name]
        yield Outcome(name, first_difference(hashes(case, threads), expected()[name]))
