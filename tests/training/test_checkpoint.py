"""Model files and checkpoints: what was saved comes back, and a file that is not whole is refused by its name."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile

import numpy as np
import pytest
from models import ACTIVATION_NAMES, LIKELIHOODS, batch, model

import vae_np
from vae_np.training.checkpoint import load_checkpoint, remove_temporaries
from vae_np.training.fitting import Settings, Trainer

X = np.random.default_rng(0).random((9, 7))


@pytest.fixture
def saved(tmp_path):
    """A checkpoint in the middle of an epoch."""
    trainer = Trainer(model(backend="numpy"), X, Settings(epochs=3, batch_size=4))
    for _ in range(3):
        trainer.step()
    trainer._end_epoch()
    trainer.step()
    trainer.save(tmp_path / "checkpoint.npz")
    return trainer, tmp_path / "checkpoint.npz"


def rewritten(path, **changes):
    """The file with some of its entries changed; None leaves one out."""
    with np.load(path) as npz:
        arrays = {name: npz[name] for name in npz.files}
    arrays |= {name.replace("__", "."): np.asarray(value) for name, value in changes.items() if value is not None}
    for name in [name for name, value in changes.items() if value is None]:
        del arrays[name.replace("__", ".")]
    other = path.with_name("changed.npz")
    with open(other, "wb") as file:
        np.savez(file, **arrays)
    return other


def edited(path, entry, **changes):
    """The file with some fields of its JSON entry changed."""
    with np.load(path) as npz:
        values = json.loads(str(npz[entry]))
    return rewritten(path, **{entry: json.dumps(values | changes)})


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_bit_for_bit(likelihood, dtype, tmp_path):
    for i, activation in enumerate(ACTIVATION_NAMES):
        options = {"activation": activation, "hidden": (5, 4)[: i % 3], "decoder_hidden": (3,) * (i % 2)}
        vae = model(likelihood=LIKELIHOODS[likelihood], dtype=dtype, backend="numpy", **options)
        vae.save(tmp_path / "m.npz")
        again = vae_np.load(tmp_path / "m.npz", backend="numpy")
        assert again.config() == vae.config()
        assert again.dtype == vae.dtype
        np.testing.assert_array_equal(again.parameters.vector, vae.parameters.vector)
        x, eps = batch(vae)
        np.testing.assert_array_equal(again.elbo(x, eps).elbo, vae.elbo(x, eps).elbo)


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


def test_a_checkpoint_cut_off_anywhere_is_refused(saved):
    _, path = saved
    data = path.read_bytes()
    short = path.with_name("short.npz")
    for length in [*range(0, 200, 7), *range(200, len(data), len(data) // 60), len(data) - 1]:
        short.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"short\.npz: no model file of vae_np") as caught:
            load_checkpoint(short)
        assert "\n" not in str(caught.value)


def test_a_damaged_checkpoint_is_refused_or_means_the_same(saved):
    trainer, path = saved
    data, other = path.read_bytes(), path.with_name("damaged.npz")
    rng, refused = np.random.default_rng(1), 0
    for _ in range(400):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        other.write_bytes(damaged)
        found = None
        with contextlib.suppress(ValueError):  # any other error is a failure
            found = load_checkpoint(other)
        if found is None:
            refused += 1
        else:  # a bit that means nothing, such as a date
            np.testing.assert_array_equal(found.vae.parameters.vector, trainer.vae.parameters.vector)
            np.testing.assert_array_equal(found.adam.m, trainer.adam.m)
            assert json.dumps(found.training["history"]) == json.dumps(trainer.history.rows)
    assert refused > 300


def bare_array(path):
    np.save(path, X)


def pickled(path):
    path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x04evil\x94.")


def pickle_within(path):
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", header + b"\x80\x04N.")


def enormous(path):
    header = b"\x93NUMPY\x01\x00v\x00"
    header += b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", header)


def other_npz(path):
    np.savez(path, x=X)


def text(path):
    path.write_text("epoch,step\n")


def nothing(path):
    path.write_bytes(b"")


FOREIGN = {
    bare_array: "it is a bare array",
    pickled: "it is no npz file",
    pickle_within: "or damaged: it holds pickled objects",
    enormous: "or damaged",
    other_npz: "a model has format, config and parameters",
    text: "it is no npz file",
    nothing: "it is empty",
}


@pytest.mark.parametrize("write", FOREIGN)
def test_a_foreign_file_is_refused(write, tmp_path):
    path = tmp_path / "file.npz"
    write(path)
    if not path.exists():  # np.save adds its ending
        path.with_name("file.npz.npy").rename(path)
    for read in (vae_np.load, load_checkpoint):
        with pytest.raises(ValueError, match=FOREIGN[write]) as caught:
            read(path)
        assert str(caught.value).startswith(str(path))


def test_nothing_in_a_file_is_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "evil.npz", "w") as archive:
        archive.writestr("format.npy", buffer.getvalue())
    with pytest.raises(ValueError, match="pickled objects"):
        vae_np.load(tmp_path / "evil.npz")
    assert not (tmp_path / "executed").exists()


MODEL_FAULTS = [
    {"hidden": [6]},
    {"hidden": "wide"},
    {"hidden": {"a": 1}},
    {"latent": 0},
    {"latent": 1e400},
    {"latent": 10**15},
    {"n_features": None},
    {"activation": "swish"},
    {"likelihood": 5},
    {"likelihood": {"name": ["bernoulli"]}},
    {"dtype": "float32"},
    {"dtype": "int8"},
    {"seed": -1},
    {"backend": "numpy"},
    {"depth": 3},
]


@pytest.mark.parametrize("change", MODEL_FAULTS, ids=str)
def test_a_config_that_makes_no_model_is_refused(change, saved):
    path = edited(saved[1], "config", **change)
    with pytest.raises(ValueError, match=r"changed\.npz: the model in it makes no sense"):
        vae_np.load(path)


def test_a_parameter_that_is_not_finite_is_named(saved):
    vector = saved[0].vae.parameters.vector.copy()
    vector[-1] = np.nan
    with pytest.raises(ValueError, match=r"changed\.npz: parameter decoder.out.b\[6\] is not finite"):
        vae_np.load(rewritten(saved[1], parameters=vector))


TRAINING_FAULTS = [
    {"epoch": -1},
    {"epoch": True},
    {"epoch": 2},
    {"position": "4"},
    {"sums": {}},
    {"sums": {"log_likelihood": 0.0, "kl": 0.0, "gradient_norm": float("nan"), "seconds": 0.0}},
    {"history": [{"epoch": 1}]},
    {"history": None},
    {"settings": []},
    {"data": None},
]


@pytest.mark.parametrize("change", TRAINING_FAULTS, ids=str)
def test_a_training_state_that_makes_no_sense_is_refused(change, saved):
    with pytest.raises(ValueError, match=r"changed\.npz: the training state in it makes no sense"):
        load_checkpoint(edited(saved[1], "training", **change))


MOMENT_FAULTS = [
    {"adam__m": np.zeros(3)},
    {"adam__m": None},
    {"adam__m": np.full(1, np.nan)},
    {"adam__v_max": np.full(1, np.inf)},
    {"adam__v": np.full(1, -1.0)},
    {"adam__step": np.array([1, 2])},
    {"adam__extra": np.zeros(1)},
    {"training": "[1, 2]"},
    {"training": "{"},
]


@pytest.mark.parametrize("change", MOMENT_FAULTS, ids=lambda change: f"{next(iter(change))}-{len(str(change))}")
def test_moments_that_do_not_fit_are_refused(change, saved):
    size = saved[0].vae.parameters.vector.size
    change = {k: np.resize(v, size) if getattr(v, "shape", ()) == (1,) else v for k, v in change.items()}
    with pytest.raises(ValueError, match=r"changed\.npz: the training state in it makes no sense"):
        load_checkpoint(rewritten(saved[1], **change))


@pytest.mark.parametrize("change", [{"position": 3}, {"position": 12}, {"position": 8}])
def test_counters_that_contradict_each_other_are_refused_on_resume(change, saved):
    trainer, path = saved
    with pytest.raises(ValueError, match="contradict each other"):
        trainer.restore(edited(path, "training", **change))


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


def test_a_checkpoint_with_or_without_v_max_must_fit_amsgrad_before_anything_changes(saved):
    trainer, path = saved
    before = trainer.vae.parameters.vector.copy()
    vector = np.full_like(before, 0.5)
    with pytest.raises(ValueError, match=r"changed\.npz: has a v_max, and amsgrad is False"):
        trainer.restore(rewritten(path, adam__v_max=np.ones_like(before), parameters=vector))
    other = Trainer(model(backend="numpy"), X, Settings(epochs=3, batch_size=4, optimizer=vae_np.Adam(amsgrad=True)))
    with np.load(path) as npz:
        training = json.loads(str(npz["training"]))
    training["settings"]["optimizer"]["amsgrad"] = True
    with pytest.raises(ValueError, match=r"changed\.npz: has no v_max, and amsgrad is True"):
        other.restore(edited(path, "training", **training))
    np.testing.assert_array_equal(trainer.vae.parameters.vector, before)


@pytest.mark.parametrize("change", [{"n_features": 10**7}, {"hidden": [5, 10**7]}, {"latent": 10**7}], ids=str)
def test_a_small_file_that_asks_for_an_enormous_model_is_refused_before_it_is_made(change, saved, monkeypatch):
    path = edited(saved[1], "config", **change)

    def refuse(*arguments, **options):
        raise AssertionError("the model was made")

    monkeypatch.setattr("vae_np.training.checkpoint.VAE", refuse)
    with pytest.raises(ValueError, match=r"makes no sense: its config asks for \d{8,} parameters"):
        vae_np.load(path)


def test_a_file_that_asks_for_too_many_layers_is_refused(saved):
    path = edited(saved[1], "config", hidden=[1] * 501, decoder_hidden=[1] * 500)
    with pytest.raises(ValueError, match="makes no sense: it has 1001 hidden layers; 1000 are the most"):
        vae_np.load(path)


def test_a_file_that_unpacks_to_far_more_than_itself_is_refused(saved, monkeypatch):
    bomb = saved[1].with_name("bomb.npz")
    with np.load(saved[1]) as npz:
        np.savez_compressed(bomb, **npz)
    assert vae_np.load(bomb).config() == saved[0].vae.config()  # packed, but small
    with np.load(saved[1]) as npz:
        np.savez_compressed(bomb, **{**npz, "adam.m": np.zeros(10**7)})
    assert bomb.stat().st_size < 10**6
    with pytest.raises(ValueError, match=r"bomb\.npz: .* damaged: its entries unpack to 800\d{5} bytes"):
        vae_np.load(bomb)


def test_entries_of_other_names_are_not_read(saved, monkeypatch):
    read, path = [], rewritten(saved[1], other=np.zeros(3))
    get = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", lambda self, name: read.append(name) or get(self, name))
    vae_np.load(path)
    assert "parameters" in read
    assert "other" not in read
