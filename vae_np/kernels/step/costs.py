"""What a step asks of the machine, by the stages' own accounts: calls, meetings, and bytes between stages and memory.

The bytes are those of the arrays that a stage reads and those that it writes, each once a call and summed over the
threads, whatever the caches keep; a product reads its factors and writes its output. They do not depend on the
machine's mood, so a test holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step import sequence
from vae_np.kernels.step.plan import places

__all__ = ["MEETING", "Account", "Call", "account_of", "sequence_with"]


class Call(NamedTuple):
    """One stage of a thread: its name and what it is about."""

    stage: str
    i: int
    j: int


MEETING = Call("meeting", 0, 0)


class Account(NamedTuple):
    """Of one order: what a thread does, meetings too, and the stages alone; how often the threads meet; the bytes."""

    order: list[Call]
    calls: list[Call]
    meetings: int
    bytes: int


def account_of(q: Any, what: int) -> Account:
    """The account of an order, found by following `sequence` with the stages left out.

    With the JIT on `sequence` is followed in the Python that it was compiled from.
    """
    calls: list[Call] = []
    meetings = 0
    names = {getattr(places, name): name.lower() for name in _BYTES_BY_PLACE}

    def do(q: Any, place: int, i: int, j: int, t: int) -> None:
        calls.append(Call(names[place], int(i), int(j)))

    def meet(q: Any, t: int) -> None:
        nonlocal meetings
        meetings += 1
        calls.append(MEETING)

    order = q.copy()
    order[places.WHAT] = what
    sequence_with(do, meet)["_step"](order, 0)
    stages = [call for call in calls if call is not MEETING]
    return Account(calls, stages, meetings + 2, sum(_bytes(q, call) for call in stages))  # and at the beginning and end


def sequence_with(do: Any, meet: Any, compiled: Callable[[Any], Any] = lambda function: function) -> dict[str, Any]:
    """The functions of `sequence` with others in the place of the two by which they do anything."""
    scope = {**vars(sequence), "_do": do, "_meet": meet}
    for name in ("_hidden", "_hidden_backward", "_encode", "_decode", "_decoder", "_encoder", "_step"):
        function: Any = getattr(sequence, name)
        plain = function.py_func if COMPILED else function
        scope[name] = compiled(type(plain)(plain.__code__, scope, name, plain.__defaults__))
    return scope


def _bytes(q: Any, call: Call) -> int:
    size = int(q[places.ITEM])
    layer = [int(v) for v in q[places.END + places.COLUMNS * call.i :][: places.COLUMNS]]
    rows = int(q[places.N] if call.i < q[places.ENCODER] + q[places.HEADS] else q[places.SAMPLES] * q[places.N])
    return size * _BYTES_BY_PLACE[call.stage.upper()](q, rows, layer[places.FAN_IN], layer[places.FAN_OUT])


def _latent(cubes: int, tables: int) -> Callable[[Any, int, int, int], int]:
    """So many arrays of (S, N, K) and of (N, K)."""
    return lambda q, *_: int(q[places.N] * q[places.K] * (cubes * q[places.SAMPLES] + tables))


def _output(arrays: int) -> Callable[[Any, int, int, int], int]:
    """So many arrays like raw, and x for each sample."""

    def count(q: Any, *_: int) -> int:
        rows = int(q[places.SAMPLES] * q[places.N])
        last = places.END + places.COLUMNS * (q[places.LAYERS] - 1)
        return rows * (arrays * int(q[last + places.FAN_OUT]) + int(q[places.D]))

    return count


_BYTES_BY_PLACE: dict[str, Callable[[Any, int, int, int], int]] = {
    "LOOK": lambda q, *_: int(q[places.N] * q[places.D]),
    "DECIDE": lambda q, *_: int(q[places.N]),
    "SPARSE_PRODUCT": lambda q, *_: 0,  # in the place of a product, which is counted
    "PRODUCT": lambda q, rows, a, b: rows * a + a * b + rows * b,
    "ACTIVATE": lambda q, rows, a, b: 2 * rows * b,
    "SAMPLE": _latent(2, 6),
    "MEASURE": _output(2),
    "DENSITIES": _latent(2, 1),
    "ASSESS": _output(2),
    "OWN_GRADIENT": lambda q, *_: int(q[places.SAMPLES] * q[places.N] * q[places.D]),
    "BIAS_GRADIENT": lambda q, rows, a, b: rows * b + b,  # of the output's, blocks of rows may be added already
    "ACTIVATE_BACKWARD": lambda q, rows, a, b: 3 * rows * b,
    "PRIOR_BACKWARD": _latent(3, 0),
    "LATENT_BACKWARD": _latent(2, 6),
    "POSTERIOR_BACKWARD": _latent(1, 5),
    "ADD": lambda q, *_: int(q[places.PARAMETERS]),
    "TOTAL": lambda q, *_: 0,  # a number of each chunk
    "UPDATE": lambda q, *_: 7 * int(q[places.PARAMETERS]),
    "AMSGRAD": lambda q, *_: 9 * int(q[places.PARAMETERS]),
}
