"""Model files and checkpoints: what was saved comes back."""

from __future__ import annotations

import numpy as np
import pytest
from checkpoint_files import rewritten
from models import ACTIVATION_NAMES, LATENTS, LIKELIHOODS, batch, model

import vae_np
from vae_np.training.checkpoint import load_checkpoint, remove_temporaries

KINDS = {name: {"likelihood": likelihood} for name, likelihood in LIKELIHOODS.items()} | LATENTS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_bit_for_bit(kind, dtype, tmp_path):
    for i, activation in enumerate(ACTIVATION_NAMES):
        options = {"activation": activation, "hidden": (5, 4)[: i % 3], "decoder_hidden": (3,) * (i % 2)}
        init = "torch" if activation == "elu" else "glorot-uniform"
        vae = model(**KINDS[kind], dtype=dtype, backend="numpy", init=init, **options)
        vae.save(tmp_path / "m.npz")
        again = vae_np.load(tmp_path / "m.npz", backend="numpy")
        assert again.config() == vae.config()
        assert again.dtype == vae.dtype
        assert (again.likelihood, again.posterior, again.prior) == (vae.likelihood, vae.posterior, vae.prior)
        np.testing.assert_array_equal(again.parameters.vector, vae.parameters.vector)
        x, eps = batch(vae)
        np.testing.assert_array_equal(again.elbo(x, eps).elbo, vae.elbo(x, eps).elbo)
        np.testing.assert_array_equal(again.sample(4, seed=1), vae.sample(4, seed=1))


def test_a_checkpoint_is_a_model_and_a_folder_stands_for_its_checkpoint(saved):
    trainer, path = saved
    for place in (path, path.parent, str(path.parent)):
        np.testing.assert_array_equal(vae_np.load(place).parameters.vector, trainer.vae.parameters.vector)


def test_a_checkpoint_holds_all_that_a_run_has_become(saved):
    trainer, path = saved
    found = load_checkpoint(path)
    for name, array in trainer.adam.arrays().items():
        np.testing.assert_array_equal(found.adam.arrays()[name], array)
    assert (found.training["epoch"], found.training["position"], found.adam.step) == (1, 4, 4)
    assert found.training["sums"] == trainer.sums
    assert found.training["history"][0]["elbo"] == trainer.history["elbo"][0]


def test_a_model_file_keeps_its_own_name(tmp_path):
    model(backend="numpy").save(tmp_path / "no-suffix")
    assert [file.name for file in tmp_path.iterdir()] == ["no-suffix"]


def test_entries_of_other_names_are_not_read(saved, monkeypatch):
    read, path = [], rewritten(saved[1], other=np.zeros(3))
    get = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", lambda self, name: read.append(name) or get(self, name))
    vae_np.load(path)
    assert "parameters" in read
    assert "other" not in read


def test_a_model_without_training_state_cannot_be_resumed(tmp_path):
    model(backend="numpy").save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="holds a model and no training state"):
        load_checkpoint(tmp_path / "m.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz: there is no such file"):
        vae_np.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.npz: there is no such file"):
        vae_np.load(tmp_path)


def test_an_unknown_backend_is_no_fault_of_the_file(saved):
    with pytest.raises(ValueError, match=r"^backend must be"):
        vae_np.load(saved[1], backend="jax")


def test_temporaries_are_told_from_other_files(tmp_path):
    names = [".a.npz.12345678.tmp", ".a.npz.1234567.tmp", ".aXnpz.12345678.tmp", "a.npz", ".a.npz.12345678.tmp.b"]
    for name in names:
        (tmp_path / name).touch()
    remove_temporaries(tmp_path / "a.npz")
    remove_temporaries(tmp_path / "missing" / "a.npz")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names[1:])


@pytest.mark.parametrize("order", "<>")
def test_a_file_of_another_machines_order_of_bytes_is_read_to_the_bit(saved, order):
    trainer, path = saved
    with np.load(path) as npz:
        numbers = {name: npz[name] for name in npz.files if npz[name].dtype.kind in "fiu"}
    swapped = {name.replace(".", "__"): a.astype(a.dtype.newbyteorder(order)) for name, a in numbers.items()}
    found = load_checkpoint(rewritten(path, **swapped))
    np.testing.assert_array_equal(found.vae.parameters.vector, trainer.vae.parameters.vector)
    assert found.vae.parameters.vector.dtype.isnative
    assert found.adam.step == trainer.adam.step
    for name, array in trainer.adam.arrays().items():
        np.testing.assert_array_equal(found.adam.arrays()[name], array)
