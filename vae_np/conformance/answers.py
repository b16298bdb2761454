"""An answer as JSON has it, whoever wrote it: what a line or a file may say of a case.

    {"id": "kl-ordinary", "stages": {"kl": [0.5, 1.25, "nan"]}}      any of the case's stages, nested lists of numbers
    {"id": "kl-ordinary", "skip": "why"}                             no answer, and none is missed
    {"id": "kl-ordinary", "error": "what happened"}                  a wrong case

NaN and infinity are NaN, Infinity and -Infinity, as many writers have them, or texts, ``"nan"``, ``"inf"``, ``"-inf"``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["NoAnswer", "parsed", "plain", "stages_of"]

LONGEST = 500
"""Characters that are told of what a program says."""


class NoAnswer(Exception):
    """What there is instead of a case's stages, in plain words."""

    def __init__(self, text: str) -> None:
        super().__init__(plain(text))


def plain(text: object) -> str:
    """A program's own words on one line, without what would move a terminal's cursor or cannot be printed."""
    words = " ".join(str(text).split())
    words = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words[: LONGEST + 1])
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."


def parsed(text: str) -> dict[str, Any]:
    """The object that a line or a file holds.

    Raises
    ------
    NoAnswer
        If it is no JSON, or no object.
    """
    try:
        # a whole number may have more digits than an integer becomes a float of
        answer = json.loads(text.removeprefix("\ufeff"), parse_int=float)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"no JSON: {_short(text)} ({error})") from None
    if not isinstance(answer, dict):
        raise NoAnswer(f"no JSON object: {_short(text)}")
    return answer


def stages_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The stages; None where the case is skipped.

    Raises
    ------
    NoAnswer
        With the error that it tells, or if it tells nothing.
    """
    if "error" in answer:
        raise NoAnswer(f"it says: {answer['error']}")
    if "skip" in answer:
        return None
    stages = answer.get("stages")
    if not isinstance(stages, dict):
        raise NoAnswer(f"its answer has no object of stages; it has {', '.join(answer) or 'nothing'}")
    return {plain(name): value for name, value in stages.items()}


def _short(text: str) -> str:
    """The beginning, quoted: what is no text shows."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
