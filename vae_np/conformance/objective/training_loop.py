"""The order of a PyTorch training loop: zero_grad, backward, clip, step; nothing is run, the file is read.

Going round the loop from backward(), step() must come before zero_grad(), and a clip between backward() and step().
What is under an ``if``, or there twice, or of two optimisers, is nobody's mistake here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from vae_np.conformance.objective.accumulating import ZEROING, calls, holder, method, optimisers_of

__all__ = ["out_of_order"]

CLIPS = ("clip_grad_norm_", "clip_grad_value_", "clip_grad_norm")
LOOPS = (ast.For, ast.While)


class _Event(NamedTuple):
    """What a loop does at a place."""

    name: str
    line: int
    at: tuple[int, int]


def out_of_order(source: str) -> dict[str, str]:
    """What is wrong in the order of the only loop with a backward(), in words by the mistake."""
    tree = ast.parse(source)
    made = optimisers_of(tree)
    loops = [loop for loop in ast.walk(tree) if isinstance(loop, LOOPS) and _is_innermost(loop)]
    if len(made.names) != 1 or len(loops) != 1:
        return {}
    (loop,) = loops
    found = sorted(_events(loop, made.names), key=lambda event: event.at)
    names = [event.name for event in found]
    if any(names.count(name) != 1 for name in ("backward", "step")) or max(map(names.count, names)) > 1:
        return _without_step(tree, names, made.names)
    place = {event.name: event for event in found}
    begin = names.index("backward")
    after = (names[begin:] + names[:begin])[1:]
    told = {}
    rebuilt = [call for call in calls(loop) if method(call) in made.makers]
    if rebuilt:
        told["optimizer-rebuilt"] = (
            f"line {rebuilt[0].lineno} makes the optimiser anew in each step: its moments are never of more than one"
            " gradient"
        )
    if "zero" in names and after.index("zero") < after.index("step"):
        told["grad-zeroed"] = (
            f"zero_grad() in line {place['zero'].line} comes after backward() in line {place['backward'].line} and"
            f" before step() in line {place['step'].line}: the gradients are 0 where it goes by them"
        )
    if "clip" in names and after.index("clip") > after.index("step"):
        told["clip-noop"] = f"line {place['clip'].line} clips before backward(): there is no gradient yet"
    if "zero" not in names and (outside := _zeroed_outside(tree, loop)):
        told["grad-accumulates"] = (
            f"zero_grad() in line {outside} stands before the loop of backward() in line {place['backward'].line}, and"
            " each step has the sum of all gradients before it"
        )
    return told


def _is_innermost(loop: ast.AST) -> bool:
    """Whether its own body calls backward, and not a loop within it."""
    inner = [part for part in ast.walk(loop) if isinstance(part, LOOPS) and part is not loop]
    within = {id(call) for other in inner for call in calls(other)}
    return any(method(call) == "backward" and id(call) not in within for call in calls(loop))


def _events(loop: ast.AST, optimisers: set[str]) -> Iterator[_Event]:
    """Those that happen in each round; what may not happen counts twice, so that nothing is said of it."""
    sometimes = {id(call) for part in ast.walk(loop) if isinstance(part, (ast.If, ast.IfExp, ast.Try))
                 for call in calls(part)}  # fmt: skip
    for call in calls(loop):
        name = method(call)
        event = {"backward": "backward", "zero_grad": "zero"}.get(name, "clip" if name in CLIPS else "")
        event = "step" if name == "step" and holder(call) in optimisers else event
        if event:
            yield from [_Event(event, call.lineno, (call.end_lineno or 0, call.end_col_offset or 0))] * (
                1 + (id(call) in sometimes)
            )


def _without_step(tree: ast.AST, names: list[str], optimisers: set[str]) -> dict[str, str]:
    """Of a loop that never steps, in a file that nowhere does."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    anywhere = attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    by_hand = attributes & {"grad", "data"} or any("step" in name or "update" in name for name in anywhere)
    if by_hand or names.count("backward") != 1:
        return {}
    return {"step-missing": f"nothing in the file calls {min(optimisers)}.step(): the weights stay as they are"}


def _zeroed_outside(tree: ast.AST, loop: ast.AST) -> int:
    """The line of the only thing that sets gradients to zero, before the loop in its own function; else 0."""
    zeroing = [node for node in ast.walk(tree) if getattr(node, "attr", getattr(node, "id", None)) in ZEROING]
    around = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and loop in ast.walk(node)]
    if len(zeroing) != 1 or not around:
        return 0
    own = any(zeroing[0] is part for part in ast.walk(around[-1]))
    return int(zeroing[0].lineno) if own else 0  # type: ignore[attr-defined]
