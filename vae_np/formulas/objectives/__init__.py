"""The objectives, a file each; every subclass of `Objective` in this folder is found by its name."""

from __future__ import annotations

from vae_np.formulas.doors import import_all
from vae_np.formulas.objectives.base import Loss, Objective, get_objective
from vae_np.formulas.objectives.elbo import ELBO
from vae_np.formulas.objectives.iwae import IWAE

__all__ = ["ELBO", "IWAE", "OBJECTIVES", "Loss", "Objective", "get_objective"]

OBJECTIVES: dict[str, type[Objective]] = Objective.known
"""Every objective that has been defined, by name."""

import_all(__path__, __name__)
