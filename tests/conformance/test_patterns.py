"""What an unknown mistake looks like is measured: a factor, an offset, an example, a term. Every form can be made."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.conformance import cases, check
from vae_np.conformance.mistakes import CATALOGUE
from vae_np.conformance.mistakes.diagnosis import Answered, agrees, explain
from vae_np.conformance.mistakes.patterns import describe
from vae_np.conformance.mistakes.reference import changed, stages

CASES = {case.id: case for case in cases()}
MODEL = CASES["model-gaussian-learned-tanh"]


def value(stage, case=MODEL):
    return case.expected[stage].nearest.copy()


MU, S = value("mu"), value("logvar")
LOOKS = {
    "a factor": ("kl", 1.3 * value("kl"), "it is 1.3 times the right one"),
    "an offset": ("kl", value("kl") + 0.5, "it is the right one plus 0.5"),
    "an example": ("kl", value("kl") * [1, 1, 1.5], "only example 2 of 3 is wrong"),
    "a dimension": ("mu", MU * [1, 1, 1, 2, 1], "only dimension 3 of 5 is wrong"),
    "mu^2": ("kl", value("kl") + 0.1 * (MU**2).sum(1), "the right one plus 0.1 times the sum of mu^2"),
    "e^s": ("d_logvar", value("d_logvar") + 0.2 * np.exp(S), "the right one plus 0.2 times e^s"),
    "the KL": ("bound", value("bound") + 3 * value("kl"), "the right one plus 3 times the KL"),
    "eps^2": ("z", value("z") + 0.1 * MODEL.inputs["eps"] ** 2, "the right one plus 0.1 times eps^2"),
    "nothing simple": ("kl", value("kl") + np.array([0.1, -0.3, 0.7]), "its largest difference is"),
    "a gradient": ("d_encoder.mu.b", value("d_encoder.mu.b") ** 2, "its largest difference is"),
    "another shape": ("kl", value("kl")[:2], ""),
    "a NaN": ("kl", value("kl") * [1, np.nan, 1], ""),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_stage_is_described_by_what_is_true_of_every_entry(name):
    stage, given, words = LOOKS[name]
    assert words in describe(MODEL, stage, given)
    assert bool(describe(MODEL, stage, given)) == bool(words)


def test_the_part_of_a_gradient_that_is_wrong_is_told():
    still = changed({"kl": lambda right: lambda c, mu, s: 0 * right(c, mu, s)})
    without = stages(MODEL, still, steps=0)["d_encoder.mu.W"]
    given = value("d_encoder.mu.W") + 0.5 * (value("d_encoder.mu.W") - without)
    assert describe(MODEL, "d_encoder.mu.W", given).endswith("plus 0.5 times the KL's part of the gradient")


def test_a_log_density_s_term_is_told():
    case = CASES["likelihood-gaussian-fixed"]
    given = value("log_density", case) + 0.25 * case.inputs["x"] * case.inputs["raw"]
    assert describe(case, "log_density", given) == "it is the right one plus 0.25 times x raw"


def test_unknown_stages_of_several_kinds_and_cases_are_told_once_each():
    def wrong(case):
        found = {name: exact.nearest for name, exact in case.expected.items()}
        if case.kind == "kl":
            return {"kl": found["kl"] + np.arange(1, 1 + len(found["kl"])) ** 2}
        return {"z": found["z"] * np.linspace(2, 3, found["z"].size).reshape(found["z"].shape)}

    report = check(wrong, [*cases("kl"), *cases("reparameterise")])
    kl, *_, z = report.findings
    assert (kl.id, z.id) == ("unknown", "unknown")
    assert kl.says.startswith("kl of kl-ordinary: ")
    assert kl.says.endswith(f", and {len(kl.cases) - 1} other cases")
    assert z.says.startswith("z of reparameterise: ")
    assert sum(len(finding.cases) for finding in report.findings) == 4  # + 1 beside 1e13 is nothing


SMALL = [CASES[name] for name in ("model-bernoulli-tanh", "model-continuous-bernoulli-elu", "model-free-bits-total")]
SMALL += [case for case in CASES.values() if case.kind not in ("model", "adam")] + [CASES["adam-amsgrad"]]


def test_every_form_of_every_mistake_computes_every_kind_of_case():
    for mistake in CATALOGUE.values():
        for form in mistake.forms:
            rules, dtype = changed(form.changes()), "float32" if form.own_dtype else "float64"
            for case in SMALL[:1] if form.fit else SMALL:  # what is fitted is of that case
                found = stages(case, rules, dtype, steps=0)
                assert found.keys() >= {name for name in case.expected if not name.startswith("step ")}, mistake.id


def test_what_differs_in_its_last_digits_is_not_called_a_factor_of_1():
    assert describe(MODEL, "kl", value("kl") * (1 + 1e-9)).startswith("it is the right one plus")
    assert "1 times" not in describe(MODEL, "mu", MU + 1e-9 * S)


def test_an_explanation_must_leave_the_right_cases_right():
    ordinary, near = CASES["kl-ordinary"], CASES["kl-near-the-prior"]
    wrong = Answered(ordinary, {"kl": 2 * value("kl", ordinary)})
    assert [found.ids for found in explain([wrong], [])] == [("kl-missing-half",)]
    assert explain([wrong], [Answered(near, {"kl": value("kl", near)})]) == []


def test_nan_and_the_infinities_agree_with_their_own_kind_only():
    case, kinds = CASES["kl-ordinary"], (np.nan, np.inf, -np.inf, 1.0)
    for one in kinds:
        for other in kinds:
            alike = agrees(case, "kl", np.full(3, one), np.full(3, other), "float64")
            assert alike == (str(one) == str(other)), (one, other)
