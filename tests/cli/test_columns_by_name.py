"""Checks of training data name the column as its file does."""

from __future__ import annotations

import pytest

from cli.conftest import one_line
from vae_np.support.checks import columns_named


@pytest.fixture
def named(here):
    """data.csv with the columns first, b and a third, of which b has what is not asked for."""

    def write(value):
        rows = [[f"{i + 0.5}", value if i == 5 else "1", f"{i % 3}"] for i in range(40)]
        (here / "data.csv").write_text("\n".join(["first,b,a third", *(",".join(row) for row in rows)]) + "\n")

    return write


@pytest.mark.parametrize(
    ("value", "words", "says"),
    [
        ("0.25", ["--likelihood", "poisson"], "row 0, column 0 ('first') is 0.5"),
        ("0.25", ["--likelihood", "columns:gaussian=0+2,poisson=1"], "row 5, column 1 ('b') is 0.25"),
        ("-300", ["--likelihood", "bernoulli", "--scale", "100"], "row 5, column 1 ('b') is -3.0"),
        ("1e300", [], "row 5, column 1 ('b') is 1e+300, beyond float32"),
    ],
)
def test_the_column_has_its_name(value, words, says, named, vae_np):
    named(value)
    one_line(vae_np("train", "--data", "data.csv", *words), says)


def test_numbers_without_names_stay():
    assert columns_named("row 2, column 3 is -1", None) == "row 2, column 3 is -1"
    assert columns_named("row 2, column 3 is -1", ("a", "b")) == "row 2, column 3 is -1"
    assert columns_named("columns 1 to 2; column 0", ("a", "b")) == "columns 1 to 2; column 0 ('a')"
