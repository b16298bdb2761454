"""A Python function as a program that answers the vectors line by line: the other end of `command`.

    python -m vae_np.conformance.server module:function      or FILE.py:NAME

The function is given a `Case` with nothing expected in it, its inputs as float64 arrays, and returns a mapping of
stages, or None. What it prints goes to standard error, and it has no standard input: the protocol has both.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import numpy as np

from vae_np.conformance.cases import Case, Training
from vae_np.conformance.programs import callable_of

__all__ = ["check_name", "function_of", "main", "serve"]


def main(what: str) -> None:
    """Answer the requests on standard input until it ends."""
    with os.fdopen(os.dup(0), encoding="utf-8") as requests, os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        serve(what, requests, answers)


def serve(what: str, requests: Iterable[str], answers: TextIO) -> None:
    """Load the function, and answer line by line; if it cannot be loaded, a single answer to no request says why."""

    def put(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    try:
        function = function_of(what)
    except ValueError as error:
        put({"id": None, "error": str(error)})
        return
    for line in requests:
        request = json.loads(line)
        put({"id": request["id"]} | _answer(function, request))


def check_name(what: str) -> tuple[str, str]:
    """Module and function, or FILE.py and NAME; ``ValueError`` if it is neither."""
    place, _, name = what.rpartition(":")
    if not place or not name:
        raise ValueError(f"{what}: module:function or FILE.py:NAME is needed, my_vae:stages say")
    return place, name


def function_of(what: str) -> Callable[[Case], Any]:
    """What is called.

    Raises
    ------
    ValueError
        If it is not there, its import fails, or it is no function.
    """
    place, name = check_name(what)
    if Path(place).suffix == ".py":
        return callable_of(what)
    try:
        found: Any = importlib.import_module(place)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{place}: its import fails: {type(error).__name__}: {error}") from None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(f"{place}: has no function {name}")
    function: Callable[[Case], Any] = found
    return function


def _answer(function: Callable[[Case], Any], request: dict[str, Any]) -> dict[str, Any]:
    """What follows the id."""
    try:
        found = function(_case(request))
        if found is None:
            return {"skip": "the function returned None"}
        return {"stages": {str(stage): _numbers(stage, value) for stage, value in dict(found).items()}}
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}{_place(error)}"}


def _case(request: dict[str, Any]) -> Case:
    """The question alone: nothing is expected."""
    training = None
    if (asked := request.get("training")) is not None:
        steps = asked["steps"]
        rows, eps = tuple(tuple(step["rows"]) for step in steps), tuple(_array(step["eps"]) for step in steps)
        training = Training(MappingProxyType(asked["settings"]), _array(asked["x"]), rows, eps)
    inputs = {name: _array(value) for name, value in request["inputs"].items()}
    return Case(request["id"], request["kind"], "", request["settings"], inputs, {}, {}, training)


def _array(value: Any) -> Any:
    return np.array(value, dtype=np.float64)


def _numbers(stage: str, value: Any) -> Any:
    """Nested lists; of a tensor with a gradient its values. What is no array of real numbers is an error."""
    array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{stage} is no array of real numbers: {array.dtype}")
    return array.astype(np.float64).tolist()


def _place(error: BaseException) -> str:
    """Where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"


if __name__ == "__main__":
    main(sys.argv[1])
