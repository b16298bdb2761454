"""verify_model on a program without a framework: right ones pass, and a mistake is found in its stage."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.adapters.numpy_program import D, H, K, NumpyProgram, loss
from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.grading import report
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.model import verify_model
from vae_np.conformance.checking import check_case


def results(program, f=loss, **options):
    verified = verify_model(program, f, **options)
    return verified, check_case(lambda _: verified.answers, verified.case)


def statuses(program, f=loss):
    found = {}
    for result in results(program, f)[1]:
        found.setdefault(result.status, []).append(result.stage)
    return found


def test_a_right_program_is_right_in_every_stage():
    verified, found = results(NumpyProgram())
    given = [result for result in found if result.status != "missing"]
    assert {result.status for result in given} == {"right"}
    assert not verified.findings
    gradients = [result for result in given if result.stage.startswith("d_")]
    steps = [result for result in given if result.stage.startswith("step ")]
    assert (len(gradients), len(steps)) == (10, 100)
    assert max(result.relative for result in given) < 1e-13
    assert "7-11-5-11-7, tanh, bernoulli, sigmoid of the last layer; NumPy in float64" in verified.facts
    assert report(verified, found, "VAE()")[1].endswith("Right.")


@pytest.mark.parametrize(
    ("order", "turned", "sizes"),
    [
        ("avmco", "", (D, H, K)),  # logvar before mu
        ("ocvma", "", (D, H, K)),  # backwards
        ("amvco", "amvco", (D, H, K)),
        ("amvco", "ac", (7, 7, 5)),  # squares: only the values tell
        ("oavmc", "ov", (7, 7, 5)),
        ("amvco", "o", (7, 7, 5)),
    ],
)
def test_orders_and_orientations_are_told_by_the_values(order, turned, sizes):
    found = statuses(NumpyProgram(order, turned, sizes))
    assert set(found) == {"right", "missing"}


class Variance(NumpyProgram):
    def sample(self, mu, logvar, eps):
        return mu + np.exp(logvar) * eps


class SomeGradient(NumpyProgram):
    def slopes(self, goal, x, eps):
        value, slopes = super().slopes(goal, x, eps)
        return value, slopes | {"Wo": slopes["Wo"] * (1 + 1e-8)}


class Detached(NumpyProgram):
    def slopes(self, goal, x, eps):
        value, slopes = super().slopes(goal, x, eps)
        parts = self.forward(x, eps).parts
        return value, slopes | {"bm": parts["one"].mean(0), "bv": (0.5 * np.expm1(parts["other"])).mean(0)}


class NoKL(NumpyProgram):
    def slopes(self, goal, x, eps):
        value, slopes = super().slopes(goal, x, eps)
        return value, slopes | {"bm": slopes["bm"] - self.forward(x, eps).parts["one"].mean(0)}


class OneStep(NumpyProgram):
    def train(self, goal, batches, optimizer):
        found = super().train(goal, batches, optimizer)
        if len(found) > 3:  # it is asked for its first step alone, too
            found[3]["ba"] += 1e-8
        return found


@pytest.mark.parametrize(
    ("kind", "ids", "first"),
    [
        pytest.param(SomeGradient, [], "d_decoder.out.W", marks=[pytest.mark.slow]),
        (Detached, ["no-reparam", "no-reparam"], "d_encoder.mu.b"),
        (NoKL, ["kl-no-derivative"], "d_encoder.mu.b"),
        pytest.param(OneStep, [], "step 4: encoder.0.b", marks=[pytest.mark.slow]),
    ],
)
def test_a_mistake_is_found_in_its_stage_and_named_where_it_has_a_name(kind, ids, first):
    verified, found = results(kind())
    assert [finding.id for finding in verified.findings] == ids
    assert next(result.stage for result in found if result.status == "wrong") == first
    findings, page = report(verified, found, "VAE()")
    assert any(finding.severity == "H" for finding in findings)
    assert "Mistaken" in page


def test_a_sampler_that_takes_the_variance_is_named():
    verified, found = results(Variance())
    assert [finding.id for finding in verified.findings] == ["std-is-variance"]
    assert next(result.stage for result in found if result.status == "wrong") == "z"


def test_without_a_loss_the_forward_pass_is_graded_and_the_rest_said_to_be_missing():
    verified, found = results(NumpyProgram(), None)
    assert {result.stage for result in found if result.status == "right"} == {"mu", "logvar", "z", "raw"}
    assert any("not graded: the loss" in fact and "no --loss" in fact for fact in verified.facts)
    assert "Right, as far as it was graded." in report(verified, found, "VAE()")[1]


def test_weights_that_are_one_number_everywhere_get_noise_and_it_is_said():
    program = NumpyProgram()
    program.vae.parameters["decoder.0.b"] = np.zeros(H)
    verified, _ = results(program)
    assert np.ptp(verified.case.inputs["decoder.0.b"]) > 0
    assert any("one number everywhere" in fact and fact.endswith(": bc") for fact in verified.facts)


def test_weights_that_are_not_finite_and_layers_that_are_no_chain_are_told():
    program = NumpyProgram()
    program.changed = {"Wa": np.full((D, H), np.nan)}
    with pytest.raises(ValueError, match=r"its weights are not finite: Wa is nan at \[0, 0\]"):
        verify_model(program)
    program.changed = {"Wextra": np.arange(12.0).reshape(3, 4)}
    with pytest.raises(NotDense, match=r"are no encoder, heads of mu and logvar, and decoder: .*Wextra 3->4"):
        verify_model(program)
    program.changed, program.foreign = {}, lambda: ["Conv2d"]
    with pytest.raises(NotDense, match="they have Conv2d"):
        verify_model(program)


def test_the_case_is_one_of_the_vectors_kind_whose_inputs_are_exact_in_float32():
    case = verify_model(NumpyProgram(), loss).case
    assert (case.kind, case.settings["hidden"], case.settings["samples"]) == ("model", [11], 1)
    assert case.request()["stages"][:4] == ["encoder.0.h", "mu", "logvar", "z"]
    for value in [*case.inputs.values(), case.training.x, *case.training.eps]:
        np.testing.assert_array_equal(value, value.astype(np.float32))
    assert case.training.rows == building.BATCHES
    assert ((case.inputs["x"] > 0) & (case.inputs["x"] < 1)).all()
