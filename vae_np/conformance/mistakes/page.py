"""The catalogue as a page for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from vae_np.conformance.mistakes.catalogue import GROUPS
from vae_np.conformance.mistakes.mistake import Mistake

__all__ = ["SEVERITIES", "entry", "explanation", "listing"]

SEVERITIES = {
    "H": "wrong objective or gradient",
    "M": "wrong value, or wrong under some conditions only",
    "L": "cosmetic",
    "dialect": "a consistent convention: named, and no failure",
}
WIDTH = 100


def listing() -> str:
    """A line for each mistake, by what it is of."""
    lines = [f"{key:>7}  {words}" for key, words in SEVERITIES.items()]
    for group, mistakes in GROUPS.items():
        lines += ["", group]
        lines += [f"{m.severity:>7}  {m.id:<28}  {m.says}" for m in mistakes]
    count = sum(map(len, GROUPS.values()))
    return "\n".join([*lines, "", f"{count} entries; one of them, with its derivation: vae-np verify --explain ID"])


def explanation(mistake: Mistake) -> str:
    """One of them: the right and the wrong line, the derivation, its forms, where it was seen."""
    return "\n".join(_lines(mistake))


def entry(mistake: Mistake) -> dict[str, Any]:
    """One of them for JSON."""
    group = next(name for name, mistakes in GROUPS.items() if mistake in mistakes)
    found = {name: getattr(mistake, name) for name in ("id", "severity", "says", "right", "wrong", "why")}
    forms = [_plain(form.says) for form in mistake.forms if form.says]
    return found | {"group": group, "forms": forms, "seen": list(mistake.seen)}


def _lines(mistake: Mistake) -> Iterator[str]:
    yield f"{mistake.id} ({mistake.severity}: {SEVERITIES[mistake.severity]})"
    yield f"  {mistake.says}"
    yield ""
    yield f"  right  {mistake.right}"
    yield f"  wrong  {mistake.wrong}"
    yield ""
    yield from textwrap.wrap(mistake.why, WIDTH, initial_indent="  ", subsequent_indent="  ")
    says = [form.says for form in mistake.forms if form.says]
    if says:
        yield ""
        yield "  forms"
        yield from (f"    - {_plain(text)}" for text in says)
    if not mistake.forms:
        yield ""
        yield "  It shows in a program that is called: --loss and --sampler."
    if mistake.seen:
        yield ""
        yield from textwrap.wrap(
            f"seen at {', '.join(mistake.seen)}", WIDTH, initial_indent="  ", subsequent_indent="  "
        )


def _plain(text: str) -> str:
    return text.replace("{:.6g}", "a number").replace("{}", "their names")
