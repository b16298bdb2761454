"""What several commands share: defaults, number lists, data, models."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.formulas.likelihoods import Likelihood
    from vae_np.model.vae import VAE

BINARISE = ("none", "threshold", "fixed", "dynamic")
DATA_DEFAULTS: dict[str, Any] = {
    "data": "digits",
    "labels": None,
    "index": "auto",
    "header": "auto",
    "transpose": False,
    "key": None,
    "scale": "auto",
    "split": None,
    "classes": None,  # no flag: what --likelihood auto found in a csv file, which a run keeps
}


def integers(text: str) -> list[int]:
    """'400,200' as [400, 200]; '' and 'none' as []."""
    try:
        return [] if text.strip() in ("", "none") else [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"widths are integers with commas, such as 400,200; got {text!r}") from None


def floats(text: str) -> list[float]:
    """'0.8,0.1,0.1' as numbers."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"numbers with commas are needed, such as 0.8,0.1,0.1; got {text!r}") from None


def number_or_word(text: str) -> float | str:
    """A number where it is one, else the word."""
    try:
        return float(text)
    except ValueError:
        return text


def count_or_none(text: str) -> int | None:
    """A whole number, or None for 'none'."""
    try:
        return None if text.strip() == "none" else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a whole number is needed, or none; got {text!r}") from None


SOURCES = "digits (built in), mnist, a folder of IDX files, or a .npy, .npz, .csv or IDX file"


def add_data_arguments(parser: argparse._ArgumentGroup, default: str) -> None:
    """--data and what goes with it."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help=f"{SOURCES} [{default}]",
    )
    add_reading_arguments(parser)


def add_reading_arguments(parser: argparse._ArgumentGroup) -> None:
    """How data are read and split."""
    parser.add_argument(
        "--labels",
        metavar="WHICH",
        help="first or last, the column of a .csv file that holds labels, numbers or texts; the array of a .npz file;"
        " none leaves them out",
    )
    parser.add_argument(
        "--index",
        "--index-column",
        choices=["auto", "first", "none"],
        help="whether the first column of a .csv file names the rows and is no feature: where it looks so, yes, no"
        " [auto]",
    )
    parser.add_argument(
        "--header",
        choices=["auto", "yes", "no"],
        help="whether the first line of a .csv file names the columns: where it looks so, yes, no [auto]",
    )
    parser.add_argument("--transpose", action="store_true", help="swap rows and columns of images, as EMNIST's need it")
    parser.add_argument("--key", metavar="NAME", help="the array of a .npz file")
    parser.add_argument(
        "--scale",
        type=number_or_word,
        metavar="SCALE",
        help="auto, none, a number to divide by, or standard: the model standardises each feature [auto]",
    )
    parser.add_argument(
        "--split",
        type=floats,
        metavar="A,B,C",
        help="shares of training, validation and test [0.8,0.1,0.1]; two numbers where the data have a test set of"
        " their own [0.9,0.1]",
    )


def sampled_kl(vae: VAE) -> str:
    """The line that says why a KL is an estimate."""
    return f"KL at the samples, log q(z|x) - log p(z): {vae.posterior!r} and {vae.prior!r} have no closed form here"


class Parts(NamedTuple):
    """The data's parts; a part is None where its share is 0."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None


def loading(options: dict[str, Any]) -> dict[str, Any]:
    """How the options say that data are read; what a model standardises is read as it is."""
    how = {name: options[name] for name in ("scale", "labels", "key", "index", "header", "transpose", "classes")}
    return how | {"scale": "none"} if how["scale"] == "standard" else how


def load_whole(options: dict[str, Any], dtype: str, columns: int | None = None) -> Dataset:
    """The data of the options, not split. Where a model needs ``columns`` and has them only if what looks like an index
    is a feature, it is one: a few rows may count by chance."""
    from vae_np import data

    how = loading(options) | {"dtype": dtype}
    found = data.load(options["data"], **how)
    if how["index"] == "auto" and found.index is not None and found.x.shape[1] + 1 == columns:
        return data.load(options["data"], **how | {"index": "none"})
    return found


def load_parts(
    options: dict[str, Any],
    dtype: str,
    check: Callable[[Dataset], None] = lambda data: None,
    columns: int | None = None,
) -> Parts:
    """Load, check and split data as the options (`DATA_DEFAULTS`, seed) say; rows in errors are those of the file."""
    from vae_np import data

    source = options["data"]
    how = loading(options) | {"dtype": dtype}
    own_test = source == "mnist" or Path(source).is_dir()
    whole = load_whole(options, dtype, columns)
    check(whole)
    shares = options["split"] or ([0.9, 0.1] if own_test else [0.8, 0.1, 0.1])
    if len(shares) not in ((2, 3) if own_test else (3,)):
        raise ValueError(f"--split needs {'two or three' if own_test else 'three'} numbers; got {len(shares)}")
    use_own = own_test and len(shares) == 2
    rows = data.split(len(whole), (*shares, 0.0) if use_own else tuple(shares), seed=options["seed"])
    parts = [whole.take(part) if len(part) else None for part in rows]
    if how["scale"] == "auto":  # the training part has said what that is
        how["scale"] = whole.divided_by if whole.divided_by != 1 else "none"
    test = data.load(source, part="test", **how) if use_own else parts[2]
    if use_own and test is not None:
        check(test)
    if parts[0] is None:
        raise ValueError("--split leaves nothing to train on")
    return Parts(parts[0], parts[1], test)


def check_support(dataset: Dataset, likelihood: Likelihood, mode: str, *flags: str) -> None:
    """That a model with this likelihood can be given these data, binarised so.

    ``ValueError`` names row and column, and those of the ``flags`` --likelihood and --scale that help.
    """
    from vae_np.data import check_values
    from vae_np.support.checks import columns_named

    try:
        if mode != "none":
            check_values(dataset.x, 0, 1, name=dataset.name, what=f"--binarise {mode}")
        else:
            likelihood.check(dataset.x, dataset.name)
    except ValueError as error:
        helps = {"--likelihood": mode == "none", "--scale": likelihood.support[1] == 1 and dataset.x.min() >= 0}
        words = {"--likelihood": "--likelihood gaussian", "--scale": "--scale N"}
        remedy = ", or ".join(words[flag] for flag in flags if flag and helps[flag])
        told = columns_named(str(error), dataset.feature_names)
        raise ValueError(f"{told}{remedy and f'; use {remedy}'}") from None


def part_of(parts: Parts, name: str) -> Dataset:
    """One part by its name."""
    if name == "all":
        return _all_of(parts)
    found: Dataset | None = getattr(parts, name)
    if found is None:
        raise ValueError(f"the {name} part is empty (see --split)")
    return found


def _all_of(parts: Parts) -> Dataset:
    """All parts, in the order of the source's rows."""
    import dataclasses

    import numpy as np

    found = [part for part in parts if part is not None]
    if any(part.rows is None for part in found):
        raise ValueError("--part all: these data have a test set of their own, in another file; name one part")
    rows = np.concatenate([part.row_numbers for part in found])
    order = np.argsort(rows)
    x = np.concatenate([part.x for part in found])[order]
    labels = None
    if all(part.labels is not None for part in found):
        labels = np.concatenate([np.asarray(part.labels) for part in found])[order]
    index = None
    if all(part.index is not None for part in found):
        index = np.concatenate([np.asarray(part.index) for part in found])[order]
    return dataclasses.replace(found[0], x=x, labels=labels, rows=rows[order], index=index)


@contextlib.contextmanager
def rows_of_source(data: Dataset, validation: Dataset | None = None) -> Iterator[None]:
    """What is not finite is told by the rows of the data's source, and their index, not by places in a part of it."""
    from vae_np.support.errors import NonFiniteError

    try:
        yield
    except NonFiniteError as error:
        part = validation if error.part == "validation" and validation is not None else data

        def called(n: int) -> str:
            name = "" if part.index is None else f" {str(part.index[n])!r}"
            return f"{part.row_numbers[n]}{name}"

        raise FloatingPointError(
            error.line("row" + "s" * (len(error.examples) > 1), called, f" of {part.name}, counted from 0")
        ) from None


def binarised(dataset: Dataset, mode: str, seed: int) -> Dataset:
    """Data to evaluate are binarised once even where training drew them anew."""
    import dataclasses

    from vae_np import data

    x = data.binarise(dataset.x, "fixed" if mode == "dynamic" else mode, seed=seed)  # type: ignore[arg-type]
    return dataclasses.replace(dataset, x=x)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The model's path and the data to use it on."""
    add_model_argument(parser)
    group = parser.add_argument_group("data")
    add_data_arguments(group, "the run's own")
    group.add_argument(
        "--part",
        choices=["train", "validation", "test", "all"],
        help="of the run's data [test]; of --data [all]",
    )
    group.add_argument("--binarise", choices=BINARISE, help="[as in training]")
    parser.add_argument("--backend", choices=["numba", "numpy"], help="[the run's, else numba]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_rows_argument(parser: argparse.ArgumentParser) -> None:
    """--no-rows, for a file of a line a row."""
    parser.add_argument(
        "--no-rows", action="store_true", help="leave out the first columns, the rows' numbers and index (.csv)"
    )


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """The model's path."""
    parser.add_argument("model", metavar="MODEL", help="a run's folder, or a model file")
