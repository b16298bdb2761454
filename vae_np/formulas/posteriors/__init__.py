"""The posteriors q(z | x), a file each; every subclass of `Posterior` in this folder is found by its name."""

from __future__ import annotations

from vae_np.formulas.doors import import_all
from vae_np.formulas.posteriors.base import Posterior
from vae_np.formulas.posteriors.diagonal import Diagonal
from vae_np.formulas.posteriors.full import Full
from vae_np.formulas.posteriors.planar import Planar

__all__ = ["POSTERIORS", "Diagonal", "Full", "Planar", "Posterior"]

POSTERIORS: dict[str, type[Posterior]] = Posterior.known
"""Every posterior that has been defined, by name."""

import_all(__path__, __name__)
