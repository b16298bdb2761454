"""The pictures of a run: which rows they show, by what names, and that their numbers are those of vae-np evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wine import KINDS, NAMES, wine, write_wine

import vae_np as package
from cli.conftest import SMALL

pytest.importorskip("matplotlib")

WINES = ["train", "--data", "wine.csv", "--labels", "last", "--likelihood", "gaussian", "--scale", "standard"]


@pytest.fixture
def drawn(monkeypatch):
    """What the pictures were given, by their functions' names."""
    found = {}
    whole = ("kl_per_dimension", "latent_space", "reconstructions", "samples", "manifold", "traversals")
    for name in (*whole, "feature_reconstructions", "feature_manifold", "feature_traversals"):

        def draw(*args, _name=name, **options):
            found[_name] = (args, options)
            return next(Path(arg) for arg in args if isinstance(arg, (str, Path)))

        monkeypatch.setattr(f"vae_np.plots.{name}", draw)
    return found


@pytest.mark.parametrize(("split", "part", "of"), [("0.5,0.2,0.3", "test", "test"), ("0.7,0.3,0", "validation", None)])
def test_the_kl_picture_has_the_numbers_of_evaluate(vae_np, drawn, monkeypatch, split, part, of):
    monkeypatch.setattr("vae_np.cli.pictures.EXAMPLES", 7)  # of the latent space; not of the KL
    write_wine("wine.csv")
    words = [*WINES, *SMALL[:-1], "16", "--latent", "4", "--epochs", "15", "--split", split, "--seed", "3"]
    assert vae_np(*words, "--out", "run").code == 0
    values = vae_np("evaluate", "run", "--part", part, "--json").json
    (kl, _), options = drawn["kl_per_dimension"]
    assert kl.tolist() == values["kl_per_dimension"]
    assert int(options["active"].sum()) == values["active_units"]
    assert options["of"] == f"{values['examples']} {of or part} examples"
    assert values["examples"] > 7
    assert options["threshold"] == package.evaluation.bounds.ACTIVE_VARIANCE


def test_the_latent_space_takes_the_other_parts_where_the_test_part_is_small(vae_np, drawn, monkeypatch):
    write_wine("wine.csv", index="")
    words = [*WINES, *SMALL, "--epochs", "1"]
    assert vae_np(*words, "--out", "few").code == 0
    (mu, _), options = drawn["latent_space"]
    train, validation, test = package.data.split(178, seed=0)
    rows = np.concatenate([test, validation, train])
    expected = package.load("few", backend="numpy").encode(wine()[0][rows])[0]
    np.testing.assert_allclose(mu, expected, rtol=1e-12, atol=1e-12)
    assert options["of"] == "test, validation and training"
    assert options["labels"].tolist() == [wine()[1][row] for row in rows]
    assert set(options["labels"]) == set(KINDS)
    assert options["label_name"] == "kind"
    monkeypatch.setattr("vae_np.cli.pictures.FEW", 18)
    assert vae_np(*words, "--out", "enough").code == 0
    (mu, _), options = drawn["latent_space"]
    assert (len(mu), options["of"]) == (18, "test")
    monkeypatch.setattr("vae_np.cli.pictures.FEW", 19)
    monkeypatch.setattr("vae_np.cli.pictures.EXAMPLES", 30)
    assert vae_np(*words, "--out", "capped").code == 0
    (mu, _), options = drawn["latent_space"]
    assert (len(mu), options["of"]) == (30, "test and validation")


def test_more_kinds_than_a_legend_has_room_for_are_a_scale(vae_np, drawn):
    x = np.random.default_rng(0).random((60, 3))
    with open("wine.csv", "w") as file:
        file.writelines(f"{a!r},{b!r},{c!r},k{i % 21:02}\n" for i, (a, b, c) in enumerate(x.tolist()))
    assert vae_np(*WINES, *SMALL, "--epochs", "0", "--out", "run").code == 0
    _, options = drawn["latent_space"]
    assert options["labels"].dtype.kind == "i"


def test_the_pictures_of_a_table_have_its_names(vae_np, drawn):
    write_wine("wine.csv", index="")
    assert vae_np(*WINES, *SMALL, "--epochs", "0", "--out", "two").code == 0
    (x, mean, _), options = drawn["feature_reconstructions"]
    rows = package.data.split(178, seed=0)[2]
    vae = package.load("two", backend="numpy")
    np.testing.assert_array_equal(x, wine()[0][rows])  # all of the test part
    np.testing.assert_allclose(mean, vae.reconstruct(x), rtol=1e-12)
    assert options["names"] == drawn["samples"][1]["names"] == list(NAMES)
    np.testing.assert_allclose(drawn["samples"][1]["spread"], x.std(axis=0), rtol=1e-12)
    _, options = drawn["feature_manifold"]
    assert (options["names"], len(options["x"]), len(options["mu"])) == (list(NAMES), 178, 178)
    np.testing.assert_allclose(options["mu"], vae.encode(options["x"])[0], rtol=1e-12, atol=1e-12)
    drawn.clear()
    assert vae_np(*WINES, *SMALL, "--latent", "3", "--prior", "mixture", "--epochs", "0", "--out", "three").code == 0
    _, options = drawn["feature_traversals"]
    assert options["names"] == drawn["samples"][1]["names"] == list(NAMES)
    assert drawn["samples"][1]["row"] == "component"
    np.testing.assert_allclose(options["moments"][1], wine()[0][rows].std(axis=0), rtol=1e-12)
    assert not {"reconstructions", "manifold", "traversals"} & set(drawn)
    drawn.clear()
    assert vae_np("sample", "two", "--out", "s.png").code == vae_np("reconstruct", "two", "--out", "r.png").code == 0
    assert drawn["samples"][1]["names"] == drawn["feature_reconstructions"][1]["names"] == list(NAMES)
    assert vae_np("reconstruct", "two", "-n", "5", "--out", "r.png").code == 0
    assert len(drawn["feature_reconstructions"][0][0]) == 5


def test_features_without_names_are_numbered_while_they_are_few(vae_np, drawn):
    generator = np.random.default_rng(0)
    for width, names in ((24, [f"x{j}" for j in range(24)]), (25, None)):
        np.save("plain.npy", generator.random((40, width)))
        assert vae_np("train", "--data", "plain.npy", *SMALL, "--epochs", "0", "--out", f"run{width}").code == 0
        assert drawn["samples"][1]["names"] == names
    assert drawn["feature_reconstructions"][1]["names"] == [f"x{j}" for j in range(24)]
    assert drawn["reconstructions"][0][0].shape[1] == drawn["manifold"][1]["mu"].shape[1] + 23 == 25
    drawn.clear()
    np.save("images.npy", generator.random((40, 2, 3)))
    assert vae_np("train", "--data", "images.npy", *SMALL, "--epochs", "0", "--out", "images").code == 0
    assert drawn["samples"][1]["names"] is None
    assert {"reconstructions", "manifold"} < set(drawn)


def test_wide_tables_without_names_have_their_moving_features_by_number(vae_np, drawn):
    np.save("wide.npy", np.random.default_rng(0).normal(size=(20, 81)))
    assert vae_np("train", "--data", "wide.npy", *SMALL, "--latent", "3", "--epochs", "0", "--out", "three").code == 0
    assert drawn["feature_traversals"][1]["names"] == [f"x{j}" for j in range(81)]
    generator, scale = np.random.default_rng(0), np.where(np.arange(1001) % 50 == 7, 1.0, 1e-3)
    np.save("wide.npy", 100 + generator.normal(size=(20, 1001)) * scale)
    words = ["--likelihood", "gaussian", "--scale", "standard", "--epochs", "0"]
    assert vae_np("train", "--data", "wide.npy", *SMALL, *words, "--out", "wider").code == 0
    options = drawn["samples"][1]
    assert options["where"].endswith("\nthe 40 of 1001 features that move most")
    vae, x = package.load("wider", backend="numpy"), np.load("wide.npy")
    moved = vae.decode(vae.sample_prior(64)).std(axis=0) / x[package.data.split(20)[2]].std(axis=0)
    assert options["names"] == [f"x{j}" for j in sorted(np.argsort(-moved)[:40])]
    assert drawn["feature_reconstructions"][1]["names"] == [f"x{j}" for j in range(1001)]
    np.save("wide.npy", np.zeros((20, 501)))
    assert vae_np("train", "--data", "wide.npy", *SMALL, "--epochs", "0", "--out", "two").code == 0
    assert drawn["feature_manifold"][1]["names"] == [f"x{j}" for j in range(501)]


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 35.8 GiB"), RuntimeError("no\nfont"), KeyError()])
def test_a_picture_that_fails_takes_nothing_with_it(error, vae_np, drawn, monkeypatch):
    def fails(*args, **options):
        result = json.loads(Path("run/result.json").read_text())
        assert "test_elbo" in result  # written before
        raise error

    monkeypatch.setattr("vae_np.plots.samples", fails)
    done = vae_np("train", "--data", "data.csv", *SMALL, "--epochs", "1", "--out", "run")
    assert done.code == 0
    text = " ".join(str(error).split()) or type(error).__name__
    assert f"vae-np: no samples.png: {text}\n" in done.err
    result = json.loads(Path("run/result.json").read_text())
    drawn_names = [Path(path).name for path in result["pictures"]]
    assert drawn_names[0] == "kl_per_dimension.png"
    assert drawn_names[-1] == "manifold.png"
    assert "samples.png" not in drawn_names
    assert done.out.index("test ELBO") < done.out.index("pictures: kl_per_dimension.png, ")


def test_pictures_that_fail_all_take_nothing_with_them(vae_np, monkeypatch):
    def fails(*args, **options):
        raise MemoryError

    monkeypatch.setattr("vae_np.cli.pictures.latent_rows", fails)
    done = vae_np("train", "--data", "data.csv", *SMALL, "--epochs", "1", "--out", "run", "--json")
    assert done.code == 0
    assert "vae-np: no pictures: MemoryError" in done.err
    assert done.json["pictures"] == []
    assert json.loads(Path("run/result.json").read_text()) == done.json
