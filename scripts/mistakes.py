"""The catalogue of mistakes on the conformance vectors: every one planted, and what the diagnosis calls it.

    python scripts/mistakes.py [--only ID,ID]

Prints how many cases and mistakes there are, how many forms of them were planted, named alone, and named beside others
that are the same numbers in what was answered: once with all stages answered, once with the bounds and losses alone,
which tell less. Then the time that `check` takes for a candidate that is right, and for the planted ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vae_np.conformance import Case, cases, check
from vae_np.conformance.mistakes import CATALOGUE
from vae_np.conformance.mistakes.mistake import Form
from vae_np.conformance.mistakes.reference import RULES, changed, stages

Candidate = Callable[[Case], dict[str, Any]]


def candidate(rules: Mapping[str, Any], dtype: str, only: tuple[str, ...] = ()) -> Candidate:
    """Answers by these rules all stages, or some."""

    def answer(case: Case) -> dict[str, Any]:
        found = stages(case, rules, dtype)
        return {name: found[name] for name in case.expected if name in found and (not only or name in only)}

    return answer


def planted(form: Form, among: list[Case], only: tuple[str, ...]) -> tuple[set[str], set[str], bool]:
    """What it is called, what else it may be, and whether anything was wrong."""
    dtype = "float32" if form.own_dtype else "float64"
    report = check(candidate(changed(form.changes()), dtype, only), among, dtype)
    alike = {name for finding in report.findings for name in finding.alike}
    return {finding.id for finding in report.findings}, alike, bool(report.first_wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="ids of mistakes, with commas")
    args = parser.parse_args()
    wanted = set(filter(None, args.only.split(","))) or set(CATALOGUE)
    np.seterr(all="ignore")
    computed = [mistake for mistake in CATALOGUE.values() if mistake.forms]
    kinds = {case.kind for case in cases()}
    print(f"{len(cases())} cases of {len(kinds)} kinds, {sum(len(case.expected) for case in cases()):,} stages")
    forms = sum(len(mistake.forms) for mistake in computed)
    print(f"{len(CATALOGUE)} mistakes and dialects, {len(computed)} of them in {forms} forms")
    for only, words in (((), "all stages answered"), (("bound", "loss"), "bounds and losses alone")):
        alone, beside, invisible, missed, sets, began = 0, 0, 0, [], set(), time.perf_counter()
        for mistake in computed:
            for form in mistake.forms if mistake.id in wanted else ():
                # a noise or a row of one's own is of one size: that of the first model
                among = cases("model")[:1] if form.fit else cases()
                named, alike, wrong = planted(form, among, only)
                alone += named == {mistake.id} and not alike
                if not wrong:
                    invisible += 1
                elif mistake.id in named | alike and (alike or len(named) > 1):
                    beside += 1
                    sets.add(frozenset(named | alike))
                elif named != {mistake.id}:
                    missed.append(f"{mistake.id} ({form.says}): {', '.join(sorted(named))}")
        seconds = time.perf_counter() - began
        print(f"{words}: {alone} forms named alone, {beside} within a set of {len(sets)} that are the same numbers,")
        print(f"  {invisible} do not show, {len(missed)} are called otherwise; {seconds:.0f} s")
        print(
            *(f"    {', '.join(sorted(names))}" for names in sets),
            *(f"    not named: {text}" for text in missed),
            sep="\n",
        )
    began = time.perf_counter()
    assert check(candidate(RULES, "float64")).ok
    print(f"a right candidate, all stages: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
