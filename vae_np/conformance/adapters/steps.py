"""Ten steps of a program's optimiser beside Adam's: its settings, found where they are not told, and the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.mapping import Plan
from vae_np.conformance.adapters.own_steps import distance, own_steps
from vae_np.conformance.adapters.program import Goal, Program, up_to_failure
from vae_np.conformance.cases import Case

__all__ = ["ordered", "rule_of", "steps_of", "unlike"]

Array = NDArray[Any]
USUAL = {"beta1": "0.9", "beta2": "0.999", "epsilon": "1e-08", "weight_decay": "0.0", "l2": "0.0", "amsgrad": False}
FIRST = (1.0, 0.1 / 0.001**0.5)
"""The length of the first step over the learning rate: right, and without the correction of the moments."""


def rule_of(program: Program, optimizer: Callable[..., Any] | None, plan: Plan, goal: Goal
            ) -> tuple[dict[str, Any] | None, str, list[str]]:  # fmt: skip
    """The settings of Adam that the optimiser has, or why its steps are none; and what was found out for that."""
    rule, why = program.rule(program.optimizer(optimizer))
    if rule is None:
        return None, why, []
    decay, told = rule.pop("decay", None), []
    if not {"learning_rate", "beta1", "beta2", "epsilon"} <= rule.keys():
        move, slope = _first_step(program, optimizer, plan, goal)
        rate = -float(np.sum(move * slope) / max(float(np.sum(slope * slope)), 1e-300))
        if rate and np.abs(move + rate * slope).max() <= 1e-6 * np.abs(move).max():
            return None, f"its first step is {rate:.6g} times the gradient: it is gradient descent, not Adam", []
        how = ""
        if "learning_rate" not in rule:
            rule, how = rule | {"learning_rate": repr(_learning_rate(float(np.abs(move).max())))}, " by its first step"
        rule = USUAL | rule
        told = [f"the optimiser is taken for Adam, of learning rate {rule['learning_rate']}{how}"]
    if decay is not None and float(decay):
        either = [own_steps(program, goal, rule | {name: decay}, plan, optimizer) for name in ("weight_decay", "l2")]
        rule = dict(min(either, key=distance).case.settings)
    return rule, "", told


def _first_step(program: Program, optimizer: Callable[..., Any] | None, plan: Plan, goal: Goal) -> tuple[Array, Array]:
    """By how much all weights move in the first step, and the gradient."""
    x, eps = next(_batches(building.data(plan.features), building.BATCHES, building.noise(plan.latent)[1:]))
    before, after = program.tensors(), program.train(goal, [(x, eps)], program.optimizer(optimizer))[0]
    _, slopes = program.slopes(goal, x, eps)
    move = np.concatenate([np.ravel(after[name] - before[name]) for name in slopes])
    return move, np.concatenate([np.ravel(value) for value in slopes.values()])


def unlike(plan: Plan) -> str:
    """Why our model would take other steps with the same optimiser, if it would."""
    if unbiased := [name for name, pieces in plan.pieces.items() if not pieces]:
        return f"there is no {unbiased[0]}, and ours would be trained"
    if any(piece.factor != 1 for pieces in plan.pieces.values() for piece in pieces):
        return "a head of the logarithm of the deviation takes other steps than one of the variance's"
    return ""


def _learning_rate(longest: float) -> float:
    """A number of three digits, if a first step of this length comes of one."""
    for factor in FIRST:
        nice = float(f"{longest / factor:.3g}")
        if abs(nice * factor - longest) <= 1e-6 * longest:
            return nice
    return longest


def ordered(plan: Plan, program: Program) -> list[str]:
    """Our names in the order of the program's tensors, which a step goes through."""
    place = {name: i for i, name in enumerate(program.tensors())}
    return sorted(plan.pieces, key=lambda name: min((place[piece.tensor] for piece in plan.pieces[name]), default=0))


def _batches(x: Array, rows: Sequence[tuple[int, ...]], noise: Sequence[Array]) -> Iterator[tuple[Array, Array]]:
    for of_step, eps in zip(rows, noise, strict=True):
        yield x[list(of_step)], eps


def steps_of(program: Program, goal: Goal, case: Case, plan: Plan,
             optimizer: Callable[..., Any] | None) -> dict[str, Array]:  # fmt: skip
    """The weights after each step, in our layout."""
    found: dict[str, Array] = {}
    if case.training is None:
        return found
    batches = list(_batches(case.training.x, case.training.rows, [eps[0] for eps in case.training.eps]))
    for t, tensors in enumerate(up_to_failure(program.train(goal, batches, program.optimizer(optimizer))), start=1):
        found |= {f"step {t}: {name}": value for name, value in plan.weights(tensors).items()}
    return found
