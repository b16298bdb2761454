"""y as the condition of a model, as classifiers take it: classes that `fit` finds, and one-hot rows of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

__all__ = ["CONDITIONS", "classes_of", "encoded", "is_conditional", "labels_of_draws"]

Array = NDArray[Any]
CONDITIONS = (None, "labels")
SHOWN = 5


def is_conditional(estimator: Any) -> bool:
    """Whether the parameter ``condition`` asks for labels; ``ValueError`` where it asks for what there is not."""
    condition = estimator.condition
    if condition is not None and not (isinstance(condition, str) and condition in CONDITIONS):
        raise ValueError(f"condition must be None or 'labels'; got {condition!r}")
    return condition is not None


def classes_of(estimator: Any, y: Any, rows: int, classes: Any = None) -> Array:
    """The classes of y (N,), ascending, or those that are named: they may be more.

    Raises
    ------
    ValueError
        If y is missing, has not N labels, has a NaN or numbers that are no classes, or there is one class alone.
    """
    labels = _checked(estimator, y, rows)
    check_classification_targets(labels)
    found = np.unique(labels)
    if classes is not None:
        found = np.unique(_present(column_or_1d(classes), "classes"))
    if len(found) < 2:
        raise ValueError(
            f"condition='labels' needs two classes at least; y has n_classes={len(found)}, {found.tolist()[0]!r}: one"
            " class is no condition"
        )
    return found


def encoded(estimator: Any, y: Any, rows: int, dtype: Any) -> Array:
    """One-hot rows (N, C) of y (N,) by the estimator's ``classes_``; ``ValueError`` names a class that is not one."""
    labels = _checked(estimator, y, rows).tolist()
    place = {label: j for j, label in enumerate(estimator.classes_.tolist())}
    found = np.array([place.get(label, -1) for label in labels], np.intp)
    if (found < 0).any():
        unseen = list(dict.fromkeys(label for label in labels if label not in place))
        some = ", ".join(map(repr, unseen[:SHOWN])) + ", ..." * (len(unseen) > SHOWN)
        raise ValueError(f"y contains previously unseen labels: {some}; fit saw {list(place)}")
    one_hot = np.zeros((rows, len(place)), dtype)
    one_hot[np.arange(rows), found] = 1
    return one_hot


def labels_of_draws(y: Any, rows: int) -> Any:
    """One label for all draws, or one for each, as one for each; `encoded` checks them."""
    if y is None or np.ndim(y):
        return y
    return np.full(rows, y, object if isinstance(y, str) else None)


def _checked(estimator: Any, y: Any, rows: int) -> Array:
    """Y as labels, one a row."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None: its"
            " condition are the labels (condition='labels')"
        )
    labels = _present(column_or_1d(y, warn=True), "y")
    check_consistent_length(np.empty((rows, 0)), labels)
    return labels


def _present(labels: Array, name: str) -> Array:
    """The labels, none of which may be missing; in the words of scikit-learn."""
    if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
        raise ValueError(f"Input {name} contains {'NaN' if np.isnan(labels).any() else 'infinity'}.")
    if labels.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{labels}\n")
    if labels.dtype.kind == "O":
        missing = [label is None or type(label).__name__ == "NAType" or label != label for label in labels]
        if any(missing):
            raise ValueError(f"Input {name} contains NaN: label {missing.index(True)} is missing")
        kinds = {_kind(label) for label in labels}
        if not kinds <= {"texts", "numbers"}:
            raise ValueError(f"Unknown label type: {name} must hold texts or numbers; it holds {sorted(kinds)}")
        if len(kinds) == 2:
            raise ValueError(f"Unknown label type: {name} holds texts and numbers; write all of them as texts")
    return labels


def _kind(label: Any) -> str:
    if isinstance(label, (bool, int, float, np.bool_, np.integer, np.floating)):
        return "numbers"
    return "texts" if isinstance(label, str) else type(label).__name__
