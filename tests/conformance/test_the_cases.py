"""The conformance vectors: what is in the package is what the generator makes, and it judges both backends."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vae_np.conformance import cases, check
from vae_np.conformance.cases import FILES, data_file
from vae_np.conformance.export import export
from vae_np.conformance.ours import LIKELIHOODS, TABLES, answer
from vae_np.formulas.activations import ACTIVATIONS, Activation
from vae_np.formulas.likelihoods import LIKELIHOODS as KNOWN

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "scripts" / "vectors" / "generate.py"
QUICK = [
    ("model-bernoulli-tanh", "float64"),
    ("model-iwae-bernoulli-tanh", "float64"),
]
"""Models that the plain run compiles, or has compiled for others; the rest is slow."""
OF_OTHERS = {"columns", "exposure"}
"""Likelihoods that are made of others."""
TRAINED = [case.id for case in cases() if case.training is not None]


def lines_of(text: str) -> dict[str, str]:
    """Each case's line by its id."""
    return {json.loads(line.rstrip(","))["id"]: line.rstrip(",") for line in text.splitlines()[1:-1]}


def regenerated(folder: Path, *ids: str) -> dict[str, str]:
    words = [sys.executable, str(GENERATOR), "--out", str(folder)] + (["--only", ",".join(ids)] if ids else [])
    subprocess.run(words, check=True, capture_output=True)
    found = {}
    for name in ("model.json", "elementary.json"):
        found |= lines_of((folder / name).read_text())
    return found


def packaged() -> dict[str, str]:
    return lines_of(data_file("model.json").decode()) | lines_of(data_file("elementary.json").decode())


def test_a_sample_of_the_vectors_is_made_again_bit_for_bit(tmp_path):
    ids = ["model-gaussian-fixed-elu", "model-bernoulli-identity-shallow", "kl-near-the-prior", "adam-amsgrad"]
    ids += [f"likelihood-{name}" for name in TABLES]
    ours = packaged()
    assert regenerated(tmp_path, *ids) == {name: ours[name] for name in ids}


@pytest.mark.slow
def test_all_vectors_are_made_again_bit_for_bit(tmp_path):
    assert regenerated(tmp_path) == packaged()
    assert json.loads((tmp_path / "manifest.json").read_text()) == json.loads(data_file("manifest.json"))


def test_every_number_that_goes_in_is_exact_in_both_precisions():
    for line in packaged().values():
        for array in json.loads(line)["inputs"].values():
            for text, digits in zip(array["hex"], array["decimal"], strict=True):
                value = float.fromhex(text)
                assert Fraction(digits) == Fraction(value) == Fraction(float(np.float32(value)))


def test_hex_is_the_double_nearest_to_the_digits():
    case = cases()[0]
    for value in case.expected.values():
        assert (np.abs(value.rest) <= np.spacing(np.abs(value.nearest)) / 2 * (1 + 1e-6)).all()
        assert np.any(value.rest != 0)


def test_the_cases_cover_every_likelihood_and_activation_and_no_size_fits_by_chance():
    settings = [case.settings for case in cases("model")]
    assert {s["likelihood"] for s in settings} == set(LIKELIHOODS)
    assert {case.settings["likelihood"] for case in cases("likelihood")} == {*LIKELIHOODS, *TABLES}
    alone = {name for name, kind in KNOWN.items() if kind.__module__.startswith("vae_np.")} - OF_OTHERS
    assert alone == {"gaussian" if name.startswith("gaussian-") else name for name in (*LIKELIHOODS, *TABLES)}
    ours = {name for name, kind in ACTIVATIONS.items() if kind.__module__ == Activation.__module__}
    assert {s["activation"] for s in settings} == ours
    for s in settings:
        sizes = [3, s["features"], s["latent"]] + [s["samples"]] * (s["samples"] not in (1, 3))
        assert len(set(sizes)) == len(sizes)
        assert not {*s["hidden"], *s["decoder_hidden"]} & {s["features"], s["latent"]}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_formulas_are_right_on_every_case(dtype):
    report = check(partial(answer, backend="numpy", dtype=dtype), dtype=dtype)
    assert report.ok, report
    assert not report.findings
    answered = {result.case for result in report.results if result.status == "right"}
    assert {case.id for case in cases()} - answered == {"average", "binarise-draw", "dequantise"}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *QUICK,
        *(
            pytest.param(case.id, dtype, marks=pytest.mark.slow)
            for case in cases("model")
            for dtype in ("float64", "float32")
            if (case.id, dtype) not in QUICK
        ),
    ],
)
def test_the_kernels_are_right_on_every_model(name, dtype):
    among = [case for case in cases("model") if case.id == name]
    report = check(partial(answer, backend="numba", dtype=dtype), among, dtype)
    assert report.ok, report


def test_files_that_are_not_those_of_the_manifest_are_refused(monkeypatch):
    module = sys.modules["vae_np.conformance.cases"]
    other = lambda name: data_file(name) + (b" " if name == "model.json" else b"")  # noqa: E731
    monkeypatch.setattr(module, "data_file", other)
    module._all.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"model\.json: not the vectors of the manifest"):
            cases()
    finally:
        module._all.cache_clear()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of model, kl, reparameterise"):
        cases("gan")


def test_a_request_is_what_json_holds():
    case = next(case for case in cases() if case.id == TRAINED[0])
    request = json.loads(json.dumps(case.request()))
    assert request["stages"] == list(case.expected)
    np.testing.assert_array_equal(request["inputs"]["x"], case.inputs["x"])
    assert [step["rows"] for step in request["training"]["steps"]] == [[0, 1, 2], [3, 4]] * 5


def test_the_page_names_every_kind_stage_and_likelihood():
    page = data_file("FORMAT.md").decode()
    for case in cases():
        assert f'"{case.kind}"' in page or f"`{case.kind}`" in page
        for stage in case.expected:
            name = "step T: NAME" if stage.startswith("step ") else stage
            known = f"`{name}`" in page or f"{name.split('.')[0]}.0.h" in page
            assert known or (stage.startswith("d_") and "`d_NAME`" in page), stage
    for name in (*LIKELIHOODS, *TABLES, *FILES[:3]):
        assert f"`{name}`" in page


def test_the_json_that_is_written_is_the_packages(tmp_path):
    files = export(tmp_path / "vectors")
    assert [file.name for file in files] == list(FILES)
    for file in files:
        assert file.read_bytes() == data_file(file.name)


def test_an_npz_file_of_a_case_has_all_of_it(tmp_path):
    files = export(tmp_path, "npz")
    assert len(files) == len(cases()) + 1
    case = next(case for case in cases() if case.id == TRAINED[0])
    with np.load(tmp_path / f"{case.id}.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["expected/kl"], case.expected["kl"].nearest)
        np.testing.assert_array_equal(found["inputs/encoder.0.W"], case.inputs["encoder.0.W"])
        np.testing.assert_array_equal(found["training/2/rows"], [3, 4])
        assert found["settings/beta"] == "0.375"
    with pytest.raises(ValueError, match="json or npz; got 'hdf5'"):
        export(tmp_path, "hdf5")
