"""The conformance vectors, read from data/: a `Case` is what goes in and what must come out, stage by stage."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["FILES", "Case", "Exact", "Training", "cases", "data_file"]

Array = NDArray[Any]
FILES = ("model.json", "elementary.json", "manifest.json", "FORMAT.md")
"""All that belongs to the vectors."""


class Exact(NamedTuple):
    """An expected array as an unevaluated sum: the nearest float64, and what is left of the 25 digits."""

    nearest: Array
    rest: Array


class Training(NamedTuple):
    """Steps of Adam: the settings, the data, and each step's rows and noise."""

    settings: Mapping[str, Any]
    x: Array
    rows: tuple[tuple[int, ...], ...]
    eps: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One vector.

    Attributes
    ----------
    id : str
        Never used again for another case.
    kind : str
        ``"model"``, or the function that it is about: ``"kl"``, ``"reparameterise"``, ``"likelihood"``,
        ``"log-mean-exp"``, ``"adam"``.
    settings : mapping
        What is computed; see data/FORMAT.md.
    inputs : mapping of str to array, float64
        Every number of them is a float32 too.
    expected : mapping of str to Exact
        By stage, in the order of the path.
    sizes : mapping of str to array
        The sum of the absolute values of a stage's terms, where the result may cancel.
    training : Training or None
    """

    id: str
    kind: str
    comment: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Array]
    expected: Mapping[str, Exact]
    sizes: Mapping[str, Array]
    training: Training | None

    def __repr__(self) -> str:
        return f"Case({self.id!r})"

    def of(self, dtype: DTypeLike) -> dict[str, Array]:
        """The inputs in this dtype."""
        return {name: value.astype(dtype) for name, value in self.inputs.items()}

    def request(self) -> dict[str, Any]:
        """The question as JSON has it: nested lists of numbers, and the names of the stages that may be answered."""
        found: dict[str, Any] = {"id": self.id, "kind": self.kind, "settings": dict(self.settings)}
        found["inputs"] = {name: value.tolist() for name, value in self.inputs.items()}
        if self.training is not None:
            t = self.training
            steps = [{"rows": list(rows), "eps": eps.tolist()} for rows, eps in zip(t.rows, t.eps, strict=True)]
            found["training"] = {"settings": dict(t.settings), "x": t.x.tolist(), "steps": steps}
        return found | {"stages": list(self.expected)}


def data_file(name: str) -> bytes:
    """One of `FILES`."""
    return resources.files("vae_np.conformance").joinpath("data", name).read_bytes()


@functools.cache
def _all() -> tuple[Case, ...]:
    manifest = json.loads(data_file("manifest.json"))
    found = []
    for name, facts in manifest["files"].items():
        content = data_file(name)
        if hashlib.sha256(content).hexdigest() != facts["sha256"]:
            raise ValueError(f"{name}: not the vectors of the manifest: their SHA-256 differs")
        found += [_case(entry) for entry in json.loads(content)["cases"]]
    return tuple(found)


def cases(kind: str | None = None) -> list[Case]:
    """All cases, or those of one kind.

    Raises
    ------
    ValueError
        For an unknown kind, and if the files are not those of the manifest.
    """
    known = list(dict.fromkeys(case.kind for case in _all()))
    if kind is not None and kind not in known:
        raise ValueError(f"kind must be one of {', '.join(known)}; got {kind!r}")
    return [case for case in _all() if kind in (None, case.kind)]


def _case(entry: dict[str, Any]) -> Case:
    expected = {name: _exact(value) for name, value in entry["expected"].items()}
    training = None
    if (found := entry.get("training")) is not None:
        steps = found["steps"]
        rows, eps = tuple(tuple(step["rows"]) for step in steps), tuple(_array(step["eps"]) for step in steps)
        training = Training(MappingProxyType(found["settings"]), _array(found["x"]), rows, eps)
        for t, parameters in enumerate(found["parameters"], start=1):
            expected |= {f"step {t}: {name}": _exact(value) for name, value in parameters.items()}
    inputs, sizes = ({name: _array(value) for name, value in entry.get(key, {}).items()} for key in ("inputs", "sizes"))
    settings = MappingProxyType(entry["settings"])
    frozen = MappingProxyType(inputs), MappingProxyType(expected), MappingProxyType(sizes)
    return Case(entry["id"], entry["kind"], entry["comment"], settings, *frozen, training)


def _array(value: dict[str, Any]) -> Array:
    """From its shape and its entries in hex; read-only, for every caller has the same."""
    found = np.array([float.fromhex(entry) for entry in value["hex"]]).reshape(value["shape"])
    found.flags.writeable = False
    return found


def _exact(value: dict[str, Any]) -> Exact:
    nearest = _array(value)
    decimals = zip(value["decimal"], nearest.ravel().tolist(), strict=True)
    rest = np.array([float(Fraction(text) - Fraction(double)) for text, double in decimals]).reshape(nearest.shape)
    rest.flags.writeable = False
    return Exact(nearest, rest)
