"""Schedules of the learning rate: steps down, a cosine, a warm-up before either."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Any

from vae_np.formulas.schedules.base import Schedule, as_schedule, between, set_fields
from vae_np.support.checks import non_negative, positive, whole
from vae_np.support.portable import cosine_of_half_turn

__all__ = ["Cosine", "StepList", "Warmup"]


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
        set_fields(self, rate=non_negative("rate", self.rate), milestones=milestones, factors=factors)

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
        set_fields(
            self,
            rate=non_negative("rate", self.rate),
            steps=whole("steps", self.steps, at_least=1),
            final=non_negative("final", self.final),
        )

    def _value(self, step: int) -> float:
        if step > self.steps:
            return self.final
        share = 0.5 * (1.0 + cosine_of_half_turn((step - 1) / self.steps))
        return between(self.final, self.rate, share)


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
        set_fields(self, steps=whole("steps", self.steps, at_least=1), then=as_schedule(self.then))

    def _value(self, step: int) -> float:
        then = as_schedule(self.then)
        if step <= self.steps:
            return then(1) * (step / self.steps)
        return then(step - self.steps)
