"""Which tests one of xdist's workers runs from beginning to end.

Two workers that begin to compile one kernel at the same time both compile it, as the cache on disk has it only
afterwards, and two that hold something to the oracle at the same points both ask for its values. So the tests are
handed out by files, and these as one part each, which come first, so that what they compile is there for the others:

    stages  the tests of a step's stages, each of which has the loops written out in it
    loops   those of the loops by themselves, and of the formulas that are held to the same values; the elementary
            functions, whose loops are the tests' own, are a part for themselves
"""

from __future__ import annotations

from collections import Counter
from typing import Any

FIRST = ["loops", "stages", "elementary"]
TOGETHER = {
    "tests/kernels/step/": "stages",
    "tests/kernels/compiler/": "stages",
    "tests/kernels/test_elementary.py": "elementary",
    "tests/kernels/": "loops",
    "tests/formulas/test_formulas.py": "loops",
    "tests/formulas/test_formula_mistakes.py": "loops",
}
"""The part, by how a path begins; the first that fits counts."""


def part_of(nodeid: str) -> str:
    """The part that a test belongs to."""
    path = nodeid.split("::")[0]
    return next((part for begin, part in TOGETHER.items() if path.startswith(begin)), path)


def in_order(items: list[Any]) -> list[Any]:
    """Tests by their parts: those that compile, and then the largest ones."""
    parts = [part_of(item.nodeid) for item in items]
    count = Counter(parts)
    rank = {part: (FIRST.index(part) if part in FIRST else len(FIRST), -count[part], part) for part in count}
    return [item for _, item in sorted(zip(parts, items, strict=True), key=lambda pair: rank[pair[0]])]


def scheduler(config, log):
    """xdist's scheduler for these parts, in the order in which they are collected."""
    config.option.loadscopereorder = False
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return part_of(nodeid)

    return Parts(config, log)
