"""Schedules of the KL's weight β: a rise, or one rise after the other."""

from __future__ import annotations

from dataclasses import dataclass

from vae_np.formulas.schedules.base import Schedule, between, set_fields
from vae_np.support.checks import non_negative, positive, whole

__all__ = ["Cyclical", "LinearWarmup"]


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
        set_fields(
            self,
            steps=whole("steps", self.steps, at_least=1),
            final=non_negative("final", self.final),
            start=non_negative("start", self.start),
        )

    def _value(self, step: int) -> float:
        return between(self.start, self.final, min((step - 1) / self.steps, 1.0))


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
        set_fields(
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
