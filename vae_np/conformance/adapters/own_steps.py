"""A program's optimiser by itself: its steps on the gradients of its own loss, whatever that loss is.

Where the loss is wrong, the weights after a step are wrong by that, and say nothing of the optimiser. But the gradients
g_1, g_2, ... that the program had at its own weights can be read, and what Adam makes of the same g_t is known. So a
mistake of the optimiser is told beside one of the loss, and an optimiser is compared where its model cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.mapping import Plan
from vae_np.conformance.adapters.program import Goal, Program, up_to_failure
from vae_np.conformance.cases import Case, Exact
from vae_np.conformance.checking import check_case
from vae_np.conformance.mistakes.reference import stages
from vae_np.conformance.mistakes.verdict import Diagnosis, diagnose

__all__ = ["OwnSteps", "changing_rate", "distance", "judged", "own_steps", "trouble"]

Array = NDArray[Any]


class OwnSteps(NamedTuple):
    """A case of kind ``"optimiser"``, and the weights that came out, up to a step that makes NaN of them."""

    case: Case
    answers: dict[str, Array]


def own_steps(program: Program, goal: Goal, rule: Mapping[str, Any], plan: Plan,
              optimizer: Callable[..., Any] | None) -> OwnSteps:  # fmt: skip
    """Its ten steps, and the gradients that it had for them.

    Parameters
    ----------
    program : Program
        Its weights are as before afterwards.
    goal : Goal
        The loss, right or wrong.
    rule : mapping
        The settings of Adam that the optimiser has.
    plan : Plan
        The sizes.
    optimizer : callable, optional
        See `Program.optimizer`.

    Returns
    -------
    OwnSteps
        In the program's own names and layout.
    """
    x, noise = building.data(plan.features), building.noise(plan.latent)[1:]
    batches = [(x[list(rows)], eps) for rows, eps in zip(building.BATCHES, noise, strict=True)]
    before, slopes = program.tensors(), []
    after = up_to_failure(program.train(goal, batches, program.optimizer(optimizer)))
    for state, batch in zip([before, *after[:-1]], batches[: len(after)], strict=True):
        program.write(state)
        slopes.append(program.slopes(goal, *batch)[1])
    program.write(before)
    inputs = {f"theta: {name}": value for name, value in before.items() if name in slopes[0]}
    inputs |= {f"gradients: {name}": np.stack([of_step[name] for of_step in slopes]) for name in slopes[0]}
    case = Case("your optimiser", "optimiser", "on the gradients of your own loss", rule, inputs, {}, {}, None)
    right = {name: Exact(value, np.zeros_like(value)) for name, value in stages(case).items()}
    answers = {f"step {t}: {name}": value for t, of_step in enumerate(after, start=1)
               for name, value in of_step.items() if name in slopes[0]}  # fmt: skip
    case = Case(case.id, case.kind, case.comment, rule, inputs, MappingProxyType(right), {}, None)
    return OwnSteps(case, answers)


def judged(steps: OwnSteps) -> list[Diagnosis]:
    """What explains them; nothing where they are Adam's."""
    results = check_case(lambda _: steps.answers, steps.case)
    return diagnose([steps.case], {steps.case.id: dict(steps.answers)}, {steps.case.id: results}, "float64")


def trouble(steps: OwnSteps) -> str:
    """What is wrong with the steps of an optimiser, Adam or not, in words: NaN, or an end; "" if nothing is known."""
    if broken := _not_finite(steps):
        return broken
    rates = changing_rate(steps)
    moves = [rate for rate in rates if rate]
    if 0 < len(moves) < len(rates) and not any(rates[len(moves) :]) and np.ptp(moves) <= 1e-6 * abs(moves[0]):
        return f"no weight moves after step {len(moves)}, though there is a gradient"
    if 0 < len(rates) < len(building.BATCHES):
        return f"after step {len(rates)} of the optimiser the loss fails; the last learning rate was {rates[-1]:.3g}"
    return ""


def _not_finite(steps: OwnSteps) -> str:
    """What a step made NaN or infinite, in words, and whether that is where the gradient is 0; "" if none did."""
    ends = [(name, value) for name, value in steps.answers.items() if not np.isfinite(value).all()]
    if not ends:
        return ""
    step = ends[0][0].split(":")[0].removeprefix("step ")
    wrong = {name.split(": ")[1]: ~np.isfinite(value) for name, value in ends}
    slopes = {name: steps.case.inputs[f"gradients: {name}"] for name in wrong}
    still = all(not slopes[name][:, where].any() for name, where in wrong.items())
    return (
        f"step {step} of the optimiser makes {sum(int(where.sum()) for where in wrong.values())} numbers NaN or"
        f" infinite, of {', '.join(wrong)}{': those whose gradient was always 0' if still else ''}"
    )


def distance(steps: OwnSteps) -> float:
    """How far the weights are from Adam's, at the most."""
    return max(float(np.abs(value - steps.case.expected[name].nearest).max()) for name, value in steps.answers.items())


def changing_rate(steps: OwnSteps) -> list[float]:
    """Of steps in Adam's direction whose length changes from one to the next, their learning rates; else nothing.

    Without decay what Adam makes of given gradients does not depend on the weights, so that each step has its own.
    """
    case = steps.case
    if _not_finite(steps) or any(float(case.settings.get(name, 0)) for name in ("weight_decay", "l2")):
        return []
    unit = stages(Case(case.id, case.kind, "", dict(case.settings) | {"learning_rate": "1"}, case.inputs, {}, {}, None))
    names = [name.removeprefix("theta: ") for name in case.inputs if name.startswith("theta: ")]

    def moves(weights: Mapping[str, Array]) -> list[Array]:
        states = [np.concatenate([case.inputs[f"theta: {name}"].ravel() for name in names])]
        count = len(weights) // len(names)
        states += [np.concatenate([weights[f"step {t}: {n}"].ravel() for n in names]) for t in range(1, count + 1)]
        return [after - before for before, after in pairwise(states)]

    rates = []
    for ours, theirs in zip(moves(unit), moves(steps.answers), strict=True):
        rates.append(float(ours @ theirs / max(float(ours @ ours), 1e-300)))
        if np.abs(theirs - rates[-1] * ours).max() > 1e-6 * np.abs(theirs).max():
            return []
    return rates
