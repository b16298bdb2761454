"""Lets the contenders agree on one configuration, then times them in interleaved rounds."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sizes import Size

from peers.agreement import Difference, differences
from peers.child import Child, ChildError
from peers.contender import CONTENDERS
from peers.problem import make_problem

__all__ = ["FULL", "MOMENT", "Result", "Schedule", "compare"]

REFERENCE = ("vae_np numpy", "vae_np", "torch", "jax", "torch.compile")
"""With whom the others must agree: the formulas, or the first here that is not missing."""


class Schedule(NamedTuple):
    """Seconds of warming up and of a turn, and how many rounds of turns."""

    warm_up: float
    turn: float
    rounds: int


FULL, MOMENT = Schedule(0.5, 0.2, 8), Schedule(0.05, 0.03, 2)


@dataclass
class Result:
    """What came out for one configuration and dtype; times in milliseconds a step."""

    size: Size
    dtype: str
    data: str
    median: dict[str, float] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    worst: list[Difference] = field(default_factory=list)
    disagreements: list[Difference] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it for JSON."""
        found = asdict(self)
        for name in ("worst", "disagreements"):
            found[name] = [difference._asdict() for difference in getattr(self, name)]
        return {"configuration": str(self.size), **found, "size": self.size._asdict()}


class Field:
    """The children still in the race; one that fails leaves it, and the result says why."""

    def __init__(self, result: Result, threads: int) -> None:
        self.result, self.threads = result, threads
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children.values():
            child.close()

    def start(self) -> None:
        """A process for each contender."""
        for name in CONTENDERS:
            self.children[name] = Child(name, self.threads)

    @contextlib.contextmanager
    def leaving(self, name: str) -> Iterator[None]:
        """Take the child out if it fails in this block."""
        try:
            yield
        except ChildError as error:
            self.result.missing[name] = str(error)
            self.result.times.pop(name, None)
            self.children.pop(name).close()

    def all_at_once(self, messages: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Each child's reply to its message, while all work at the same time: for what is not timed."""
        replies = {}
        for name, message in messages.items():
            self.children[name].send(message)
        for name in messages:
            with self.leaving(name):
                replies[name] = self.children[name].receive()
        return replies


def compare(size: Size, dtype: str, data: str, threads: int, schedule: Schedule) -> Result:
    """All contenders on one configuration; nothing is timed unless all agree."""
    result = Result(size, dtype, data)
    with tempfile.TemporaryDirectory() as folder, Field(result, threads) as contenders:
        problem = Path(folder, "problem.npz")
        make_problem(size, data).save(problem)
        contenders.start()
        message = {"do": "set up", "size": size, "dtype": dtype, "threads": threads, "problem": str(problem)}
        replies = contenders.all_at_once({name: message for name in contenders.children})
        result.about = {name: reply["about"] for name, reply in replies.items()}
        _agree(contenders, Path(folder))
        if not result.disagreements:
            _race(contenders, schedule)
    result.median = {name: float(np.median(times)) for name, times in result.times.items()}
    return result


def _agree(contenders: Field, folder: Path) -> None:
    """Compare what each writes with the reference."""
    files = {name: folder / f"{place}.npz" for place, name in enumerate(contenders.children)}
    contenders.all_at_once({name: {"do": "agree", "file": str(path)} for name, path in files.items()})
    there = {name: files[name] for name in contenders.children if files[name].exists()}
    reference = next((name for name in REFERENCE if name in there), None)
    for name, path in there.items():
        if name == reference:
            continue
        found = differences(name, path, there[reference], contenders.result.dtype)
        contenders.result.disagreements += [difference for difference in found if not difference.ok]
        for kind in ("loss", "gradient", "parameter"):
            contenders.result.worst.append(_worst(d for d in found if d.tensor.startswith(kind)))


def _worst(found: Iterable[Difference]) -> Difference:
    """The largest, or the first that is no number."""
    return max(found, key=lambda difference: np.inf if np.isnan(difference.size) else difference.size)


def _race(contenders: Field, schedule: Schedule) -> None:
    """Warm up each, then rounds in which each has its turn."""
    for name in list(contenders.children):
        with contenders.leaving(name):
            contenders.children[name].ask(do="warm up", seconds=schedule.warm_up)
    for _ in range(schedule.rounds):
        for name in list(contenders.children):
            with contenders.leaving(name):
                reply = contenders.children[name].ask(do="run", seconds=schedule.turn)
                contenders.result.times.setdefault(name, []).extend(reply["times"])
