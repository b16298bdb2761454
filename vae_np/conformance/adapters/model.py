"""A whole program, graded by its own weights: `verify_model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.finding import (
    find,
    make_telling,
    of_activations,
    of_gradients,
    of_link,
    of_sampler,
    with_deviations,
)
from vae_np.conformance.adapters.heads import of_heads
from vae_np.conformance.adapters.mapping import NotDense, Plan
from vae_np.conformance.adapters.objective import (
    Graded,
    bits_of,
    grade_loss,
    likelihood_of_loss,
    says_undone,
    scales_of,
    undone,
    with_direction,
)
from vae_np.conformance.adapters.outputs_of import of_output
from vae_np.conformance.adapters.own_steps import OwnSteps, own_steps
from vae_np.conformance.adapters.program import Goal, Mirrored, Program, Returned, maximises
from vae_np.conformance.adapters.reading import Reading, name_parts
from vae_np.conformance.adapters.steps import ordered, rule_of, steps_of, unlike
from vae_np.conformance.cases import Case
from vae_np.conformance.objective.naming import Finding

__all__ = ["NotDense", "Verified", "verify_model"]

Array = NDArray[Any]


class Verified(NamedTuple):
    """A model beside ours.

    Attributes
    ----------
    case : Case
        Its weights, and what must come out.
    answers : dict of str to array
        What came out, by the case's stages; those that could not be read are not there.
    facts : tuple of str
        What was found out, and what could not be graded.
    findings : tuple of Finding
        Of the sampler, the loss, the activation; the stages are for `check_case` to judge.
    """

    case: Case
    answers: dict[str, Array]
    facts: tuple[str, ...]
    findings: tuple[Finding, ...]
    assumed: str = ""
    """What was taken for Adam without being called so: none if its steps are neither Adam's nor a mistaken one's."""
    own: OwnSteps | None = None
    """The optimiser by itself, which a wrong loss says nothing of."""


def verify_model(
    program: Program,
    loss: Callable[..., Any] | None = None,
    optimizer: Callable[..., Any] | None = None,
    *,
    output: str | None = None,
    beta: float = 1.0,
    arguments: tuple[str, ...] | None = None,
) -> Verified:
    """Read a program's weights into a model of ours, and compare the two stage by stage.

    Parameters
    ----------
    program : Program
        `TorchProgram` of a module, say.
    loss : callable, optional
        As `check_objective` takes it; without it only the forward pass is compared.
    optimizer : callable, optional
        Of the parameters; the framework's Adam with a learning rate of 0.001 if left out.
    output, beta, arguments
        See `check_objective`.

    Returns
    -------
    Verified

    Raises
    ------
    NotDense
        If its networks are no chains of dense layers.
    ValueError
        If it cannot be called, or its weights are not finite.
    """
    if foreign := program.foreign():
        raise NotDense(f"its networks are no chains of dense layers: they have {', '.join(foreign)}")
    facts: list[str] = []
    findings: list[Finding] = []
    make_telling(program, facts)
    reading, observed = find(program)
    if (
        reading.sampler[0] is not None
        and abs(reading.sampler[1] + 1) <= 1e-9
        and reading.sampler[0].severity == "right"
    ):
        program = cast(Program, Mirrored(program))
        reading, observed = find(program)
        facts.append("z is mu - exp(s/2) eps, of the same distribution")
    x, eps = building.data(reading.plan.features)[: building.FIRST], building.noise(reading.plan.latent)[0]
    named, _ = name_parts(observed.parts, reading.seen, x)
    reading, of_heads_found = of_heads(program, reading, observed, named, x, eps)
    named, link = name_parts(observed.parts, reading.seen, x)
    loss = program.own_loss(loss)
    returned = Returned(named, link, bool(observed.calls))
    if loss is not None:
        of_parts, returned = program.objective(loss, returned, reading.plan)
        if of_parts is not loss:
            facts.append("the loss calls the model: it is asked by what the heads and the decoder put out")
        loss = of_parts
    named, link = dict(returned.named), returned.link
    of_noise = of_sampler(program, reading, observed, eps)
    findings += of_activations(reading, x, eps) + of_heads_found + of_noise + of_link(link)
    findings += of_output(program, reading, named, link, x)
    graded = None
    if loss is not None:
        graded = grade_loss(loss, reading.plan, link, output=output, beta=beta, arguments=arguments)
        graded = with_direction(graded, loss, maximises(program.optimizer(optimizer)))
        findings += graded.report.findings
    reading, findings, named = with_deviations(reading, graded, findings, named)
    returned = returned._replace(named=named)
    plan = reading.plan
    answers = {name: value[None] if name[0] in "zdr" else value for name, value in reading.seen.items()}
    goal, likelihood, why = _meant(loss, graded, plan, returned)
    rule, reason, told = (None, why, []) if goal is None else rule_of(program, optimizer, plan, goal)
    own = _alone(program, goal or _callable(loss, graded, plan, returned), rule, plan, optimizer)
    other = "" if rule is None else unlike(plan)
    weights = {name: reading.weights[name] for name in ordered(plan, program)}
    case = building.model_case(plan, weights, reading.activation, likelihood, beta=beta, adam=None if other else rule)
    try:
        if goal is not None:
            value, slopes = program.slopes(goal, x, eps)
            answers |= {"loss": np.asarray(value)} | {f"d_{name}": a for name, a in plan.gradients(slopes).items()}
            scales = (1.0, beta) if graded is None else scales_of(graded, goal, beta)
            findings += [] if of_noise else of_gradients(case, answers, scales)
            answers |= steps_of(program, goal, case, plan, optimizer)
    except ValueError as error:
        if all(finding.severity == "dialect" for finding in findings):
            raise
        goal, rule, reason = None, None, str(error)  # as was to be expected
    what = "the optimiser's steps" if goal is not None else "the loss, the gradients and the optimiser's steps"
    facts += [f"not graded: {what}: {reason}"] if rule is None else told
    facts += [f"the optimiser's steps are not compared with our model's: {other}"] * bool(other)
    facts = [_headline(program, reading, case, link), *plan.lines(), *_unused(program, plan), *facts]
    if graded is not None:
        facts += [*graded.report.facts, *says_undone(findings)]
    assumed = "" if rule is None or not told or _is_adam(optimizer) else "an optimiser of its own"
    return Verified(case, answers, tuple(facts), tuple(findings), assumed, own)


def _callable(loss: Callable[..., Any] | None, graded: Graded | None, plan: Plan, returned: Returned) -> Goal | None:
    """The loss, whatever likelihood it is, if it can be called at all."""
    return None if loss is None or graded is None else undone(loss, graded, plan, returned)[0]


def _alone(program: Program, goal: Goal | None, rule: Mapping[str, Any] | None, plan: Plan,
           optimizer: Callable[..., Any] | None) -> OwnSteps | None:  # fmt: skip
    """The optimiser's own steps, where there are a loss to call and a rule to compare them with."""
    if goal is None:
        return None
    try:
        rule = rule or rule_of(program, optimizer, plan, goal)[0]
        return None if rule is None else own_steps(program, goal, rule, plan, optimizer)
    except ValueError:  # of a loss that fails: it is told where the loss is graded
        return None


def _is_adam(make: Callable[..., Any] | None) -> bool:
    """Whether it is called so."""
    return make is None or "adam" in str(getattr(make, "__qualname__", make)).lower()


def _meant(loss: Callable[..., Any] | None, graded: Graded | None, plan: Plan, returned: Returned
           ) -> tuple[Goal | None, dict[str, str], str]:  # fmt: skip
    """The loss to be called, its likelihood, and where there is no such loss, why."""
    likelihood, why = likelihood_of_loss(graded.loss if graded else None, returned.link)
    if plan.per_feature == 2:
        return None, {"likelihood": "gaussian-heteroscedastic"}, "the decoder puts out two numbers a feature"
    if loss is None or graded is None:
        return None, likelihood or {"likelihood": "bernoulli"}, "no --loss FILE.py:NAME is given"
    if likelihood is None:
        return None, {"likelihood": "bernoulli"}, why
    bits, why = bits_of(graded)
    if graded.binary:
        bits, why = None, "the loss takes x for 0 and 1, and the rows here are grey"
    if bits is None:
        return None, likelihood, why
    goal, why = undone(loss, graded, plan, returned)
    return goal, likelihood | bits, why


def _headline(program: Program, reading: Reading, case: Case, link: str) -> str:
    s = case.settings
    sigma = f" of sigma {float(s['sigma']):g}" if "sigma" in s else ""
    out = {"identity": "", "": ", with an output that is not known"}.get(link, f", {link} of the last layer")
    return f"{reading.plan.widths}, {reading.activation}, {s['likelihood']}{sigma}{out}; {program.framework} in float64"


def _unused(program: Program, plan: Plan) -> list[str]:
    """What is trained and in no layer."""
    used = {piece.tensor for pieces in plan.pieces.values() for piece in pieces}
    rest = [name for name in program.tensors() if name not in used]
    return [f"not graded: in no layer: {', '.join(rest)}"] if rest else []
