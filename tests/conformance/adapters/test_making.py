"""A model from its class: arguments by their names, or as given."""

from __future__ import annotations

import pytest

from vae_np.conformance.adapters.making import make, parse_init


class Model:
    def __init__(self, **sizes):
        self.sizes = sizes


def is_model(thing):
    return thing is Model or isinstance(thing, Model)


def by_name(input_dim, hidden1, hidden2, z_dim, beta=1.0):
    return Model(sizes=(input_dim, hidden1, hidden2, z_dim))


def by_list(x_dim, hidden_dims, latent_dim):
    return Model(sizes=(x_dim, hidden_dims, latent_dim))


def by_number(x_dim, hidden_dims, latent_dim):
    return Model(sizes=(x_dim, 2 ** int(hidden_dims), latent_dim))


def unknown(config, latent_dim):
    return Model()


def other(x_dim):
    return 17


def failing(x_dim):
    raise RuntimeError("no data")


@pytest.mark.parametrize(
    ("what", "given", "sizes"),
    [
        (by_name, {}, (7, 11, 13, 5)),
        (by_name, {"input_dim": 784}, (784, 11, 13, 5)),
        (by_list, {}, (7, [11, 13], 5)),
        (by_number, {}, (7, 2**11, 5)),
    ],
)
def test_sizes_are_guessed_by_their_names_unless_they_are_given(what, given, sizes):
    model, how = make(what, given, "VAE", is_model)
    assert model.sizes["sizes"] == sizes
    assert how.startswith("VAE(")


def test_an_object_and_a_class_without_arguments_are_taken_as_they_are():
    model = Model()
    assert make(model, {}, "vae", is_model) == (model, "vae")
    assert make(Model, {}, "VAE", is_model)[1] == "VAE()"
    assert make(Model, {"n": 3}, "VAE", is_model)[0].sizes == {"n": 3}


@pytest.mark.parametrize(
    ("what", "given", "fact"),
    [
        (unknown, {}, 'VAE needs config, which is no size that is known by its name: --init "config=..."'),
        (by_name, {"nhid": 3}, "VAE has no argument nhid; it has input_dim, hidden1, hidden2, z_dim, beta"),
        (other, {}, r"VAE\(x_dim=7\) is an int: a model is a module of PyTorch"),
        (failing, {}, r"VAE\(x_dim=7\) fails: RuntimeError: no data"),
        (17, {}, "VAE is an int: a model is a class of modules"),
        (Model(), {"n": 3}, "VAE is a model already"),
    ],
)
def test_what_cannot_be_made_says_what_is_needed(what, given, fact):
    with pytest.raises(ValueError, match=fact):
        make(what, given, "VAE", is_model)


def test_init_is_names_and_literals():
    assert parse_init("input_dim=784, dims=[3, 4],name='a'") == {"input_dim": 784, "dims": [3, 4], "name": "a"}
    assert parse_init("") == {}
    for text in ("784", "a=b", "a=", "**{}", "a=1)(", "a=__import__('os')"):
        with pytest.raises(ValueError, match="--init takes NAME=VALUE"):
            parse_init(text)
