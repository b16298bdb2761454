"""The docstrings of installed packages as documents, bags of their words, and what topics are measured by."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np
from scipy import sparse

PACKAGES = ("numpy", "scipy", "sklearn", "pandas", "matplotlib")
"""All of a BSD licence but for matplotlib's, which is like that of Python."""
WORD = r"[a-z]{3,}"


class Bags(NamedTuple):
    x: np.ndarray  # (N, D) counts
    words: np.ndarray  # (D,)
    homes: np.ndarray  # (N,): the module of each docstring, as scipy.stats


def modules(name: str) -> Iterator[ModuleType]:
    """A package and its public modules, parents first, without tests, windows of any kind, and bundled packages."""
    module = importlib.import_module(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
        last = found.name.rsplit(".", 1)[1]
        if (
            not last.startswith("_")
            and "test" not in last
            and last not in ("externals", "distutils", "f2py", "backends")
        ):
            try:
                yield from modules(found.name)
            except ImportError:  # it needs what is not installed
                continue


def docstrings(packages: tuple[str, ...] = PACKAGES) -> list[tuple[str, str]]:
    """(module, text) of each public function and class; the first place that has a text has it alone."""
    found: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are deprecated
        for package in packages:
            for module in modules(package):
                for name, thing in sorted(vars(module).items()):
                    if not name.startswith("_") and callable(thing):
                        text = inspect.getdoc(thing) or ""
                        # examples are code, and references names
                        text = re.split(r"\n(?:Examples?|References)\n-+", text)[0].lower()
                        if len(re.findall(WORD, text)) >= 30:
                            found.setdefault(text, ".".join(module.__name__.split(".")[:2]))
    return [(home, text) for text, home in found.items()]


def bags(documents: list[tuple[str, str]], least: int = 20, most: float = 0.15, alike: float = 0.9) -> Bags:
    """Counts of the words that are in at least so many documents and at most such a share of them.

    English words that tell nothing are left out, and so are documents of fewer than 15 words that count, and those
    whose counts have a cosine above ``alike`` with an earlier one's: many docstrings copy another but for a name.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(stop_words="english", token_pattern=WORD, min_df=least, max_df=most)
    x = counter.fit_transform([text for _, text in documents]).astype(np.float64)
    keep = np.flatnonzero(np.asarray(x.sum(axis=1)).ravel() >= 15)
    if not len(keep):
        raise ValueError("no document has 15 words that count")
    x = x[keep]
    unit = sparse.diags(1 / np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())) @ x
    near = sparse.tril(unit @ unit.T, -1).tocsr()
    new = np.asarray(near.max(axis=1).todense()).ravel() <= alike
    homes = np.array([home for home, _ in documents])[keep]
    return Bags(x[new].toarray().astype(np.float32), counter.get_feature_names_out(), homes[new])
