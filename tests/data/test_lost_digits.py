"""What float32 or float64 cannot tell apart is told: numbers too small for them, integers too long."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.data import load

ROUNDING = "its rounding is much of what varies in column"


def test_values_that_float32_takes_for_0_are_told_and_not_called_one_value(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1e-50,2\n3e-50,4\n5e-50,6.5\n")
    line = f"float32: {ROUNDING} a, from 1e-50 to 4.9999999999999997e-50; --dtype float64 keeps it"
    assert load(path, dtype="float32").notes == (line,)
    assert load(path).notes == ()
    path.write_text("1e-50\n3e-50\n5e-50\n")
    (note,) = load(path, dtype="float32").notes
    assert note.startswith(f"float32: {ROUNDING} 0, from 1")


@pytest.mark.parametrize(("steps", "told"), [(17, False), (15, True), (1e-4, True)])
def test_a_range_of_few_steps_to_the_first_number_that_is_not_subnormal_is_lost_too(tmp_path, steps, told):
    """A training step takes subnormal numbers, those below 1.2e-38 of float32, for 0."""
    np.save(tmp_path / "a.npy", np.finfo(np.float32).tiny * np.array([[0.0], [0.3], [1.0]]) * steps)
    assert len(load(tmp_path / "a.npy", dtype="float32").notes) == told
    assert load(tmp_path / "a.npy", dtype="float32", scale=1e-38).notes == ()
    assert load(tmp_path / "a.npy").notes == ()


def test_small_values_beside_large_ones_are_not_told(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1e-50], [1.0], [1e-42]]))
    assert load(tmp_path / "a.npy", dtype="float32").notes == ()


LONG = {  # integers, and whether float64 keeps what varies in them
    "that float64 rounds": (2**60 + np.arange(9), False),
    "that float64 takes for one": (2**60 + np.arange(3), False),
    "below 0": (-(2**60) - np.arange(9), False),
    "unsigned": (np.uint64(2**64 - 1) - np.arange(9, dtype=np.uint64), False),
    "far apart": (np.array([-(2**62), 5, 2**62]), True),
    "the whole range": (np.array([-(2**63), 2**63 - 1]), True),
    "that float64 tells apart": (2**50 + np.arange(9), True),
}


@pytest.mark.parametrize("case", LONG)
def test_integers_that_float64_does_not_tell_apart_are_told(tmp_path, case):
    column, kept = LONG[case]
    np.save(tmp_path / "a.npy", column[:, np.newaxis])
    for dtype in ("float32", "float64"):
        notes = load(tmp_path / "a.npy", scale="none", dtype=dtype).notes
        if kept and (dtype == "float64" or case != "that float64 tells apart"):
            assert notes == ()
            continue
        (note,) = notes
        assert note.startswith(f"{dtype}: {ROUNDING} 0, from {min(column.tolist())} to {max(column.tolist())}; ")
        assert note.endswith(
            "--dtype float64 keeps it" if kept else "subtract what is common, or leave such columns out"
        )


def test_one_long_integer_is_one_value(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 2), 2**60))
    (note,) = load(tmp_path / "a.npy", scale="none").notes
    assert note == "all 6 values are 1.15292e+18: there is nothing to learn from them"


def test_integers_of_a_csv_file_that_are_rounded_are_told_with_their_place(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1.5,2\n2.5,9007199254740993\n3.5,-9007199254740995\n0.5,9007199254740994\n")
    data = load(path, header="yes")
    line = (
        "a.csv: line 3, column 2 (b): '9007199254740993' is read as 9007199254740992, and 1 more integers are rounded"
    )
    assert data.notes == (f"{line}: float64 has no others beyond 2^53",)
    path.write_text("id,a\n9007199254740993,2.5\n9007199254740995,1e16\n")  # an index stays a text
    assert [note for note in load(path).notes if "rounded" in note] == []
    path.write_text("a,b\n1e16,10000000000000000\n2.5,3\n")
    assert load(path).notes == ()


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="long doubles are float64 here")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_beyond_float64_is_shown_and_float64_is_no_remedy(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.array([[1.0], [np.longdouble("1e4000")]], np.longdouble))
    with pytest.raises(ValueError, match=rf"row 1, column 0 is 1e\+4000, beyond {dtype} \(counted from 0\)$"):
        load(tmp_path / "a.npy", dtype=dtype)
