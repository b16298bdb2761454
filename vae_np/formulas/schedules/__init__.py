"""Schedules: a number for each step, for the learning rate or for the weight β of the KL.

A step t counts from 1, and t - 1 steps have been taken when step t asks for its number. A schedule
that changes something after m steps therefore keeps the old value at t = m and has the new one at
t = m + 1. (The one exception is `Warmup`, whose first learning rate must not be zero.)

A schedule is a frozen dataclass: it compares by value, is called with the step, and goes into a
configuration file as a dictionary and back (`to_dict`, `schedule_from_dict`). A plain number is
accepted wherever a schedule is.
"""

from vae_np.formulas.schedules.base import SCHEDULES, Constant, Schedule, as_schedule, schedule_from_dict
from vae_np.formulas.schedules.kl_weight import Cyclical, LinearWarmup
from vae_np.formulas.schedules.learning_rate import Cosine, StepList, Warmup

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

SCHEDULES.update({kind.__name__: kind for kind in (Constant, StepList, Cosine, Warmup, LinearWarmup, Cyclical)})
