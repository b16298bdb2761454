"""Lines of text as one-hot groups: there and back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vae_np
from vae_np.data import Lines

ALPHABET = " 'aXé—"


@given(st.lists(st.text(ALPHABET, max_size=7), max_size=5), st.sampled_from(["float32", "float64"]))
def test_lines_come_back_as_they_were(texts, dtype):
    lines = Lines(ALPHABET, 7)
    x = lines.encode(texts, dtype)
    assert x.dtype == dtype
    assert x.shape == (len(texts), 7 * 7)
    assert lines.decode(x) == texts


def test_each_place_is_one_of_the_classes_and_the_end_is_the_first():
    x = Lines("abc", 3).encode(["cb"])
    assert np.flatnonzero(x).tolist() == [3, 4 + 2, 8 + 0]  # c, b, the end


def test_the_rows_are_what_the_categorical_likelihood_takes():
    lines = Lines.of(["anna", "otto", "ida"])
    assert (lines.alphabet, lines.length) == ("adinot", 4)
    vae = vae_np.VAE(
        lines.columns, hidden=(8,), latent=2, likelihood=vae_np.Categorical(lines.classes), backend="numpy"
    )
    x = lines.encode(["anna", "ida"])
    assert vae.check_data(x) is x
    assert all(set(name) <= set(lines.alphabet) for name in lines.decode(vae.sample(20)))


def test_probabilities_become_the_likeliest_characters_up_to_the_first_end():
    p = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])  # a, the end, b
    assert Lines("ab", 3).decode(p.reshape(1, 9)) == ["a"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["ab", "abca"], "at most 3 characters; line 1, 'abca', has 4"),
        (["ab", "", "ax"], "'x' of line 2, 'ax', is not in the alphabet 'abc'"),
        (["a\n"], "is not in the alphabet"),
    ],
)
def test_a_line_that_does_not_fit_is_named(texts, said):
    with pytest.raises(ValueError, match=said):
        Lines("abc", 3).encode(texts)


def test_what_is_no_set_of_lines_is_refused():
    with pytest.raises(TypeError, match="not one line"):
        Lines("abc", 3).encode("abc")
    with pytest.raises(ValueError, match="each of its characters once"):
        Lines("aba", 3)
    with pytest.raises(ValueError, match=r"columns; the shape is \(1, 11\)"):
        Lines("abc", 3).decode(np.zeros((1, 11)))
    with pytest.raises(ValueError, match="no line"):
        Lines("ab\n", 3)
    with pytest.raises(ValueError, match="length"):
        Lines.of([])


@pytest.mark.parametrize("method", ["of", "encode", "numbers"])
def test_one_text_is_no_sequence_of_lines_and_a_line_is_a_text(method):
    two = Lines("an", 2)
    call = getattr(two, method)
    for text in ("anna", b"anna"):
        with pytest.raises(TypeError, match="texts must be a sequence of lines, not one line; "):
            call(text)
    for other in (1, None, b"a"):
        with pytest.raises(TypeError, match=f"lines must be texts; line 1 is {type(other).__name__}, "):
            call(["a", other])
    assert Lines.of(text for text in ("an", "na")) == two
    np.testing.assert_array_equal(two.encode(iter(["an"])), two.encode(["an"]))
