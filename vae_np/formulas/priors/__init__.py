"""The priors p(z), a file each; every subclass of `Prior` in this folder is found by its name."""

from __future__ import annotations

from vae_np.formulas.doors import import_all
from vae_np.formulas.priors.base import Prior
from vae_np.formulas.priors.mixture import Mixture
from vae_np.formulas.priors.standard import Standard
from vae_np.formulas.priors.vade import VaDE

__all__ = ["PRIORS", "Mixture", "Prior", "Standard", "VaDE"]

PRIORS: dict[str, type[Prior]] = Prior.known
"""Every prior that has been defined, by name."""

import_all(__path__, __name__)
