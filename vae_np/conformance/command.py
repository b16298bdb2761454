"""A program in any language as a candidate: a request on a line of its input, an answer on a line of its output.

The protocol is written in data/FORMAT.md. Whatever the program does instead of answering is said of that case, and the
next case is asked: of the same process, or of a new one where it hangs or has ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from vae_np.conformance.answers import NoAnswer, parsed, plain, stages_of
from vae_np.conformance.cases import Case
from vae_np.conformance.process import Ended, Process, TooLate

__all__ = ["Program"]

HANGS = 3
"""After so many in a row nothing more is asked."""


class Program:
    """A candidate for `check`, and a context: ``with Program(["./vae"]) as mine: check(mine)``.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; there is no shell.
    timeout : float
        Seconds for each answer; the first has the start in it.
    tell : callable
        Is told at once what takes long: that the program hangs.

    Attributes
    ----------
    answered : int
        How many cases were answered, be it by a skip or an error.
    skipped : dict of str to str
        Why a case was not answered, by its id.
    failures : list of str
        What there was instead of answers.
    unable : str
        Why it can do no case at all, if it says so.

    Raises
    ------
    OSError
        From the ``with``, if the program cannot be started.
    """

    def __init__(
        self, command: Sequence[str], timeout: float = 60.0, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self.command, self.timeout, self.tell = list(command), timeout, tell
        self.answered = 0
        self.skipped: dict[str, str] = {}
        self.failures: list[str] = []
        self.unable = ""
        self._process: Process | None = None
        self._answers = 0
        self._owed: set[str] = set()
        self._hangs = 0

    def __enter__(self) -> Program:
        self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stopped()
        elif self._process is not None:
            self._process.stop()
            self._process = None

    def __call__(self, case: Case) -> Mapping[str, Any] | None:
        """Ask one case.

        Raises
        ------
        NoAnswer
            With what the program did instead.
        """
        try:
            return self._answer(case)
        except NoAnswer as problem:
            self.failures.append(f"{case.id}: {problem}")
            raise

    def _answer(self, case: Case) -> Mapping[str, Any] | None:
        if self.unable:
            raise NoAnswer(f"it can do no case: {self.unable}")
        if self._hangs >= HANGS:
            raise NoAnswer(f"not asked: {HANGS} cases in a row had no answer within {self.timeout:g} seconds")
        answer = self._ask(case)
        if answer.get("id") is None and "error" in answer:
            self.unable = plain(answer["error"])
            raise NoAnswer(f"it can do no case: {self.unable}")
        self._answers += 1
        self.answered += "error" in answer
        stages = stages_of(answer)
        self.answered += 1
        if stages is None:
            self.skipped[case.id] = plain(answer["skip"])
        return stages

    def _ask(self, case: Case) -> dict[str, Any]:
        """The object that answers the request."""
        process, request = self._started(), json.dumps(case.request())
        until = time.monotonic() + self.timeout
        process.send(request)
        try:
            try:
                return self._line(process, case, until)
            except Ended as end:
                self._stopped()
                if end.code != 0 or not self._answers:
                    raise
                # one that ends in good order after an answer needs a process for each case
                process = self._started()
                process.send(request)
                return self._line(process, case, until)
        except TooLate:
            self._stopped()
            self._hangs += 1
            fact = f"no answer within {self.timeout:g} seconds"
            self.tell(f"{case.id}: {fact}")
            raise NoAnswer(fact) from None
        except Ended as end:
            self._stopped()
            self._hangs = 0
            raise NoAnswer(str(end)) from None

    def _line(self, process: Process, case: Case, until: float) -> dict[str, Any]:
        """The next line; after one that was no answer, the answer may still come, in the time of a later case."""
        while True:
            line = process.line(until)
            self._hangs = 0
            try:
                answer = parsed(line)
            except NoAnswer:
                self._owed.add(case.id)
                raise
            given = answer.get("id")
            if given == case.id or (given is None and "error" in answer):
                return answer
            if given in list(self._owed):
                self._owed.discard(given)
                continue
            self._owed.add(case.id)
            raise NoAnswer(f"an answer to {given!r}, which was not the question")

    def _started(self) -> Process:
        """The process that runs, or a new one."""
        if self._process is None:
            self._process, self._answers, self._owed = Process(self.command), 0, set()
        return self._process

    def _stopped(self) -> None:
        """What hangs or has ended is no longer asked."""
        if self._process is not None:
            self._process.kill()
            self._process = None
