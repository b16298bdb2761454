"""Models and calls that make no sense are errors that state the fact; integers are sizes and data."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model

import vae_np
from vae_np import VAE, Gaussian, NonFiniteError

WRONG_CALLS = [
    (lambda v, x, e: v.encode(x[:, :-1]), ValueError, "x must have 7 columns; it has 6"),
    (lambda v, x, e: v.encode(x[0]), ValueError, "x must have two dimensions"),
    (lambda v, x, e: v.encode(x.astype("f4")), TypeError, r"x is float32 and the model is float64; convert it"),
    (lambda v, x, e: v.encode(x + 1j), TypeError, "x must hold real numbers; it has dtype complex128"),
    (lambda v, x, e: v.encode([["a"] * 7]), TypeError, "x must hold real numbers"),
    (lambda v, x, e: v.encode(x + 1.5), ValueError, "the bernoulli likelihood; row 0, column 0 is"),
    (lambda v, x, e: v.encode(np.where(x == x[2, 1], np.nan, x)), ValueError, "row 2, column 1 is nan"),
    (lambda v, x, e: v.elbo(x, e[:-1]), ValueError, r"eps must be \(N, K\) or \(S, N, K\) with N = 5, K = 3"),
    (lambda v, x, e: v.elbo(x, e[None, None]), ValueError, "eps must be"),
    (lambda v, x, e: v.elbo(x, e[:0][None].reshape(0, 0, 3)), ValueError, "eps must be"),
    (lambda v, x, e: v.elbo(x[:0], e[:0]), ValueError, "^x has no examples"),
    (lambda v, x, e: v.train_step(x, e, "adam", None), TypeError, "adam must be of type Adam; got 'adam'"),
    (lambda v, x, e: v.train_step(x, e, vae_np.Adam(), {}), TypeError, "state must be of type AdamState; got {}"),
    (lambda v, x, e: v.decode(e[:, :2]), ValueError, "z must have 3 columns; it has 2"),
    (lambda v, x, e: v.loss_and_grad(x, e, objective="elob"), ValueError, "objective must be one of elbo, iwae"),
    (lambda v, x, e: v.loss_and_grad(x, e, 0.5, objective="iwae"), ValueError, "has no beta; got beta=0.5"),
    (lambda v, x, e: v.elbo(x, e, -1.0), ValueError, "beta must not be negative"),
    (lambda v, x, e: v.loss_and_grad(x, e, float("nan")), ValueError, "beta must be finite"),
    (lambda v, x, e: v.loss_and_grad(x, e, 1j), TypeError, "beta must be a number"),
    (lambda v, x, e: v.loss_and_grad(x, e, objective=vae_np.ELBO), TypeError, r"an object such as ELBO\(\)"),
    (lambda v, x, e: v.encode(np.ma.masked_array(x, x > 0.5)), TypeError, "whose mask would be lost"),
    (lambda v, x, e: v.encode(vae_np.data.load_digits()), TypeError, "x is a Dataset; give its rows, .x"),
    (lambda v, x, e: vae_np.fit(v, vae_np.data.load_digits()), TypeError, "x is a Dataset; give its rows, .x"),
    (lambda v, x, e: vae_np.fit(v, x, validation=vae_np.data.load_digits()), TypeError, "validation is a Dataset; "),
    (lambda v, x, e: vae_np.data.load(x), TypeError, "a source is the name of a data set or a path; got ndarray "),
    (lambda v, x, e: v.decode(e * np.nan), NonFiniteError, r"z: .* \(examples 0, 1, 2"),
    (lambda v, x, e: v.elbo(x, np.where(e == e[3, 1], np.inf, e)), NonFiniteError, r"eps: .* \(example 3\)"),
    (lambda v, x, e: v.start_output_bias(x[:0]), ValueError, "no examples to take a mean of"),
    (lambda v, x, e: v.sample(-1, 0), ValueError, "n must be at least 0; got -1"),
    (lambda v, x, e: v.sample(1, -1), ValueError, "seed must lie in"),
    (lambda v, x, e: v.sample(1, 1.5), TypeError, "seed must be an integer"),
    (lambda v, x, e: v.sample(1, True), TypeError, "seed must be an integer"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG_CALLS, ids=range(len(WRONG_CALLS)))
def test_a_wrong_argument_is_an_error_that_states_the_fact(call, error, message):
    vae = model(backend="numpy")
    with pytest.raises(error, match=message):
        call(vae, *batch(vae))


WRONG_MODELS = [
    ({"hidden": 400}, TypeError, r"hidden must be a sequence of widths, such as \(400,\)"),
    ({"hidden": (0,)}, ValueError, "hidden must be positive; got 0"),
    ({"hidden": (2.5,)}, TypeError, "hidden must be made of integers; got 2.5"),
    ({"latent": 0}, ValueError, "latent must be positive; got 0"),
    ({"latent": True}, TypeError, "latent must be made of integers"),
    ({"threads": 0}, ValueError, "threads must be at least 1; got 0"),
    ({"threads": 1025}, ValueError, "threads must be at most 1024; got 1025"),
    ({"decoder_hidden": 3}, TypeError, "decoder_hidden must be a sequence"),
    ({"activation": "swish"}, ValueError, "activation must be one of tanh, relu, softplus, sigmoid, elu, gelu, ide"),
    ({"likelihood": "cauchy"}, ValueError, "likelihood must be one of bernoulli, .*gaussian"),
    ({"likelihood": 3}, TypeError, "likelihood must be a name or a Likelihood"),
    ({"likelihood": {"name": "bernoulli", "sigma": 1}}, ValueError, "the bernoulli likelihood does not take 'sigma'"),
    ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64; got float16"),
    ({"backend": "torch"}, ValueError, "backend must be numba or numpy; got 'torch'"),
    ({"seed": -1}, ValueError, "seed must lie in"),
    ({"init": "zeros"}, ValueError, "init must be one of glorot-uniform"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG_MODELS, ids=lambda v: str(v)[:30])
def test_a_model_that_makes_no_sense_is_an_error(options, error, message):
    with pytest.raises(error, match=message):
        VAE(**{"n_features": 7, "hidden": (5,), "latent": 3, "backend": "numpy", **options})


@pytest.mark.parametrize("sigma", ["wide", 0, -1.0, np.nan, np.inf])
def test_a_sigma_that_makes_no_sense_is_an_error(sigma):
    with pytest.raises(ValueError, match="sigma must be"):
        Gaussian(sigma)


def test_numpys_integers_are_sizes_too(tmp_path):
    vae = VAE(np.uint8(200), hidden=np.array([200], np.uint8), latent=np.int64(2), backend="numpy")
    vae.save(tmp_path / "model.npz")
    assert vae_np.load(tmp_path / "model.npz", backend="numpy").parameters.vector.size == 81804


def test_integers_and_bools_are_data_too():
    vae = model(backend="numpy")
    x = (batch(vae)[0] > 0.5).astype(int)
    assert np.array_equal(vae.encode(x)[0], vae.encode(x.astype(float))[0])
    assert np.array_equal(vae.encode(x.astype(bool))[0], vae.encode(x.astype(float))[0])
