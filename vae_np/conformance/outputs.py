"""Answers that are there already, a file a case: ID.json, an object as in `answers`, or ID.npz, arrays by stage."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_np.conformance.answers import NoAnswer, parsed, plain, stages_of
from vae_np.conformance.cases import Case, cases

__all__ = ["Outputs"]


class Outputs:
    """A candidate for `check` that reads a folder; a case without a file is not answered.

    Attributes
    ----------
    answered : int
        How many cases had a file that could be read.
    skipped : dict of str to str
        Why a case was not answered, by its id.
    failures : list of str
        What is wrong with the other files.
    strangers : list of str
        Files of these forms that are named after no case.

    Raises
    ------
    ValueError
        If it is no folder, or no file in it is named after a case.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ValueError(f"{folder}: {'is no folder' if self.folder.exists() else 'no such folder'}")
        known = {case.id for case in cases()}
        files = sorted(file for file in self.folder.iterdir() if file.suffix in _READERS)
        if not any(file.stem in known for file in files):
            raise ValueError(f"{folder}: holds no answer; one is a file named after its case, kl-ordinary.json or .npz")
        self.strangers = [file.name for file in files if file.stem not in known]
        self.answered = 0
        self.skipped: dict[str, str] = {}
        self.failures: list[str] = []

    def __call__(self, case: Case) -> Mapping[str, Any] | None:
        """Read what is there of one case.

        Raises
        ------
        NoAnswer
            With the file and what is wrong with it.
        """
        files = [file for suffix in _READERS if (file := self.folder / f"{case.id}{suffix}").exists()]
        if not files:
            return None
        try:
            if len(files) > 1:
                raise NoAnswer("two answers; which is meant?")
            answer = _READERS[files[0].suffix](files[0])
            if answer.get("id", case.id) != case.id:
                raise NoAnswer(f"is an answer to {answer['id']!r}")
            stages = stages_of(answer)
        except NoAnswer as problem:
            fact = f"{' and '.join(file.name for file in files)}: {problem}"
            self.failures.append(fact)
            raise NoAnswer(fact) from None
        self.answered += 1
        if stages is None:
            self.skipped[case.id] = plain(answer["skip"])
        return stages


def _json(file: Path) -> dict[str, Any]:
    try:
        return parsed(file.read_bytes().decode())
    except (OSError, UnicodeDecodeError) as error:
        raise NoAnswer(_said(error)) from None


def _npz(file: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(file), np.load(file, allow_pickle=False) as arrays:
            return {"stages": dict(arrays)}
    except Exception as error:  # of zipfile, zlib, NumPy and the system: whatever a damaged file gives rise to
        raise NoAnswer(f"cannot be read: {_said(error)}") from None


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


_READERS = {".json": _json, ".npz": _npz}
