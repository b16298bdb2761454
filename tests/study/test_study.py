"""The topics of vae-np study: their numbers hold together, and each has a table and a picture."""

from __future__ import annotations

import functools
import json
import sys

import numpy as np
import pytest

import vae_np
from vae_np.cli import main
from vae_np.estimators.targets import target, what_of
from vae_np.exact import log_evidence, posterior_on_grid
from vae_np.plots.canvas import BLUE, GREY
from vae_np.study import collapse, estimators, evidence, gradient, posterior, small_model
from vae_np.study.finding import in_float64

X = vae_np.data.load_digits().x[:200, 18:22] / 16  # four pixels of the middle


@pytest.fixture(scope="module")
def vae():
    return small_model(X, vae_np.Gaussian("learned"), latent=1, hidden=(3,), epochs=30)


def test_sampling_is_what_a_gradient_is_off_by_and_arithmetic_is_not(vae, tmp_path):
    found = gradient(vae, X[:3])
    assert found.values["converged"]
    for row in found.values["tensors"]:
        assert row["complex_step"] < 1e-11
        assert row["finite_difference"] < 1e-6
        assert row["averaged"] < row["one_sample"]
    assert any(row["one_sample"] > 0.1 for row in found.values["tensors"])
    assert found.draw(tmp_path / "p.svg").read_bytes().startswith(b"<?xml")


def test_estimators_without_bias_show_none_and_wake_sleep_shows_its_own(vae, tmp_path):
    found = estimators(vae, X[:2], estimates=3000)
    rows = {(row["estimator"], row["name"]): row for row in found.values["rows"]}
    known = {key: row for key, row in rows.items() if row["worst"] == row["worst"]}  # NaN: the exact one is too rough
    assert len(known) >= 0.7 * len(rows)
    for (name, part), row in known.items():
        assert (row["worst"] < 5) == (not name.startswith("rws") or part == "decoder"), (name, part, row)
    assert rows["stl", "encoder"]["deviation"] < rows["reinforce", "encoder"]["deviation"]
    assert found.draw(tmp_path / "p.png").stat().st_size > 1000
    assert all(len(line) < 121 for line in found.lines)


def test_the_gaps_are_told_and_drawn(vae, tmp_path):
    found = posterior(vae, X[:2])
    assert min(found.values["approximation"]) > -1e-9
    assert len(found.lines) == 6
    assert found.draw(tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")


def test_every_way_to_the_evidence_agrees(vae, tmp_path):
    found = evidence(vae, X[:3], samples=512, chains=8, temperatures=60)
    values = found.values
    for way in ("importance", "annealed"):
        assert abs(values[way] - values["quadrature"]) < 5 * values[f"{way}_error"] + 0.01
    assert values["elbo"] < values["quadrature"]
    assert values["annealed_doubtful"] == 0
    ends = f"{values['simulated_lower']:.4f} +- {values['simulated_lower_error']:.4f} and "
    assert f"  log p(x) lies, in expectation, between {ends}{values['simulated_upper']:.4f} +- " in found.lines[-1]
    error = values["simulated_lower_error"] + values["simulated_upper_error"]
    assert values["simulated_lower"] - values["simulated_upper"] < 5 * error
    assert min(values["simulated_lower_error"], values["simulated_upper_error"]) > 0
    assert found.draw(tmp_path / "p.png").exists()


def test_a_heavy_kl_is_the_disease_that_the_table_shows(tmp_path):
    found = collapse(X, X[:60], vae_np.Gaussian("learned"), latent=2, epochs=2)
    rows = {row["remedy"]: row for row in found.values["rows"]}
    assert rows["beta 4"]["rate"] < rows["as it is"]["rate"] < rows["beta 0.5"]["rate"]
    for row in rows.values():
        off = row["mutual_information"] + row["aggregated_kl"] - row["rate"]
        assert abs(off) < 5 * (row["mutual_information_error"] + row["aggregated_kl_error"])
    assert any(line.startswith("KL = I(x; z) + KL(q(z)||p), these two by 167 z an example") for line in found.lines)
    assert json.dumps(found.values)
    assert found.draw(tmp_path / "p.png").exists()


def test_a_float32_model_on_the_kernels_is_looked_at_in_float64():
    vae = vae_np.VAE(
        4, hidden=(3,), latent=1, dtype="float32", backend="numpy", scale="standard", likelihood="gaussian"
    )
    vae.start_scaling(X.astype("float32"))
    other = in_float64(vae)
    assert other.dtype == np.float64
    np.testing.assert_allclose(other.encode(X)[0], vae.encode(X.astype("float32"))[0], rtol=1e-5, atol=1e-6)
    assert in_float64(other) is other


def test_the_command_prints_the_table_and_writes_the_picture(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["study", "gradient", "--epochs", "1", "--examples", "2", "--latent", "1"]) == 0
    out = capsys.readouterr().out
    assert "decoder.out.W" in out
    assert (tmp_path / "study-gradient.png").exists()
    assert main(["study", "posterior", "--epochs", "1", "--examples", "1", "--json", "--out", "p.svg"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["topic"] == "posterior"
    assert values["picture"] == "p.svg"


def test_a_log_has_a_line_for_each_estimator_and_a_terminal_a_bar(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["vae_np.study.estimators"], "ESTIMATORS", ("elbo", "stl", "reinforce"))
    words = ["study", "estimators", "--epochs", "1", "--examples", "1", "--samples", "2"]
    assert main(words) == 0
    assert capsys.readouterr().err == "1/3 elbo\n2/3 stl\n3/3 reinforce\n"
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(words) == 0
    err = capsys.readouterr().err
    assert "reinforce" in err
    assert "%|" in err


def test_estimators_that_are_after_one_gradient_share_it(vae, monkeypatch):
    asked = []

    def noted(vae, x, name, *rest, **options):
        asked.append(name)
        return target(vae, x, name, *rest, **options)

    monkeypatch.setattr(sys.modules["vae_np.study.estimators"], "target", noted)
    estimators(vae, X[:1], estimates=200)
    assert len(set(asked)) == len(asked) == 8
    smooth = vae_np.VAE(4, hidden=(3,), latent=1, activation="tanh", likelihood="gaussian", backend="numpy", seed=0)
    for name in ("stl", "dreg", "rws-dreg"):
        right, same = (target(smooth, X[:1], one, 2, tolerance=1e-5) for one in (name, what_of(name)))
        np.testing.assert_array_equal(right.vector, same.vector)


def test_a_model_of_one_s_own_is_looked_at(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vae_np.VAE(64, hidden=(3,), latent=1, backend="numpy", dtype="float32").save("model.npz")
    words = ["study", "gradient", "--model", "model.npz", "--data", "digits", "--examples", "2", "--json"]
    assert main(words) == 0
    assert "64-3-1-3-64" in json.loads(capsys.readouterr().out)["model"]


def test_fewer_rows_than_were_asked_for_are_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("few.csv", X[:30], delimiter=",")
    words = ["study", "gradient", "--data", "few.csv", "--epochs", "1", "--latent", "1", "--examples"]
    assert main([*words, "50"]) == 0
    assert "there are 3 rows to look at: --examples 50 takes these" in capsys.readouterr().out.splitlines()
    assert main([*words, "2"]) == 0
    assert "rows to look at" not in capsys.readouterr().out
    assert main([*words, "50", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["looked_at"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["posterior", "--samples", "3"], "--samples has no part in posterior"),
        (["collapse", "--model", "m.npz"], "--model has no part in collapse"),
        (["gradient", "--model", "m.npz", "--latent", "2"], "--latent describes the small model, and one is given"),
        (["gradient", "--examples", "0"], "--examples must be at least 1; got 0"),
        (["gradient", "--out", "x.txt"], "--out must end in .png, .svg or .pdf; got x.txt"),
        (
            ["estimators", "--samples", "1"],
            "--samples must suit every estimator, as 2 and other even numbers do: reinforce",
        ),
        (["estimators", "--samples", "3"], "miwae divides the samples into 2 groups of one size; got 3 samples"),
        (["evidence", "--samples", "1"], "--samples must be at least 2 for evidence"),
        (["gradient", "--latent", "4"], "--latent must be at most 3 for gradient; got 4: the exact gradient is by q"),
        (["posterior", "--latent", "3"], "--latent must be at most 2 for posterior; got 3: a posterior is shown on a"),
    ],
)
def test_what_cannot_be_looked_at_is_told_in_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vae_np.study.finding, "small_model", None)  # nothing is trained before it
    assert main(["study", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_what_is_not_known_or_has_not_converged_is_not_called_exact(vae, monkeypatch, tmp_path):
    lines = "\n".join(evidence(vae, X[:2], samples=10, chains=4, temperatures=20).lines)
    assert "Pareto k unknown with fewer than 25 samples" in lines
    assert " exact" in lines
    coarse = functools.partial(log_evidence, most=8)
    monkeypatch.setattr(sys.modules["vae_np.study.evidence"], "log_evidence", coarse)
    lines = "\n".join(evidence(vae, X[:2], samples=10, chains=4, temperatures=20).lines)
    assert "NOT CONVERGED, off by about inf" in lines
    assert " exact" not in lines
    monkeypatch.setattr(sys.modules["vae_np.study.posterior"], "MOST", 8)
    lines = posterior(vae, X[:2]).lines
    assert any(line.startswith("NOT CONVERGED: log p(x) or an ELBO may be off by ") for line in lines)


def test_a_grid_that_does_not_resolve_its_posterior_is_told(vae, monkeypatch):
    lost = "the picture's grid does not resolve the posterior of example "
    assert not any(line.startswith(lost) for line in posterior(vae, X[:2]).lines)
    few = functools.partial(posterior_on_grid, points=5)
    monkeypatch.setattr(sys.modules["vae_np.study.posterior"], "posterior_on_grid", few)
    assert any(line.startswith(lost) for line in posterior(vae, X[:2]).lines)


def test_without_an_exact_gradient_no_bias_is_told_and_the_dots_are_grey(tmp_path):
    vae = small_model(X, vae_np.Gaussian("learned"), latent=3, hidden=(3,), epochs=1)
    found = estimators(vae, X[:2], estimates=200)
    assert all(row["worst"] != row["worst"] for row in found.values["rows"])
    assert found.lines[-1] == "no bias is told of all: the exact gradient's quadrature takes S K <= 4"
    svg = found.draw(tmp_path / "p.svg").read_text().lower()
    assert GREY.lower() in svg
    assert BLUE.lower() not in svg
