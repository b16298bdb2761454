"""Schedules: a number for each step, for the learning rate or for the weight β of the KL.

A step t counts from 1, and t - 1 steps have been taken when step t asks for its number. A schedule
that changes something after m steps therefore keeps the old value at t = m and has the new one at
t = m + 1. (The one exception is `Warmup`, whose first learning rate must not be zero.)

A schedule is a frozen dataclass: it compares by value, is called with the step, and goes into a
configuration file as a dictionary and back (`to_dict`, `schedule_from_dict`). A plain number is
accepted wherever a schedule is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from numbers import Real
from typing import Any, Self

from vae_np.checks import non_negative, positive, whole

__all__ = [
    "Constant",
    "Cosine",
    "Cyclical",
    "LinearWarmup",
    "Schedule",
    "StepList",
    "Warmup",
    "as_schedule",
    "schedule_from_dict",
]


class Schedule(ABC):
    """A number for each step: ``schedule(step)``, step = 1, 2, ..."""

    def __call__(self, step: int) -> float:
        """Return the number for step t = 1, 2, ...; ``ValueError`` for a step below 1."""
        return float(self._value(whole("step", step, at_least=1)))

    @abstractmethod
    def _value(self, step: int) -> float:
        """Return the number for a step that is known to be an int of at least 1."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the class's ``"name"`` in a form that JSON can hold."""
        own: Any = self
        if not is_dataclass(own):
            raise TypeError(f"a schedule must be a dataclass to be saved; {type(self).__name__} is none")
        values: dict[str, Any] = {"name": type(self).__name__}
        for field in fields(own):
            values[field.name] = _plain(getattr(self, field.name))
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make one from what `to_dict` gave; ``ValueError`` for another name or unknown fields.

        `Schedule.from_dict` itself takes any name.
        """
        schedule = schedule_from_dict(values)
        if not isinstance(schedule, cls):
            kind = type(schedule).__name__
            raise ValueError(f"the schedule must be a {cls.__name__}; it is a {kind}")
        return schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """One number for all steps.

        value(t) = rate

    Parameters
    ----------
    rate : float
        Non-negative.
    """

    rate: float

    def __post_init__(self) -> None:
        _set(self, rate=non_negative("rate", self.rate))

    def _value(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class StepList(Schedule):
    """Multiplied by a factor at each milestone.

        value(t) = rate * prod_{i: m_i < t} f_i

    Parameters
    ----------
    rate : float
        The value of the first m_1 steps; non-negative.
    milestones : tuple of int
        m_1 < m_2 < ..., in steps: after m_i steps the factor f_i comes in.
    factors : float or tuple of float
        One number for every milestone ("gamma"), or one for each; positive.

    Notes
    -----
    As ``torch.optim.lr_scheduler.MultiStepLR`` counted in steps. The schedule of Burda, Grosse &
    Salakhutdinov (2016) is this one: factors 10^(-1/7) at 1, 1 + 3, 1 + 3 + 9, ... epochs.
    """

    rate: float
    milestones: tuple[int, ...]
    factors: float | tuple[float, ...] = 0.1

    def __post_init__(self) -> None:
        milestones = tuple(whole("milestones", m, at_least=1) for m in self.milestones)
        if any(a >= b for a, b in pairwise(milestones)):
            raise ValueError(f"milestones must increase; got {milestones}")
        factors: Any = self.factors
        if isinstance(factors, Real):
            factors = positive("factors", factors)
        else:
            factors = tuple(positive("factors", f) for f in factors)
            if len(factors) != len(milestones):
                raise ValueError(
                    f"factors must be one number or one for each of the {len(milestones)} "
                    f"milestones; got {len(factors)}"
                )
        _set(self, rate=non_negative("rate", self.rate), milestones=milestones, factors=factors)

    def _value(self, step: int) -> float:
        passed = sum(m < step for m in self.milestones)
        if isinstance(self.factors, tuple):
            return self.rate * math.prod(self.factors[:passed])
        return self.rate * float(self.factors**passed)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `rate` down to `final`, which it keeps.

        value(t) = final + (rate - final) (1 + cos(pi p)) / 2,    p = min((t - 1) / steps, 1)

    Parameters
    ----------
    rate : float
        The value of the first step; non-negative.
    steps : int
        After so many steps the value is `final`.
    final : float
        Non-negative.

    Notes
    -----
    Loshchilov & Hutter (2017), equation 5, without restarts.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _set(
            self,
            rate=non_negative("rate", self.rate),
            steps=whole("steps", self.steps, at_least=1),
            final=non_negative("final", self.final),
        )

    def _value(self, step: int) -> float:
        if step > self.steps:
            return self.final
        share = 0.5 * (1.0 + math.cos(math.pi * (step - 1) / self.steps))
        return _between(self.final, self.rate, share)


@dataclass(frozen=True)
class Warmup(Schedule):
    """A linear rise to the first value of another schedule, then that schedule from its start.

        value(t) = then(1) t / steps    for t <= steps,
                   then(t - steps)      after.

    Parameters
    ----------
    steps : int
        The length of the rise. Its first value is then(1) / steps, not zero.
    then : Schedule or float
        Its steps count from the end of the rise.

    Notes
    -----
    Goyal et al. (2017), section 2.2.
    """

    steps: int
    then: Schedule | float

    def __post_init__(self) -> None:
        _set(self, steps=whole("steps", self.steps, at_least=1), then=as_schedule(self.then))

    def _value(self, step: int) -> float:
        then = as_schedule(self.then)
        if step <= self.steps:
            return then(1) * (step / self.steps)
        return then(step - self.steps)


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """The KL's weight β on a straight line from `start` to `final`, which it keeps.

        value(t) = start + (final - start) min((t - 1) / steps, 1)

    Parameters
    ----------
    steps : int
        After so many steps the value is `final`; the first step's is `start`.
    final, start : float
        Non-negative.

    Notes
    -----
    Bowman et al. (2016), section 3.1 (there a sigmoid); Sønderby et al. (2016), section 2.3.
    """

    steps: int
    final: float = 1.0
    start: float = 0.0

    def __post_init__(self) -> None:
        _set(
            self,
            steps=whole("steps", self.steps, at_least=1),
            final=non_negative("final", self.final),
            start=non_negative("start", self.start),
        )

    def _value(self, step: int) -> float:
        return _between(self.start, self.final, min((step - 1) / self.steps, 1.0))


@dataclass(frozen=True)
class Cyclical(Schedule):
    """The KL's weight β in cycles: a straight line from 0 to `final`, then held; then again.

        value(t) = final min(p / ratio, 1),    p = ((t - 1) mod period) / period,

    and `final` after the last cycle.

    Parameters
    ----------
    period : int
        The steps of one cycle, at least 2: the first has β = 0.
    ratio : float
        The share of a cycle in which β rises; in (0, 1].
    cycles : int
        How many cycles there are.
    final : float
        Non-negative.

    Notes
    -----
    Fu et al. (2019), equations 6 and 7, with f(p) = p / R; there R = 0.5 and M = 4 cycles fill the
    whole training, so that what comes after the last one is not in the paper.
    """

    period: int
    ratio: float = 0.5
    cycles: int = 4
    final: float = 1.0

    def __post_init__(self) -> None:
        ratio = positive("ratio", self.ratio)
        if ratio > 1.0:
            raise ValueError(f"ratio must lie in (0, 1]; got {ratio}")
        _set(
            self,
            period=whole("period", self.period, at_least=2),
            ratio=ratio,
            cycles=whole("cycles", self.cycles, at_least=1),
            final=non_negative("final", self.final),
        )

    def _value(self, step: int) -> float:
        cycle, place = divmod(step - 1, self.period)
        if cycle >= self.cycles:
            return self.final
        return self.final * min(place / self.period / self.ratio, 1.0)


_BY_NAME: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (Constant, StepList, Cosine, Warmup, LinearWarmup, Cyclical)
}


def as_schedule(value: float | Schedule) -> Schedule:
    """Return a schedule as it is and a number as a `Constant`; ``TypeError`` for anything else."""
    if isinstance(value, Schedule):
        return value
    number: Any = value  # np.float32 and Fraction are numbers too
    if not isinstance(number, bool) and isinstance(number, Real):
        return Constant(float(number))
    raise TypeError(f"a schedule must be a number or a Schedule; got {value!r}")


def schedule_from_dict(values: Mapping[str, Any] | float) -> Schedule:
    """Make the schedule that `Schedule.to_dict` described; a plain number gives a `Constant`.

    Raises
    ------
    ValueError
        If the name is unknown, or a field is unknown or missing.
    """
    if not isinstance(values, Mapping):
        return as_schedule(values)
    kind = _BY_NAME.get(str(values.get("name")))
    if kind is None:
        names = ", ".join(_BY_NAME)
        raise ValueError(f"a schedule's name must be one of {names}; got {values.get('name')!r}")
    arguments = {key: value for key, value in values.items() if key != "name"}
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(arguments.keys() - known):
        raise ValueError(f"{kind.__name__} has no field {', '.join(map(repr, unknown))}")
    if isinstance(arguments.get("then"), Mapping):
        arguments["then"] = schedule_from_dict(arguments["then"])
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ValueError(f"{kind.__name__} cannot be made from {dict(values)}: {error}") from error


def _between(a: float, b: float, share: float) -> float:
    """Return a + (b - a) share, exactly a and b at the ends."""
    return (1.0 - share) * a + share * b


def _plain(value: Any) -> Any:
    """Return a field in a form that JSON can hold."""
    if isinstance(value, Schedule):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _set(schedule: Schedule, **values: Any) -> None:
    """Store the checked fields of a frozen dataclass."""
    for name, value in values.items():
        object.__setattr__(schedule, name, value)
