"""Every mistake of the catalogue, planted, is named; what is in no catalogue is called unknown and localised."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from vae_np.conformance import cases, check
from vae_np.conformance.comparison import TOLERANCES, kind_of_stage
from vae_np.conformance.mistakes import CATALOGUE, find
from vae_np.conformance.mistakes.catalogue import GROUPS
from vae_np.conformance.mistakes.mistake import instead
from vae_np.conformance.mistakes.page import explanation, listing
from vae_np.conformance.mistakes.reference import RULES, changed, stages
from vae_np.conformance.mistakes.tape import Node, clip, exp, gradients, log, slope_times, stop, unary, where
from vae_np.conformance.objective import forms as forms_of
from vae_np.conformance.objective import naming
from vae_np.conformance.objective.fitting import explain
from vae_np.conformance.objective.frameworks import Numpy
from vae_np.conformance.objective.probes import probe

CASES = {case.id: case for case in cases()}
FORMS = {
    f"{mistake.id}-{i}": (mistake, form)
    for mistake in CATALOGUE.values()
    for i, form in enumerate(mistake.forms)
}  # fmt: skip
FAINT = {"cb-taylor-window", "softplus-threshold", "bce-clamp-100", "log-epsilon", "eps-absorbed"}
"""Off by less than 100 tolerances by their nature: 6e-12 of a value, 2e-9 of a gradient, a number of one's choice."""


def precision(form):
    return "float32" if form.own_dtype else "float64"


def answers(*changes, dtype="float64"):
    """A candidate with these changes, which answers all stages of all cases."""
    rules = changed(*changes)

    def candidate(case):
        found = stages(case, rules, dtype)
        return {stage: found[stage] for stage in case.expected if stage in found}

    return candidate


def shows(form, change, among):
    """The cases that the change changes by more than their tolerances, and by how many; without steps if it does."""
    rules, dtype = changed(change), precision(form)
    for steps in (0, None):
        found = {}
        for case in among:
            ours = stages(case, rules, dtype, steps)
            found[case.id] = max(_tolerances(case, name, ours, dtype) for name in case.expected if name in ours)
        if visible := {name: most for name, most in found.items() if most > 1}:
            return visible
    return {}


def _tolerances(case, stage, ours, dtype):
    exact = case.expected[stage].nearest
    with np.errstate(all="ignore"):
        off = np.abs(np.asarray(ours[stage], float) - exact)
    if not np.isfinite(off).all():
        return np.inf
    size = np.maximum(case.sizes.get(stage, np.abs(exact).max(initial=0)), np.abs(exact))
    allowed = TOLERANCES[dtype][kind_of_stage(stage)] * size + 4 * np.spacing(np.abs(exact).astype(dtype)).astype(float)
    with np.errstate(over="ignore"):
        return np.max(off / allowed, initial=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_reference_without_a_mistake_is_right_on_every_case(dtype):
    report = check(answers(dtype=dtype), dtype=dtype)
    assert report.ok, report
    assert not report.findings


SAMPLE = {f"{group[0].id}-0" for group in GROUPS.values() if group[0].forms}
LONG = [pytest.mark.slow]


@pytest.mark.parametrize("name", [name if name in SAMPLE else pytest.param(name, marks=LONG) for name in FORMS])
def test_a_planted_mistake_is_named_and_nothing_else_but_what_is_the_same_numbers(name):
    mistake, form = FORMS[name]
    change, dtype = form.changes(), precision(form)
    where = [CASES["model-bernoulli-tanh"]] if form.fit else CASES.values()
    visible = shows(form, change, where)
    if max(visible.values(), default=0) < 3:  # a window so narrow that no case is off by much more than a tolerance
        assert mistake.id == "cb-taylor-window"
        return
    if mistake.id not in FAINT:
        assert max(visible.values()) >= 100, visible
    report = check(answers(change, dtype=dtype), [*few(visible), CASES["kl-ordinary"]], dtype)
    assert len(report.findings) == 1, report
    (finding,) = report.findings
    assert mistake.id in {finding.id, *finding.alike}, report
    assert report.ok == (finding.severity == "dialect")


def few(visible):
    """Of each kind the case where it shows most."""
    kinds = {}
    for name in sorted(visible, key=visible.get, reverse=True):
        if name != "kl-ordinary":
            kinds.setdefault(CASES[name].kind, []).append(CASES[name])
    return [case for found in kinds.values() for case in found[:1]]


@pytest.mark.parametrize("group", [pytest.param(name, marks=LONG) for name in GROUPS])
def test_a_mistake_under_a_sum_over_the_batch_is_named_beside_the_dialect(group):
    case = CASES["model-gaussian-learned-gelu" if group == "Likelihood" else "model-bernoulli-relu"]
    batch = CATALOGUE["objective-batch-sum"].forms[0].changes()
    shown = 0
    for mistake in GROUPS[group]:
        form = next((form for form in mistake.forms if not callable(form.change) and not form.own_dtype), None)
        if form is None or mistake.severity == "dialect" or "loss" in form.changes():
            continue
        if not shows(form, form.changes(), [case]):
            continue
        found = check(answers(form.changes(), batch), [case]).findings
        ids = [finding.id for finding in found]
        both = {"objective-batch-sum", mistake.id}
        assert set(ids) == both or any(set(text.split(" and ")) == both for f in found for text in f.alike), found
        shown += 1
    assert shown or group in (
        "Tables and counts",
        "Bounds of several samples",
        "Optimiser",
        "Surroundings",
        "Numerics",
        "Programs",
    )


def test_a_mistake_under_a_dialect_is_named_beside_it():
    planted = [CATALOGUE[name].forms[0].changes() for name in ("std-is-variance", "objective-batch-sum")]
    report = check(answers(*planted), [CASES["model-bernoulli-relu"]])
    assert [finding.id for finding in report.findings] == ["objective-batch-sum", "std-is-variance"]
    assert [finding.id for finding in report.mistakes] == ["std-is-variance"]


UNKNOWN = {
    "a skewed noise": ({"noise": instead(lambda c, eps: eps + 0.1 * eps**2)}, "z", "0.1 times sigma eps^2"),
    "a heavy noise": ({"noise": instead(lambda c, eps: eps + 0.05 * eps**3)}, "z", "0.05 times sigma eps^3"),
    "a KL with a squared logvar": (
        {"kl": instead(lambda c, mu, s: 0.5 * (mu * mu + exp(s) - 1 - s * s))}, "kl", "kl",
    ),
    "a KL with more of mu": (
        {"kl": lambda right: lambda c, mu, s: right(c, mu, s) + 0.1 * mu * mu}, "kl", "0.1 times the sum of mu^2",
    ),
    "a KL times 1.3": ({"kl": lambda right: lambda c, mu, s: 1.3 * right(c, mu, s)}, "kl", "1.3 times the right one"),
    "a shifted mean": ({"sample": lambda right: lambda c, *given: right(c, *given) + 0.5}, "z", "plus 0.5"),
    "an example left out": (
        {"loss": instead(lambda c, p: -p.bound[1:].mean())}, "loss", "times the right one",
    ),
    "one example's KL": (
        {"kl_sum": lambda right: lambda c, entries: right(c, entries) * np.array([1, 1, 1.5])[: c.n]},
        "kl", "only example 2 of 3 is wrong",
    ),
    "a gradient times 0.9": (
        {"kl": lambda right: lambda c, mu, s: slope_times(right(c, mu, s), 0.9)}, "d_mu", "plus -0.0125 times mu",
    ),
    "a bias that is added twice": ({"dense": instead(lambda c, h, W, b: h @ W + 2 * b)}, "encoder.0.h", ""),
}  # fmt: skip


PLAIN = ("a skewed noise", "a KL times 1.3", "one example's KL")


@pytest.mark.parametrize("name", [name if name in PLAIN else pytest.param(name, marks=LONG) for name in UNKNOWN])
def test_what_is_in_no_catalogue_is_called_unknown_at_its_first_stage(name):
    change, stage, words = UNKNOWN[name]
    report = check(answers(change), [CASES["model-gaussian-learned-tanh"]])
    (finding,) = report.findings
    assert finding.id == "unknown"
    assert finding.says.startswith(f"{stage} of model-gaussian-learned-tanh: ")
    assert words in finding.says
    assert not report.ok
    assert str(report).endswith(f"Mistaken: unknown. 1 of 1 cases go wrong; where they first do: {stage} (1).")


def test_two_mistakes_in_two_functions_are_both_named():
    kl, adam = (CATALOGUE[name].forms[0].changes() for name in ("kl-missing-half", "adam-no-correction"))
    report = check(answers(kl, adam), [*cases("kl"), *cases("adam")])
    assert {finding.id for finding in report.findings} == {"kl-missing-half", "adam-no-correction"}


def test_one_slip_among_right_cases_of_its_kind_is_named():
    change = find("variance-no-logterm").forms[0].changes()
    wrong, right = answers(change), answers()
    slip = "likelihood-gaussian-heteroscedastic"
    report = check(lambda case: (wrong if case.id == slip else right)(case), cases("likelihood"))
    assert [(finding.id, finding.cases) for finding in report.findings] == [("variance-no-logterm", (slip,))]


def test_a_float32_stage_in_a_float64_run_is_told():
    rounded = {"sample": lambda right: lambda c, *given: unary(np.float32, np.ones_like, right(c, *given))}
    report = check(answers(rounded), [CASES["model-gaussian-fixed-elu"], CASES["reparameterise"]])
    assert [finding.id for finding in report.findings] == ["dtype-mixed"], report


def test_a_dialect_does_not_fail_and_is_in_the_verdict():
    report = check(answers(CATALOGUE["objective-batch-sum"].forms[0].changes()))
    assert report.ok
    assert "but for this dialect: objective-batch-sum." in str(report)
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["id"] == "objective-batch-sum"


def test_an_answer_off_by_little_more_than_its_tolerance_is_no_mistake_of_the_catalogue():
    case = CASES["kl-ordinary"]
    kl = case.expected["kl"].nearest.copy()
    kl[0] += 1.5 * TOLERANCES["float64"]["forward"] * case.sizes["kl"][0] + 6 * np.spacing(kl[0])
    (finding,) = check(lambda _: {"kl": kl}, [case]).findings
    assert finding.id == "unknown"


def test_a_mistake_with_part_of_the_stages_is_named_by_those():
    """A loss alone cannot tell a KL that is doubled from one that is counted twice."""
    case = CASES["model-bernoulli-tanh"]
    found = stages(case, changed(CATALOGUE["kl-missing-half"].forms[0].changes()))
    (finding,) = check(lambda _: {"loss": found["loss"], "bound": found["bound"]}, [case]).findings
    assert {finding.id, *finding.alike} >= {"kl-missing-half", "kl-double-counted"}
    (finding,) = check(lambda _: {"kl": found["kl"], "bound": found["bound"]}, [case]).findings
    assert finding.id == "kl-missing-half"
    assert not finding.alike


def test_the_page_has_every_mistake_with_both_lines():
    page = listing()
    for name, mistake in CATALOGUE.items():
        assert f"  {name} " in page
        text = explanation(mistake)
        assert f"right  {mistake.right}" in text
        assert f"wrong  {mistake.wrong}" in text
        assert "{" not in text.replace("{x", "") or "{" in mistake.right + mistake.wrong
    assert f"{len(CATALOGUE)} entries" in page
    with pytest.raises(ValueError, match="no known mistake is called kl-tripled; "):
        find("kl-tripled")


def test_ids_are_given_once_and_severities_are_known():
    ids = [mistake.id for group in GROUPS.values() for mistake in group]
    assert len(set(ids)) == len(ids)
    assert {mistake.severity for mistake in CATALOGUE.values()} == {"H", "M", "L", "dialect"}
    known = {key for _, form in FORMS.values() for key in form.changes()}
    assert known <= set(RULES), known - set(RULES)


def test_what_an_objective_is_called_is_in_the_catalogue_with_that_severity():
    at = probe()
    loss = lambda recon, x, mu, logvar: ((x - recon) ** 2).sum() + kl(mu, logvar)  # noqa: E731
    kl = lambda mu, logvar: 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum()  # noqa: E731
    found = explain(loss, ("output", "x", "mu", "logvar"), at, Numpy())
    factors = [*naming._both(found), *naming._of_reconstruction(True), *naming._of_kl(0.37)]
    named = [(one.finding.id, one.finding.severity) for one in factors if one.finding]
    forms = [*forms_of.RECONSTRUCTIONS, *forms_of.CLAMPED, *forms_of.KLS, *forms_of.SAMPLERS]
    named += [(form.id, form.severity) for form in forms if form.severity != "right"]
    assert len(named) > 30
    for name, severity in named:
        assert CATALOGUE[name].severity == severity, name


A = np.random.default_rng(0).normal(size=(3, 4))
FUNCTIONS = {
    "sum": lambda a: (a * a).sum(axis=0),
    "mean": lambda a: (a / (2 + a * a)).mean(axis=(0, 1)),
    "matrix": lambda a: a @ Node(np.arange(8.0).reshape(4, 2)),
    "transpose": lambda a: a.T @ Node(np.arange(6.0).reshape(3, 2)),
    "both": lambda a: a.T @ a,
    "part": lambda a: a[..., 1:3] * a[..., :2],
    "exponential": lambda a: exp(-a) - log(2 + a * a) + 1 / (3 + a),
    "broadcast": lambda a: a * a.sum(axis=0) - a[:1],
    "where": lambda a: where(a.value > 0, a * a, 2 * a) + clip(a, -0.5, 0.5),
    "unary": lambda a: unary(np.sin, np.cos, a),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_tape_s_gradients_are_central_differences(name):
    f, h = FUNCTIONS[name], 1e-5
    cotangent = np.random.default_rng(1).normal(size=f(Node(A)).value.shape)
    a = Node(A)
    (found,) = gradients(f(a), [a], cotangent)
    expected = np.empty_like(A)
    for i, j in itertools.product(*map(range, A.shape)):
        step = np.zeros_like(A)
        step[i, j] = h
        expected[i, j] = np.sum(cotangent * (f(Node(A + step)).value - f(Node(A - step)).value)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_a_stopped_path_has_no_gradient_and_a_wrong_slope_its_factor():
    a = Node(A)
    np.testing.assert_array_equal(gradients(stop(a) * a, [a])[0], A)
    np.testing.assert_array_equal(gradients(slope_times(a, -3) * 2, [a])[0], np.full_like(A, -6))
    np.testing.assert_array_equal(gradients(Node(A), [a])[0], np.zeros_like(A))
