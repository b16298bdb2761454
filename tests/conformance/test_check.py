"""The check on conformance vectors bites: at the first stage that is wrong, and on whatever a candidate may answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vae_np.conformance import cases, check
from vae_np.conformance.checking import check_case
from vae_np.conformance.comparison import TOLERANCES, kind_of_stage

CASE = next(case for case in cases() if case.id == "model-gaussian-learned-tanh")


def right(case):
    """An answer of all stages, each the nearest double."""
    return {stage: value.nearest.copy() for stage, value in case.expected.items()}


def spoilt(**changes):
    """A candidate that is right but for these stages."""
    return lambda case: right(case) | {stage.replace("__", "."): change for stage, change in changes.items()}


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_an_entry_that_is_off_by_thrice_what_is_allowed_is_wrong_in_every_stage_of_every_case(dtype):
    for case in cases():
        for stage, value in case.expected.items():
            size = np.maximum(case.sizes.get(stage, np.abs(value.nearest).max()), np.abs(value.nearest))
            spacing = np.spacing(np.abs(value.nearest).astype(dtype)).astype(float)
            allowed = TOLERANCES[dtype][kind_of_stage(stage)] * size + 4 * spacing
            at = tuple(np.random.default_rng(len(stage)).integers(value.nearest.shape)) if value.nearest.ndim else ()
            for share, status in ((3, "wrong"), (0.3, "right")):
                answer = value.nearest.copy()
                answer[at] += share * np.broadcast_to(allowed, answer.shape)[at]
                results = check_case(lambda _, given={stage: answer}: given, case, dtype)
                (result,) = (found for found in results if found.stage == stage)
                assert result.status == status, (case, stage, share)
                assert result.at == at or status == "right"


def test_what_follows_the_first_wrong_stage_is_its_consequence():
    report = check(spoilt(z=CASE.expected["z"].nearest * 1.01, kl=CASE.expected["kl"].nearest * 2), [CASE])
    found = {result.stage: result.status for result in report.results}
    assert [found[stage] for stage in ("mu", "z", "kl", "loss")] == ["right", "wrong", "consequence", "right"]
    assert not report.ok
    assert "1 of 1 cases go wrong; where they first do: z (1)." in str(report)
    assert "and 1 stages after it, as its consequence" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["ok"] is False


def test_any_subset_of_the_stages_will_do_and_nothing_is_not_right():
    report = check(lambda case: {"kl": case.expected["kl"].nearest} if "kl" in case.expected else None)
    assert report.ok
    assert f"in {len([case for case in cases() if 'kl' in case.expected])} of {len(cases())} cases" in str(report)
    nothing = check(lambda case: {})
    assert not nothing.ok
    assert f"Nothing was answered, of {len(cases())} cases." in str(nothing)


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        pytest.param({"kl": np.full(3, np.nan)}, "is nan at [0]", marks=[pytest.mark.slow]),
        ({"kl": [1.0, np.inf, 2.0]}, "is inf at [1]"),
        ({"kl": np.ones(5)}, "has the shape (5,), not (3,)"),
        ({"kl": np.ones((3, 1))}, "has the shape (3, 1), not (3,)"),
        ({"kl": "garbage"}, "no array of numbers"),
        ({"kl": [[1], [2, 3]]}, "no array of numbers"),
        ({"kl": [1j, 2j, 3j]}, "no array of numbers"),
        ({"KL": np.ones(3)}, "there is no such stage; those of this case are encoder.0.h, mu, logvar"),
        (17, "TypeError"),
    ],
)
def test_garbage_is_told_and_ends_nothing(answer, fact):
    first, second = CASE, next(case for case in cases() if case.kind == "kl")
    report = check(lambda case: answer if case is first else right(case), [first, second])
    wrong = [result for result in report.results if result.status == "wrong"]
    assert len(wrong) == 1
    assert fact in wrong[0].fact
    assert {result.status for result in report.results if result.case == second.id} == {"right"}


def test_an_exception_of_the_candidate_is_a_wrong_case():
    def candidate(case):
        raise RuntimeError("out of memory")

    report = check(candidate, [CASE])
    assert [result.fact for result in report.results] == ["RuntimeError: out of memory"]


def test_integers_and_lists_are_numbers_too():
    case = next(case for case in cases() if case.id == "model-bernoulli-relu")
    loss, mu = case.expected["loss"].nearest, case.expected["mu"].nearest
    report = check(lambda _: {"loss": float(loss), "mu": mu.tolist()}, [case])
    assert report.ok


def test_an_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="dtype must be one of float64, float32; got 'float16'"):
        check(right, dtype="float16")


def test_the_report_is_json_whatever_the_errors_are():
    case = next(case for case in cases() if case.id == "binarise-draw")
    report = check(lambda _: {"binary": case.expected["binary"].nearest + 1}, [case])
    json.loads(json.dumps(report.to_dict(), allow_nan=False))
