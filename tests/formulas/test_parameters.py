"""The flat vector and its views."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np import VAE, Parameters

SHAPES = st.dictionaries(
    st.text("abc.", min_size=1, max_size=5), st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple), min_size=1
)


@given(SHAPES)
def test_the_views_tile_the_vector_in_order(shapes):
    parameters = Parameters(shapes)
    parameters.vector[:] = np.arange(parameters.vector.size)
    assert list(parameters) == list(shapes)
    assert np.array_equal(np.concatenate([view.ravel() for view in parameters.values()]), parameters.vector)
    for i in range(parameters.vector.size):
        name, index = parameters.locate(i)
        assert parameters[name][index] == i


def test_views_write_through_and_copies_do_not():
    parameters = Parameters({"W": (2, 3), "b": (3,)}, dtype=np.float32)
    twin = parameters.copy()
    parameters["b"][1] = 5
    assert parameters.vector[7] == 5
    assert twin.vector[7] == 0
    assert parameters.zeros_like().vector.dtype == np.float32
    assert parameters.like(parameters.vector)["b"][1] == 5


def test_assignment_copies_values_of_the_right_shape():
    parameters = Parameters({"W": (2, 3), "b": (3,)})
    values = np.arange(6.0).reshape(2, 3)
    parameters["W"] = values
    values[0, 0] = 9
    assert parameters.vector.tolist() == [0, 1, 2, 3, 4, 5, 0, 0, 0]
    with pytest.raises(ValueError, match=r"W must have shape \(2, 3\); it has \(3, 2\); .* transpose it"):
        parameters["W"] = values.T
    with pytest.raises(ValueError, match=r"b must have shape \(3,\); it has \(1,\)"):
        parameters["b"] = [1.0]
    assert "W (2, 3)" in repr(parameters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_what_would_be_rounded_or_cut_is_refused_and_plain_numbers_are_taken(dtype):
    parameters = Parameters({"b": (3,)}, dtype=dtype)
    for good in (
        [1, 2.5, 3],
        (1, 2, 3),
        np.arange(3),
        np.array([True, False, True]),
        np.ones(3, dtype),
        np.ones(3, "i1"),
    ):
        parameters["b"] = good
        np.testing.assert_array_equal(parameters["b"], good)
    ours = np.dtype(dtype)
    for other in (np.float16, np.float32, np.float64, np.longdouble, np.complex128, np.complex64):
        given, parameters["b"] = np.full(3, 0.5, other), [7, 7, 7]
        if given.dtype == ours or ours.kind == "c":
            parameters["b"] = given
            continue
        remedy = f"; cast it, with .astype('{ours}')" if given.dtype.kind == "f" else ""
        with pytest.raises(TypeError, match=re.escape(f"b must be {ours}; it is {given.dtype}{remedy}") + "$"):
            parameters["b"] = given
        assert parameters.vector.tolist() == [7, 7, 7]
    for none in (np.array(["1", "2", "3"]), [1j, 2, 3], ["a", "b", "c"], np.array([None] * 3)):
        if not (ours.kind == "c" and none[0] == 1j):
            with pytest.raises(TypeError, match="b must be"):
                parameters["b"] = none


def test_a_vector_of_the_wrong_size_and_an_unknown_name_are_refused():
    with pytest.raises(ValueError, match=r"9 numbers in one dimension; the vector has shape \(8,\)"):
        Parameters({"W": (2, 3), "b": (3,)}, np.zeros(8))
    with pytest.raises(KeyError, match=r"no parameter 'c'; there are W, b"):
        Parameters({"W": (2, 3), "b": (3,)})["c"]
    with pytest.raises(IndexError):
        Parameters({"b": (3,)}).locate(3)


def test_names_and_shapes_are_the_paths():
    vae = VAE(7, hidden=(5, 4), latent=3, decoder_hidden=(6,), backend="numpy")
    assert vae.parameters.shapes == {
        "encoder.0.W": (7, 5),
        "encoder.0.b": (5,),
        "encoder.1.W": (5, 4),
        "encoder.1.b": (4,),
        "encoder.mu.W": (4, 3),
        "encoder.mu.b": (3,),
        "encoder.logvar.W": (4, 3),
        "encoder.logvar.b": (3,),
        "decoder.0.W": (3, 6),
        "decoder.0.b": (6,),
        "decoder.out.W": (6, 7),
        "decoder.out.b": (7,),
    }
