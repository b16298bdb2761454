"""Dataset, check_values, binarise and split."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.data import Dataset, binarise, check_values, load_digits, split


def little():
    return Dataset(np.arange(12.0).reshape(3, 4), np.array([7, 8, 9]), (2, 2), "little")


@pytest.mark.parametrize(
    ("rows", "labels"),
    [([2, 0, 2], [9, 7, 9]), (slice(None, None, -1), [9, 8, 7]), ([True, False, True], [7, 9]), ([], [])],
)
def test_take_keeps_rows_labels_and_order(rows, labels):
    taken = little().take(rows)
    assert taken.labels.tolist() == labels
    assert (taken.x[:, 0] / 4 + 7).tolist() == labels
    assert taken.x.flags.c_contiguous
    assert (taken.image_shape, taken.name, len(taken)) == ((2, 2), "little", len(labels))


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"x": np.ones(4)}, "x must be"),
        ({"x": np.ones((4, 3)).T}, "x must be .* in C order"),
        ({"x": np.ones((3, 4), int)}, "dtype must be"),
        ({"labels": np.ones(4, int)}, "labels must be 3 integers"),
        ({"labels": np.ones(3)}, "labels must be 3 integers"),
        ({"image_shape": (2, 3)}, "cannot have 4 pixels"),
        ({"label_names": ("a",)}, "labels with 1 label_names must be integers from 0 to 0"),
        ({"labels": np.array([0, 1, 2]), "label_names": ("a", "b")}, "integers from 0 to 1"),
        ({"labels": np.array([0, 1, -1]), "label_names": ("a", "b")}, "integers from 0 to 1"),
    ],
)
def test_a_dataset_whose_parts_do_not_fit_cannot_be_made(change, fact):
    parts = {"x": np.ones((3, 4)), "labels": None, "image_shape": None, "name": ""}
    Dataset(**parts)
    with pytest.raises(ValueError, match=fact):
        Dataset(**parts | change)


REPRESENTATIONS = {
    "Dataset(digits: 1797 x 64 float64, images 8x8, 10 labels)": load_digits,
    "Dataset(little: 3 x 4 float64, images 2x2, 3 labels)": little,
    "Dataset(little: 1 x 4 float64, images 2x2, 1 label)": lambda: little().take([0]),
    "Dataset(a: 2 x 5 float32)": lambda: Dataset(np.ones((2, 5), "f4"), None, None, "a"),
}


@pytest.mark.parametrize("text", REPRESENTATIONS)
def test_a_dataset_is_shown_in_a_line(text):
    assert repr(REPRESENTATIONS[text]()) == text


def test_take_refuses_a_single_index():
    with pytest.raises(ValueError, match="rows must be one-dimensional"):
        little().take(1)


@pytest.mark.parametrize(
    ("bad", "low", "high", "ends"),
    [
        (1.5, 0, 1, r"\[0, 1\]"),
        (-0.1, 0, np.inf, r"\[0, inf\)"),
        (np.inf, 0, np.inf, r"\[0, inf\)"),
        (-np.inf, -np.inf, np.inf, r"\(-inf, inf\)"),
        (np.nan, -np.inf, np.inf, r"\(-inf, inf\)"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_violation_is_named_and_all_are_counted(bad, low, high, ends, dtype):
    x = np.full((500, 7000), 0.5, dtype)  # more than one block
    check_values(x, low, high)
    x[400, 5] = x[450, 1] = bad
    with pytest.raises(ValueError, match=rf"^pixels must lie in {ends} for sums; row 400, column 5 .*\(2 of 3500000"):
        check_values(x, low, high, name="pixels", what="sums")


def test_the_ends_of_the_range_belong_to_it_and_their_neighbours_do_not():
    check_values(np.array([[0.0, 1.0]]), 0, 1)
    for outside in (np.nextafter(0, -1), np.nextafter(1, 2)):
        with pytest.raises(ValueError, match="row 0, column 0"):
            check_values(np.array([[outside]]), 0, 1)


def test_arrays_of_other_ranks_and_kinds_are_checked_or_refused():
    check_values(np.zeros((0, 3)), 0, 1)
    for x, place in ((np.array([0, 2]), "row 1 is"), (np.array([[[0, 2]]]), r"row 0, column \(0, 1\) is")):
        with pytest.raises(ValueError, match=place):
            check_values(x, 0, 1)
    for x in (np.zeros(2, complex), np.array(1.0), np.array(["a"])):
        with pytest.raises(TypeError, match="an array of real numbers"):
            check_values(x, 0, 1)
    with pytest.raises(ValueError, match="low must not exceed high"):
        check_values(np.zeros(2), 1, 0)


def test_a_check_takes_little_memory():
    x = np.zeros((10_000, 1000), np.float32)
    tracemalloc.start()
    try:
        check_values(x, 0, 1)
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 8
    finally:
        tracemalloc.stop()


X = np.random.default_rng(1).random((300, 5))


def test_threshold_sends_a_half_to_0():
    half = np.array([[0, 0.5, np.nextafter(0.5, 1), 1]])
    assert binarise(half, "threshold").tolist() == [[0, 0, 1, 1]]


def test_none_is_the_array_itself_whatever_it_holds():
    x = np.array([[7.0, np.nan]])
    assert binarise(x, "none") is x


@pytest.mark.parametrize("mode", ["fixed", "dynamic"])
@given(rows=st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted), seed=st.integers(0, 2**64 - 1))
def test_a_row_is_the_same_in_whatever_batch_it_comes(mode, rows, seed):
    first, last = rows
    whole = binarise(X, mode, seed=seed, step=3)
    part = binarise(X[first:last], mode, seed=seed, step=3, first=first)
    np.testing.assert_array_equal(part, whole[first:last])


def test_blocks_do_not_change_the_draw(monkeypatch):
    whole = binarise(X, "fixed")
    monkeypatch.setattr("vae_np.data.binarisation.BLOCK", 1)
    np.testing.assert_array_equal(binarise(X, "fixed"), whole)


@pytest.mark.parametrize(
    ("mode", "change", "same"),
    [
        ("fixed", {"step": 5}, True),
        ("fixed", {"seed": 5}, False),
        ("fixed", {"first": 64}, False),
        ("dynamic", {"step": 5}, False),
        ("dynamic", {"seed": 5}, False),
        ("threshold", {"seed": 5, "step": 5, "first": 5}, True),
    ],
)
def test_the_draw_depends_on_what_it_should_and_on_nothing_else(mode, change, same):
    assert np.array_equal(binarise(X, mode), binarise(X, mode, **change)) is same


@pytest.mark.parametrize("mode", ["fixed", "dynamic"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_share_of_ones_is_the_probability(mode, dtype):
    p = np.array([0, 0.1, 0.5, 0.9, 1], dtype)
    x = np.tile(p, (40_000, 1))
    drawn = binarise(x, mode, seed=2, step=1)
    assert drawn.dtype == dtype
    assert set(np.unique(drawn)) == {0, 1}
    share = drawn.mean(axis=0, dtype=float)
    assert np.all(np.abs(share - p) <= 4.5 * np.sqrt(p * (1 - p) / len(x)))  # 0 and 1 exactly
    # columns are independent
    assert abs(np.corrcoef(drawn[:, 1:4].T.astype(float))[0, 1]) < 4.5 / np.sqrt(len(x))


def test_even_a_draw_of_0_leaves_0_at_0(monkeypatch):
    monkeypatch.setattr("vae_np.support.noise.uniform", lambda seed, step, shape, dtype, first: np.zeros(shape, dtype))
    assert binarise(np.array([[0, 1e-300, 1]]), "fixed").tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("mode", ["threshold", "fixed", "dynamic"])
@pytest.mark.parametrize("bad", [-1e-9, 1.001, np.nan])
def test_values_that_are_no_probabilities_are_refused(mode, bad):
    x = X.copy()
    x[2, 3] = bad
    with pytest.raises(ValueError, match=r"^x must lie in \[0, 1\] for binarisation; row 2, column 3 is"):
        binarise(x, mode)


def test_an_unknown_mode_and_another_rank_are_refused():
    with pytest.raises(ValueError, match="mode must be one of none, threshold, fixed, dynamic; got 'random'"):
        binarise(X, "random")
    with pytest.raises(ValueError, match=r"x must have shape \(N, D\); got \(5,\)"):
        binarise(X[0], "fixed")


shares = st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(lambda s: s[0] > 0)


@given(n=st.integers(1, 200), weights=shares, seed=st.integers(0, 2**64 - 1))
def test_a_split_covers_everything_once_in_nearly_the_given_shares(n, weights, seed):
    fractions = [w / sum(weights) for w in weights]
    if n * fractions[0] < 1:  # perhaps nothing is left for training, which has a test of its own
        fractions = [1, 0, 0]
    parts = split(n, fractions, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert all(part.dtype == np.intp for part in parts)
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - n * fraction) < 1
        assert len(part) == 0 or fraction > 0
    again = split(n, fractions, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [
        (1, (0.8, 0.1, 0.1), [1, 0, 0]),
        (2, (0.8, 0.1, 0.1), [2, 0, 0]),
        (5, (0.8, 0.1, 0.1), [4, 1, 0]),  # equal remainders: the earlier part
        (10, (0.8, 0.1, 0.1), [8, 1, 1]),
        (1797, (0.8, 0.1, 0.1), [1437, 180, 180]),
        (5, (0.7, 0.2, 0.1), [4, 1, 0]),  # equal only as decimals: 0.7 is a little less in binary
        (7, (1, 0, 0), [7, 0, 0]),
        (7, (0.5, 0, 0.5), [4, 0, 3]),
        (10, (1 / 3, 1 / 3, 1 / 3), [4, 3, 3]),
    ],
)
def test_sizes_are_rounded_by_largest_remainder(n, fractions, sizes):
    assert [len(part) for part in split(n, fractions)] == sizes


def test_another_seed_is_another_split_and_rows_are_mixed():
    train = split(1000)[0]
    assert not np.array_equal(train, split(1000, seed=1)[0])
    assert not np.array_equal(train, np.sort(train))


@pytest.mark.parametrize(
    ("n", "fractions", "error"),
    [
        (10, (0.8, 0.1), ValueError),
        (10, (0.8, 0.1, 0.2), ValueError),
        (10, (0.8, 0.1, 0.1 + 1e-8), ValueError),
        (10, (1.2, -0.1, -0.1), ValueError),
        (10, (np.nan, 0.5, 0.5), ValueError),
        (10, (np.inf, 0, 0), ValueError),
        (10, (0, 0.5, 0.5), ValueError),
        (1, (0.2, 0.7, 0.1), ValueError),
        (0, (0.8, 0.1, 0.1), ValueError),
        (-3, (0.8, 0.1, 0.1), ValueError),
        (2.5, (0.8, 0.1, 0.1), TypeError),
    ],
)
def test_fractions_that_are_no_split_are_refused(n, fractions, error):
    with pytest.raises(error, match=r"fractions|n must be"):
        split(n, fractions)
