"""The report on a whole program, and the request that a child process answers with it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vae_np.conformance.adapters.choosing import made, own_loss, own_sampler, program_of
from vae_np.conformance.adapters.making import parse_init
from vae_np.conformance.adapters.model import NotDense, Verified, verify_model
from vae_np.conformance.adapters.own_steps import changing_rate, judged, trouble
from vae_np.conformance.adapters.torch_losses import whole_loss
from vae_np.conformance.adapters.torch_modules import is_module
from vae_np.conformance.checking import check_case
from vae_np.conformance.comparison import Result
from vae_np.conformance.mistakes.verdict import diagnose
from vae_np.conformance.objective import ObjectiveReport, check_objective
from vae_np.conformance.objective.naming import UNKNOWN, Finding
from vae_np.conformance.programs import callable_of, load_file, object_of, split

__all__ = ["answer", "report"]


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Grade {"model": FILE.py:NAME, "loss": ..., "optimizer": ..., "init": ..., ...}; see `child.grade`.

    Raises
    ------
    ValueError
        If it cannot be run, with what was expected.
    """
    what = request["model"]
    name = what.rpartition(":")[2]
    model, how = made(object_of(what), parse_init(request.get("init") or ""), name)
    arguments = request.get("arguments")
    loss = _loss(request.get("loss"), what, model) or own_loss(model)
    how_asked = {
        "output": request.get("output"),
        "beta": request.get("beta", 1.0),
        "arguments": None if arguments is None else tuple(arguments),
    }
    optimizer = None if request.get("optimizer") is None else _optimizer(request["optimizer"])
    try:
        verified = verify_model(program_of(model, name, loss, how_asked["beta"]), loss, optimizer, **how_asked)
    except NotDense as reason:
        return _objective_alone(model, loss, request, how_asked, reason)
    except ValueError as error:
        raise ValueError(f"{how}: {error}") from None
    if request.get("sampler") is not None:  # beside the model's own
        found = check_objective(sampler=callable_of(request["sampler"]))
        verified = verified._replace(
            facts=(*verified.facts, *found.facts), findings=(*verified.findings, *found.findings)
        )
    results = check_case(lambda _: verified.answers, verified.case)
    findings, text = report(verified, results, how)
    return _told(findings, verified.facts, text) | {"stages": [_for_json(result) for result in results]}


def _optimizer(what: str) -> Any:
    """A function, or an object: of optax and Keras as it is, of PyTorch as one that makes another with its settings."""
    found = object_of(what)
    if len(getattr(found, "param_groups", ())) == 1:
        kind, known = type(found), inspect.signature(type(found)).parameters
        settings = {name: value for name, value in found.param_groups[0].items() if name in known and name != "params"}
        return lambda parameters: kind(parameters, **settings)
    return found if hasattr(found, "update") or hasattr(found, "apply_gradients") else callable_of(what)


def _for_json(result: Result) -> dict[str, Any]:
    """With None for an error without bounds, which an expected 0 makes."""
    found = result._asdict() | {"at": list(result.at)}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()
    }


def _loss(what: str | None, of: str, model: Any) -> Any:
    """A function, or a method of the model."""
    if what is None:
        return None
    holder, _, method = what.rpartition(".")
    if holder == of and callable(getattr(model, method, None)):
        return getattr(model, method)
    return callable_of(what)


def _objective_alone(model: Any, loss: Any, request: Mapping[str, Any], asked: dict[str, Any],
                     reason: NotDense) -> dict[str, Any]:  # fmt: skip
    """The loss and the sampler of a model whose networks cannot be graded, beside what is wrong with them."""
    sampler = None if request.get("sampler") is None else callable_of(request["sampler"])
    if is_module(model) and (whole := whole_loss(model, loss, asked["beta"])) is not None:
        more = f"the loss, {whole.name}, calls them; one of the decoder's output, x, mu and logvar can be graded alone"
        loss, reason = None, NotDense(f"{reason}; {more}", *reason.findings)
    if sampler is None:
        sampler = own_sampler(model, load_file(split(request["model"])[0]))
    if loss is None and sampler is None and not reason.findings:
        raise ValueError(
            f"{request['model']}: {reason}; a loss or a sampler can be graded: --loss, --sampler FILE.py:NAME"
        )
    nothing = ObjectiveReport((), ())
    found = nothing if loss is None and sampler is None else check_objective(loss, sampler, **asked)
    facts, findings = (f"not graded: the networks: {reason}", *found.facts), (*reason.findings, *found.findings)
    return _told(findings, facts, _in_part(str(ObjectiveReport(findings, facts))))


def _told(findings: Iterable[Finding], facts: Iterable[str], text: str) -> dict[str, Any]:
    found = [finding._asdict() for finding in findings]
    ok = all(finding["severity"] == "dialect" for finding in found)
    return {"ok": ok, "findings": found, "facts": list(facts), "text": text}


def report(verified: Verified, results: list[Result], how: str) -> tuple[tuple[Finding, ...], str]:
    """The findings, a wrong stage that none of them explains among them, and the page."""
    findings = verified.findings
    first = next((result for result in results if result.status == "wrong"), None)
    if first is not None and all(finding.severity == "dialect" for finding in findings):
        found = _diagnosed(verified, results, first)
        in_a_step = first.stage.startswith("step ")
        if in_a_step and all(one.id == UNKNOWN for one in found) and (why := _no_adam(verified)):
            return report(*_without_steps(verified, why), how)
        if in_a_step:  # told by the model's own weights
            verified = verified._replace(own=None)
        findings = (*findings, *found)
    verified, of_optimiser = _of_optimiser(verified, findings)
    findings = (*findings, *of_optimiser)
    lines = [how, *(f"  {fact}" for fact in verified.facts), ""]
    lines += _table(results)
    page = str(ObjectiveReport(findings, ()))
    if any(fact.startswith("not graded") for fact in verified.facts):
        page = _in_part(page)
    return findings, "\n".join([*lines, page])


def _of_optimiser(verified: Verified, findings: tuple[Finding, ...]) -> tuple[Verified, list[Finding]]:
    """What is wrong in the optimiser itself, where the steps of the model cannot tell it."""
    steps = verified.own
    compared = any(stage.startswith("step ") for stage in verified.answers)
    if steps is None or (compared and all(finding.severity == "dialect" for finding in findings)):
        return verified, []
    if not all(np.isfinite(value).all() for value in steps.case.inputs.values()):
        return verified, []
    if says := trouble(steps):
        return verified, [Finding(UNKNOWN, "H", says)]
    found = judged(steps)
    if any(one.id == UNKNOWN for one in found) and (why := _no_adam(verified)):
        return verified._replace(facts=(*verified.facts, f"not graded: the optimiser's steps: {why}")), []
    says = "Adam's" if not found else "not Adam's"
    fact = f"the optimiser's steps, on the gradients of the program's own loss, are {says}"
    known = {finding.id for finding in findings}
    named = [Finding(one.id, one.severity, one.says) for one in found if one.id == UNKNOWN or one.id not in known]
    return verified._replace(facts=(*verified.facts, fact)), named


def _no_adam(verified: Verified) -> str:
    """Why steps that no mistake explains may be right all the same; "" if nothing says so."""
    if verified.own is not None and trouble(verified.own):
        return ""
    rates = [] if verified.own is None else changing_rate(verified.own)
    if rates:
        shown = ", ".join(f"{rate:.4g}" for rate in rates[:4])
        return f"they are in Adam's direction, with learning rates {shown}, ..., of a schedule or a wrong correction"
    return f"{verified.assumed}, whose steps are no Adam's, right or mistaken" if verified.assumed else ""


def _without_steps(verified: Verified, why: str) -> tuple[Verified, list[Result]]:
    """The same where the steps are those of another rule than Adam."""
    answers = {name: value for name, value in verified.answers.items() if not name.startswith("step ")}
    fact = f"not graded: the optimiser's steps: {why}"
    left = verified._replace(answers=answers, facts=(*verified.facts, fact), assumed="", own=None)
    return left, check_case(lambda _: answers, left.case)


def _in_part(page: str) -> str:
    """With a last line that claims no more than was graded."""
    *lines, last = page.splitlines()
    if "as far as it was graded" in last:
        return page
    return "\n".join([*lines, last.replace("Right", "Right, as far as it was graded", 1)])


def _diagnosed(verified: Verified, results: list[Result], first: Result) -> list[Finding]:
    """What of the catalogue explains the wrong stages, or what the first of them looks like."""
    case = verified.case
    plain = Finding(UNKNOWN, "H", f"the first stage that is wrong: {first.stage} {first.fact}")
    if "form" in case.settings:  # a likelihood that the reference computation has not
        return [plain]
    if first.stage.startswith("step ") and verified.own is not None and (says := trouble(verified.own)):
        return [plain._replace(says=says)]
    found = diagnose([case], {case.id: dict(verified.answers)}, {case.id: results}, "float64")
    if all(one.id == UNKNOWN for one in found) and (cut := _cut_off(verified)):
        return [Finding("no-gradient", "H", cut)]
    if all(one.id == UNKNOWN for one in found):
        says = " ".join(one.says.replace(f" of {case.id}", "") for one in found)
        return [plain._replace(says=f"the first stage that is wrong: {says or first.fact}")]
    return [Finding(one.id, one.severity, one.says) for one in found]


def _cut_off(verified: Verified) -> str:
    """The parameters that no gradient reaches and one should, in words, if there are any."""
    missing = [
        stage.removeprefix("d_")
        for stage, value in verified.answers.items()
        if stage.startswith("d_") and stage in verified.case.expected and not np.any(value)
        and np.any(verified.case.expected[stage].nearest)
    ]  # fmt: skip
    if not missing:
        return ""
    some = ", ".join(missing[:6]) + ", ..." * (len(missing) > 6)
    return f"no gradient reaches {some}: no_grad(), detach(), .data or requires_grad=False cuts them off"


def _table(results: list[Result]) -> list[str]:
    """A line for each stage, one for all tensors of a step, and one for all that is missing."""
    given = [result for result in results if result.status != "missing"]
    groups: dict[str, list[Result]] = {}
    for result in given:
        groups.setdefault(result.stage.split(": ")[0], []).append(result)
    width = max(map(len, groups), default=0)
    lines = []
    for name, group in groups.items():
        worst = max(group, key=lambda result: (result.status != "right", result.relative))
        line = f"  {name:<{width}}  {worst.status:<11}  off by {worst.relative:.1e}"
        if worst.status == "wrong":
            line += f": {worst.stage.split(': ')[-1] + ' ' if name != worst.stage else ''}{worst.fact}"
        lines.append(line)
    missing = [result.stage for result in results if result.status == "missing"]
    names = dict.fromkeys("steps" if stage.startswith("step ") else stage for stage in missing)
    gradients = [name for name in names if name.startswith("d_")]
    if len(gradients) > 2:
        names = dict.fromkeys("gradients" if name in gradients else name for name in names)
    return [*lines, *([f"  missing: {', '.join(names)}"] if names else []), ""]
