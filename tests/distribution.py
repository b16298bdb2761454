"""Which tests one of xdist's workers runs from beginning to end.

Two workers that begin to compile one kernel at the same time both compile it, as the cache on disk has it only
afterwards, and two that hold something to the oracle at the same points both ask for its values. So the tests are
handed out by files, the largest parts first, and these as one part each:

    stages  the tests of a step's stages, each of which has the loops written out in it
    loops   those of the loops by themselves, and of the formulas that are held to the same values; the elementary
            functions, whose loops are the tests' own, are a part for themselves
"""

from __future__ import annotations

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


def scheduler(config, log):
    """xdist's scheduler for these parts."""
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return part_of(nodeid)

    return Parts(config, log)
