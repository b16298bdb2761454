"""Mutants: plant small mistakes into the mathematics, one at a time, and count those that the tests notice.

    python scripts/mutants.py                       a sample of 400, two at a time
    python scripts/mutants.py --limit 40 --only formulas/optim
    python scripts/mutants.py --list                what would be run
    python scripts/mutants.py --report              the table of what the journal has

The mistakes are those of scripts/mutations.py, in the files of `TESTS`; each is planted into a copy of the
repository, against which the tests that concern the file run until one fails, with the JIT off. A seed picks the
sample, spread over the files by their number of mutants. What is known is in a journal, a line of JSON a mutant: a run
that was stopped goes on, and a mutant is run again when its file has changed. Needs a system with fork.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mutations import Mutation, differs, mutations

ROOT = Path(__file__).resolve().parents[1]
F, L, M, S = "tests/formulas/", "tests/kernels/loops/", "tests/model/", "tests/kernels/step/"
ORACLE, GRADIENTS = "tests/kernels/test_kernels_match_oracle.py", M + "test_gradients.py"
EDGES, KERNEL_EDGES = F + "test_edges.py", "tests/kernels/test_edges_of_kernels.py"
AGREE = [S + "test_known_gradients.py", S + "test_engines_agree.py"]
POSTERIORS = [F + "test_posteriors.py", F + "test_posterior_kl_and_moments.py", M + "test_doors.py"]
TESTS: dict[str, list[str]] = {
    "formulas/activations": [EDGES, F + "test_formulas.py", GRADIENTS],
    "formulas/elbo": [F + "test_objectives.py", F + "test_closed_forms.py", *POSTERIORS, GRADIENTS],
    "formulas/engine": [M + "test_not_finite.py", M + "test_model.py", S + "test_engines_train.py", GRADIENTS],
    "formulas/gaussian": [EDGES, F + "test_formulas.py", L + "test_long_sums.py", F + "test_posteriors.py", GRADIENTS],
    "formulas/layers": [L + "test_long_sums.py", M + "test_toy_doors.py", GRADIENTS],
    "formulas/likelihoods": [EDGES, F + "test_formulas.py", F + "test_gaussian_of_a_number.py", F + "test_moments.py",
                             F + "test_floor.py", M + "test_output_bias.py", M + "test_model_arguments.py", GRADIENTS,
                             L + "test_likelihoods_match_formulas.py", M + "test_own_likelihood.py"],
    "formulas/network": [M + "test_model.py", M + "test_model_arguments.py", M + "test_initialisers.py",
                         M + "test_doors.py", GRADIENTS],
    "formulas/numerics": [EDGES, F + "test_objectives.py", F + "test_priors.py", F + "test_formulas.py",
                          L + "test_long_sums.py"],
    "formulas/objectives": [EDGES, F + "test_objectives.py", GRADIENTS, M + "test_toy_doors.py"],
    "formulas/optim": ["tests/formulas/optim", M + "test_model.py", L + "test_adam_matches_its_formula.py"],
    "formulas/parameters": [F + "test_parameters.py", M + "test_model.py", M + "test_copies.py"],
    "formulas/posteriors": [*POSTERIORS, M + "test_returned_shapes.py", GRADIENTS, F + "test_closed_forms.py",
                            M + "test_toy_doors.py", M + "test_latent_faults.py"],
    "formulas/priors": [F + "test_priors.py", M + "test_doors.py", M + "test_returned_shapes.py", GRADIENTS,
                        M + "test_toy_doors.py"],
    "formulas/scaling": [F + "test_scaling.py", M + "test_scaled_model.py"],
    "formulas/schedules": [F + "test_schedules.py"],
    "kernels/loops/activation": [KERNEL_EDGES, L + "test_stages_match_formulas.py", L + "test_nan_comes_out.py",
                                 ORACLE],
    "kernels/loops/adam": [L + "test_adam_matches_its_formula.py", L + "test_long_sums.py", L + "test_nan_comes_out.py",
                           ORACLE, S + "test_engines_train.py"],
    "kernels/loops/dense_products": [L + "test_tiles_of_products.py", *AGREE],
    "kernels/loops/latent": [KERNEL_EDGES, L + "test_stages_match_formulas.py", L + "test_long_sums.py",
                             L + "test_nan_comes_out.py", ORACLE, S + "test_known_gradients.py"],
    "kernels/loops/likelihoods": [KERNEL_EDGES, L + "test_likelihoods_match_formulas.py",
                                  L + "test_reciprocal_of_sigma.py",
                                  L + "test_long_sums.py", L + "test_nan_comes_out.py", ORACLE],
    "kernels/loops/minibatch": [S + "test_engines_train.py", S + "test_engine_inputs.py"],
    "kernels/loops/sparse_products": ["tests/kernels/compiler/test_vectors.py", S + "test_engines_train.py", *AGREE],
    "kernels/loops/sums": [KERNEL_EDGES, L + "test_long_sums.py", L + "test_stages_match_formulas.py"],
}  # fmt: skip
"""The tests of a file or a folder of vae_np, the quick and the likely first."""
SOON = 150
"""Seconds before which nobody asks how long the tests may take."""
PRELOADED = ("numpy", "numpy.testing", "scipy.special", "mpmath", "hypothesis", "pytest", "numba", "numba.extending")
PYTEST = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "--no-header"]
PYTEST += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


class Job(NamedTuple):
    """A mutation of a file, named relative to vae_np."""

    path: str
    tests: list[str]
    mutation: Mutation

    @property
    def source(self) -> str:
        return (ROOT / "vae_np" / self.path).read_text(encoding="utf-8")

    @property
    def key(self) -> str:
        return self.mutation.key(self.path, self.source)


def files() -> dict[str, list[str]]:
    """Each file that is mutated, relative to vae_np, with its tests."""
    found = {}
    for path in sorted((ROOT / "vae_np").rglob("*.py")):
        name = str(path.relative_to(ROOT / "vae_np"))
        for part, tests in TESTS.items():
            if name == part + ".py" or name.startswith(part + "/"):
                found[name] = [*tests, "-k", "not numba"] if name.startswith("formulas") else tests  # of both backends
    return found


def sample(limit: int, seed: int, only: str) -> list[Job]:
    """So many jobs, spread over the files by their number of mutants; all of them if the limit is 0."""
    generator, ranked = random.Random(seed), []
    for path, tests in files().items():
        jobs = [Job(path, tests, m) for m in mutations((ROOT / "vae_np" / path).read_text(encoding="utf-8"))]
        generator.shuffle(jobs)
        if only in path:
            ranked += [((i + generator.random()) / len(jobs), job) for i, job in enumerate(jobs)]
    ranked.sort(key=lambda pair: pair[0])
    valid = (job for _, job in ranked if differs(job.source, job.mutation))
    return list(itertools.islice(valid, limit or None))


# ---- running


class FirstFailure:
    """A plugin of pytest: the name of the first test that failed, written into a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.file.write_text(report.nodeid, encoding="utf-8")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.file.write_text(report.nodeid or "collection", encoding="utf-8")


def copy_tree(where: Path) -> Path:
    """A copy of the files that git tracks or would."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                            check=True)  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, where / name)
    return where


def child(tree: Path, tests: list[str]) -> None:
    """Run the tests in this process, a fork's, and end it: 0 if all passed."""
    import pytest

    os.chdir(tree)
    os.setsid()
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.path[:0] = [str(tree), str(tree / "tests")]
    sys.dont_write_bytecode = True
    try:
        code = int(pytest.main([*PYTEST, *tests], plugins=[FirstFailure(tree / "failure.txt")]))
        if not sys.modules["vae_np"].__file__.startswith(str(tree)):  # type: ignore[union-attr]
            code = 9
    except BaseException:  # a mutant may do anything
        code = 1
    os._exit(code)


def start(tree: Path, tests: list[str]) -> int:
    """Run the tests in a process of their own; its number."""
    (tree / "failure.txt").unlink(missing_ok=True)
    if pid := os.fork():
        return pid
    child(tree, tests)
    raise AssertionError("unreachable")


def plant(tree: Path, job: Job) -> int:
    """Plant the mutant and run its tests."""
    (tree / "vae_np" / job.path).write_text(job.mutation.planted(job.source), encoding="utf-8")
    return start(tree, job.tests)


class Patience:
    """How long the tests of a file may take: three times as long as without a mistake, which they must pass."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], float] = {}

    def __call__(self, tree: Path, tests: list[str]) -> float:
        """Of these tests, which run once in an unchanged tree if they have not yet."""
        key = tuple(tests)
        if key not in self.known:
            began = time.monotonic()
            code = os.waitstatus_to_exitcode(os.waitpid(start(tree, tests), 0)[1])
            if code:
                why = tree / "failure.txt"
                reason = why.read_text(encoding="utf-8") if why.exists() else f"exit code {code}"
                raise SystemExit(f"mutants: without a mistake the tests fail: {' '.join(tests)}: {reason}")
            self.known[key] = 3 * (time.monotonic() - began) + 20
        return self.known[key]


def run(jobs: list[Job], parallel: int) -> Iterator[dict[str, Any]]:
    """The result of each job, as they end."""
    for name in PRELOADED:
        __import__(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        unchanged = copy_tree(Path(folder) / "unchanged")
        trees = [copy_tree(Path(folder) / str(i)) for i in range(parallel)]
        patience, waiting, running = Patience(), list(reversed(jobs)), {}
        passed = set()  # lists of tests that let a mutant live, so that they pass without a mistake
        while waiting or running:
            while waiting and trees:
                tree, job = trees.pop(), waiting.pop()
                running[plant(tree, job)] = tree, job, time.monotonic()
            time.sleep(0.05)
            for pid, (tree, job, began) in list(running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                seconds = time.monotonic() - began
                if not ended and (seconds < SOON or seconds < patience(unchanged, job.tests)):
                    continue
                if not ended:
                    os.killpg(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                del running[pid]
                shutil.copyfile(ROOT / "vae_np" / job.path, tree / "vae_np" / job.path)
                trees.append(tree)
                code = os.waitstatus_to_exitcode(status) if ended else None
                failure = tree / "failure.txt"
                by = failure.read_text(encoding="utf-8") if failure.exists() else "timeout" if code is None else "crash"
                if code == 0:
                    passed.add(tuple(job.tests))
                yield record(job) | {"killed": code != 0, "by": "" if code == 0 else by, "seconds": round(seconds, 1)}
        for tests in sorted({tuple(job.tests) for job in jobs} - passed):
            patience(unchanged, list(tests))


def record(job: Job) -> dict[str, Any]:
    m = job.mutation
    return {
        "key": job.key,
        "file": job.path,
        "line": m.line,
        "kind": m.kind,
        "was": " ".join(m.was.split()),
        "now": " ".join(m.now.split()),
    }


# ---- reporting


def read_journal(path: Path) -> dict[str, dict[str, Any]]:
    """What is known, by key."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {entry["key"]: entry for entry in map(json.loads, filter(None, lines))}


def report(found: list[dict[str, Any]]) -> str:
    """A Markdown table by folder, and the survivors."""
    rows: dict[str, Counter[str]] = {}
    for entry in found:
        room = "/".join(entry["file"].removesuffix(".py").split("/")[: 3 if entry["file"].startswith("kernels") else 2])
        rows.setdefault(room, Counter())["killed" if entry["killed"] else "alive"] += 1
    total = sum(rows.values(), Counter())
    lines = ["| file or folder | mutants | killed | alive |", "|---|---|---|---|"]
    for room, count in [*sorted(rows.items()), ("**all**", total)]:
        lines.append(f"| {room} | {sum(count.values())} | {count['killed']} | {count['alive']} |")
    share = 100 * total["killed"] / max(1, sum(total.values()))
    lines += ["", f"{total['killed']} of {sum(total.values())} are noticed: {share:.1f} %.", ""]
    for entry in sorted((e for e in found if not e["killed"]), key=lambda e: (e["file"], e["line"])):
        lines.append(f"- {entry['file']}:{entry['line']} {entry['kind']}: `{entry['was']}` became `{entry['now']}`")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=400, help="mutants of the sample; 0 takes all [400]")
    parser.add_argument("--seed", type=int, default=0, help="of the sample [0]")
    parser.add_argument("--only", default="", metavar="TEXT", help="files that have this in their path")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time [2]")
    parser.add_argument("--journal", type=Path, default=ROOT / "mutants.jsonl", help="[mutants.jsonl]")
    parser.add_argument("--again", action="store_true", help="run those that are alive once more")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    parser.add_argument("--report", action="store_true", help="print what the journal has of the sample, run nothing")
    arguments = parser.parse_args(argv)
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    jobs, known = sample(arguments.limit, arguments.seed, arguments.only), read_journal(arguments.journal)
    if arguments.list:
        for job in jobs:
            print(f"{job.path}:{job.mutation.line} {job.mutation.kind}: {job.mutation.was} -> {job.mutation.now}")
        print(f"{len(jobs)} mutants", file=sys.stderr)
        return 0
    new = [j for j in jobs if j.key not in known or (arguments.again and not known[j.key]["killed"])]
    if not arguments.report:
        with arguments.journal.open("a", encoding="utf-8") as journal:
            for done, entry in enumerate(run(new, arguments.jobs), start=1):
                known[entry["key"]] = entry
                journal.write(json.dumps(entry) + "\n")
                journal.flush()
                word = "killed" if entry["killed"] else "ALIVE "
                place = f"{entry['file']}:{entry['line']}"
                change = f"{entry['was']} -> {entry['now']}"
                print(f"{done}/{len(new)} {word} {entry['seconds']:6.1f} s {place} {change}", flush=True)
    print(report([known[job.key] for job in jobs if job.key in known]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
