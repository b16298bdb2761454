"""The tests as other machines run them: other instructions, BLAS kernels, threads, Hypothesis seeds, one after another.

    python scripts/variations.py [NAME ...] [--list] [--again] [--results FILE] [--cache FOLDER] [-- PYTEST'S OPTIONS]

Prints a Markdown table of counts. A name may be the beginning of several ("openblas", "seed"). What FILE, by default
runs/variations.json, has of a variation with the same options is not run again, so that a round that was stopped can be
continued; --again runs it. Compiled code goes to a folder of the round's own. What the processor lacks is said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CORES = {"Haswell": "AVX2", "Sandybridge": "AVX", "Prescott": "SSE3", "SkylakeX": "X86_V4"}
"""OpenBLAS's kernels, and what NumPy calls the instructions that they need."""


@dataclass(frozen=True)
class Variation:
    """How the tests are run: what the environment says, and pytest's options."""

    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    needs: str = ""
    """The processor's feature without which it cannot be run."""


def numpys() -> tuple[set[str], list[str]]:
    """What the processor has, and for which of it NumPy has loops of their own, by NumPy's names."""
    umath = np._core._multiarray_umath  # type: ignore[attr-defined]
    has = {name for name, there in umath.__cpu_features__.items() if there}
    return has, [name for name in umath.__cpu_dispatch__ if name in has]


def variations() -> dict[str, Variation]:
    """All, by name, in their order."""
    found = {"plain": Variation(), "generic": Variation({"NUMBA_CPU_NAME": "generic"})}
    for core, needs in CORES.items():
        found[f"openblas-{core}"] = Variation({"OPENBLAS_CORETYPE": core}, needs=needs)
    reduced = " ".join(numpys()[1])
    found["numpy-baseline"] = Variation({"NPY_DISABLE_CPU_FEATURES": reduced} if reduced else {})
    for n in (1, 2, 3):
        blas = {name: str(n) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
        found[f"threads-{n}"] = Variation(blas, ("--threads", str(n)))
    for seed in (1, 2, 3, 4, 5):
        found[f"seed-{seed}"] = Variation({}, ("--hypothesis-seed", str(seed)))
    return found


def run(variation: Variation, options: list[str], cache: Path) -> dict[str, Any]:
    """Counts, seconds and the names of what failed."""
    generic = variation.environment.get("NUMBA_CPU_NAME", "host")
    environment = os.environ | variation.environment | {"NUMBA_CACHE_DIR": str(cache / generic)}
    report = cache / "report.xml"
    cache.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *variation.options, *options, f"--junitxml={report}"]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    seconds = round(time.monotonic() - began)
    if not report.exists():
        return {"error": f"pytest ended with {done.returncode}", "seconds": seconds, "output": done.stdout[-2000:]}
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    bad = [
        case for case in suite.iter("testcase") if case.find("failure") is not None or case.find("error") is not None
    ]
    names = [f"{case.get('classname')}::{case.get('name')}" for case in bad]
    count = {key: int(suite.get(key, 0)) for key in ("tests", "skipped")}
    passed = count["tests"] - count["skipped"] - len(bad)
    return {"passed": passed, "failed": len(bad), "skipped": count["skipped"], "seconds": seconds, "names": names}


def row(name: str, found: dict[str, Any]) -> str:
    """One line of the table."""
    v = variations()[name]
    said = [f"`{key}={value}`" for key, value in v.environment.items()] + [f"`{' '.join(v.options)}`"] * bool(v.options)
    counts = [found.get(key, "") for key in ("passed", "failed", "skipped", "seconds")]
    if "error" in found:
        counts[0] = found["error"]
    return " | ".join(map(str, ("", name, "<br>".join(said), *counts, ""))).strip()


def main() -> int:
    """Run what is asked for, and print the table of it."""
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    words, options = sys.argv[1:at], sys.argv[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--again", action="store_true", help="run what the file has, too")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "variations.json", metavar="FILE")
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="where compiled code stays; by default it does not"
    )
    args = parser.parse_args(words)
    chosen = list(dict.fromkeys(v for name in args.names or [""] for v in variations() if v.startswith(name)))
    if not chosen:
        parser.error(f"there is no variation {' '.join(args.names)}; --list names them")
    if args.list:
        print("\n".join(chosen))
        return 0
    options = options or ["-n", "2"]
    saved = json.loads(args.results.read_text()) if args.results.exists() else {}
    key = " ".join(options)
    with tempfile.TemporaryDirectory() as fresh:
        cache = (args.cache or Path(fresh)).resolve()
        for name in chosen:
            variation, results = variations()[name], saved.setdefault(key, {})
            if name in results and not args.again:
                continue
            if variation.needs and variation.needs not in numpys()[0]:
                results[name] = {"error": f"this processor has no {variation.needs}"}
            else:
                results[name] = run(variation, options, cache)
            print(row(name, results[name]), *results[name].get("names", []), sep="\n", file=sys.stderr, flush=True)
            args.results.parent.mkdir(parents=True, exist_ok=True)
            args.results.write_text(json.dumps(saved, indent=1) + "\n")
    print(f"`pytest {key}`:\n")
    print("| variation | set | passed | failed | skipped | seconds |\n|---|---|---:|---:|---:|---:|")
    print(*(row(name, saved[key][name]) for name in chosen), sep="\n")
    return int(any(saved[key][name].get("failed") or "output" in saved[key][name] for name in chosen))


if __name__ == "__main__":
    sys.exit(main())
