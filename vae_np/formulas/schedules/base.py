"""What a schedule is: a number for each step, to a dictionary and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from numbers import Real
from typing import Any, Self

from vae_np.support.checks import non_negative, whole

__all__ = ["SCHEDULES", "Constant", "Schedule", "as_schedule", "between", "schedule_from_dict", "set_fields"]

SCHEDULES: dict[str, type[Schedule]] = {}
"""The schedules of this folder by name: those that a file can hold."""


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
        set_fields(self, rate=non_negative("rate", self.rate))

    def _value(self, step: int) -> float:
        return self.rate


def as_schedule(value: float | Schedule, name: str = "rate") -> Schedule:
    """Return a schedule as it is and a number as a `Constant`; ``TypeError`` for anything else."""
    if isinstance(value, Schedule):
        return value
    number: Any = value  # np.float32 and Fraction are numbers too
    if not isinstance(number, bool) and isinstance(number, Real):
        return Constant(non_negative(name, float(number)))
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
    kind = SCHEDULES.get(str(values.get("name")))
    if kind is None:
        names = ", ".join(SCHEDULES)
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


def between(a: float, b: float, share: float) -> float:
    """Return a + (b - a) share, exactly a and b at the ends."""
    return (1.0 - share) * a + share * b


def _plain(value: Any) -> Any:
    """Return a field in a form that JSON can hold."""
    if isinstance(value, Schedule):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def set_fields(schedule: Schedule, **values: Any) -> None:
    """Store the checked fields of a frozen dataclass."""
    for name, value in values.items():
        object.__setattr__(schedule, name, value)
