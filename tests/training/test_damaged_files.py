"""A file that is not whole, is of another kind or asks for too much is refused by its name, and never executed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile

import numpy as np
import pytest
from checkpoint_files import X, edited, rewritten

import vae_np
from vae_np.training.checkpoint import load_checkpoint


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


@pytest.mark.parametrize("form", ["vae-np 0", "vae-np 2"])
def test_a_file_of_another_format_is_told_as_that(form, saved):
    with pytest.raises(ValueError, match=rf"changed\.npz: has the format '{form}'; vae_np .* reads 'vae-np 1'"):
        vae_np.load(rewritten(saved[1], format=form))


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


def test_a_file_that_unpacks_to_far_more_than_itself_is_refused(saved):
    bomb = saved[1].with_name("bomb.npz")
    with np.load(saved[1]) as npz:
        np.savez_compressed(bomb, **npz)
    assert vae_np.load(bomb).config() == saved[0].vae.config()  # packed, but small
    with np.load(saved[1]) as npz:
        np.savez_compressed(bomb, **{**npz, "adam.m": np.zeros(10**7)})
    assert bomb.stat().st_size < 10**6
    with pytest.raises(ValueError, match=r"bomb\.npz: .* damaged: its entries unpack to 800\d{5} bytes"):
        vae_np.load(bomb)
