"""The process around one contender: reads a JSON object a line, answers each with one, and waits for the next.

    python -m peers.worker NAME

    {"do": "set up", "size": [...], "dtype": ..., "threads": N, "problem": FILE}    -> {"about": ...}
    {"do": "agree", "file": FILE}     -> {}; loss, gradients and parameters after ten steps are in the .npz
    {"do": "warm up", "seconds": s}   -> {"steps": in a burst}
    {"do": "run", "seconds": s}       -> {"times": [milliseconds a step, for each burst]}

What goes wrong is answered with {"error": its first line}. Ends when its input does.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any

# NumPy too is imported only once the process is bound to its cores: libraries count them when they load

BURST = 0.01
"""Seconds. Steps are timed in bursts of about this, at the end of which all have ended: whoever can prepare a step
while the one before still runs, as a training loop lets it, may do so."""
LONGEST = 20
RESTART = 200
"""Steps, at most, until weights and moments begin anew: on one batch for ever, units die and moments decay into the
subnormal numbers, whose slowness is no contender's doing."""


class Desk:
    """Answers the messages."""

    def __init__(self, name: str) -> None:
        self.name, self.length = name, 1
        self.contender: Any = None

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """The reply to one message."""
        arguments = {name: value for name, value in message.items() if name != "do"}
        return getattr(self, message["do"].replace(" ", "_"))(**arguments)

    def set_up(self, size: list[Any], dtype: str, threads: int, problem: str) -> dict[str, Any]:
        """Bind the process to its cores, import, build."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        from sizes import Size

        from peers.contender import Problem, make_contender

        features, hidden, *others = size
        loaded = Problem.load(Size(features, tuple(hidden), *others), problem)
        self.contender = make_contender(self.name, loaded.astype(dtype), threads)
        return {"about": self.contender.about}

    def agree(self, file: str) -> dict[str, Any]:
        """Loss and gradients at the initial parameters, and the parameters after ten steps."""
        import numpy as np

        from peers.contender import STEPS, Trainer

        if not isinstance(self.contender, Trainer):
            return {}
        loss, gradients = self.contender.loss_and_grad()
        arrays = {"loss": np.asarray(loss), **{f"gradient/{name}": g for name, g in gradients.items()}}
        self.contender.restart()
        for _ in range(STEPS):
            self.contender.step()
        self.contender.wait()
        arrays |= {f"parameter/{name}": value for name, value in self.contender.parameters().items()}
        np.savez(file, **arrays)
        return {}

    def warm_up(self, seconds: float) -> dict[str, Any]:
        """Train for so long, and see how many steps make a burst."""
        self.length = 1
        self._turn(0.0)  # compiles
        step = sorted(self.run(seconds)["times"])[0] / 1e3
        self.length = max(1, min(LONGEST, round(BURST / step)))
        return {"steps": self.length}

    def run(self, seconds: float) -> dict[str, Any]:
        """A turn: the time of a step in each burst. The reply waits until the libraries' threads sleep."""
        from vae_np.support.machine import until_quiet

        times = self._turn(seconds)
        until_quiet()
        return {"times": [round(1e3 * time, 6) for time in times]}

    def _turn(self, seconds: float) -> list[float]:
        """Bursts for so long, one at least; the first step after each restart is not timed."""
        times: list[float] = []
        begin = time.perf_counter()
        while not times or time.perf_counter() < begin + seconds:
            self.contender.restart()
            self._burst(1)
            for _ in range(RESTART // self.length):
                times.append(self._burst(self.length) / self.length)
                if time.perf_counter() >= begin + seconds:
                    break
        return times

    def _burst(self, steps: int) -> float:
        """The seconds that so many steps take."""
        begin = time.perf_counter()
        for _ in range(steps):
            self.contender.step()
        self.contender.wait()
        return time.perf_counter() - begin


def first_line(error: Exception) -> str:
    """The line that says what is wrong: compilers are fond of a heading above it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.endswith(":")), "")
    return said or type(error).__name__


def main() -> None:
    # libraries print what they like; replies have the pipe to themselves
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    desk = Desk(sys.argv[1])
    for line in sys.stdin:
        try:
            reply = desk.answer(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            reply = {"error": first_line(error)}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
