"""The process in which somebody's program runs, so that its crash, its hang and its prints are not ours.

`grade` starts it: a request in JSON goes to its standard input, the answer comes from its standard output, which the
program itself cannot reach: what it prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

__all__ = ["grade", "main"]


def grade(request: dict[str, Any], timeout: float) -> dict[str, Any]:
    """`check_objective` of {"loss": FILE.py:NAME or None, "sampler": ..., ...}, in a process of its own.

    Returns
    -------
    dict
        findings, facts, ok and text, of the report.

    Raises
    ------
    ValueError
        With what the program did instead: an error, a crash, no end within ``timeout`` seconds.
    """
    what = request.get("model") or request.get("loss") or request.get("sampler")
    command = [sys.executable, "-m", "vae_np.conformance.child"]
    try:
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ValueError(
            f"{what}: no answer within {timeout:g} seconds; if the file trains when it is imported, put that under"
            " if __name__ == '__main__', else allow more by --timeout"
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode("utf-8", "replace")  # what the program prints may be no text at all
        last = (said.strip().splitlines() or ["without a word"])[-1]
        raise ValueError(f"{what}: its process ended with {done.returncode}: {last}") from None
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


def main() -> None:
    """Read the request, answer it."""
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        request = json.loads(sys.stdin.read())
        json.dump(_answer(request), answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from vae_np.conformance.objective import check_objective
    from vae_np.conformance.programs import callable_of

    if request.get("model"):
        return _model(request)
    try:
        functions: dict[str, Any] = {
            name: callable_of(request[name]) for name in ("loss", "sampler") if request.get(name)
        }
    except ValueError as error:
        return {"error": str(error)}
    arguments = request.get("arguments")
    try:
        report = check_objective(
            **functions,
            output=request.get("output"),
            beta=request.get("beta", 1.0),
            arguments=None if arguments is None else tuple(arguments),
        )
    except ValueError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": f"{type(error).__name__} while it was checked: {error}"}
    findings = [finding._asdict() for finding in report.findings]
    return {"ok": report.ok, "findings": findings, "facts": list(report.facts), "text": str(report)}


def _model(request: dict[str, Any]) -> dict[str, Any]:
    """A whole program."""
    from vae_np.conformance.adapters.grading import answer

    try:
        return answer(request)
    except ValueError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": f"{request['model']}: {type(error).__name__} while it was graded: {error}"}


if __name__ == "__main__":
    main()
