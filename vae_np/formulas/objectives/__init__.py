"""The objectives, a file each; every subclass of `Objective` in this folder is found by its name.

elbo      ELBO, with beta and free bits
sampled   the ELBO with its KL at the samples; sticking the landing
score     REINFORCE with its baselines, VIMCO
iwae      the importance-weighted bound
weighted  its doubly reparameterised gradient; reweighted wake-sleep, plain and doubly reparameterised
nodes     the ELBO with weights of its samples
combined  MIWAE, PIWAE, CIWAE; Renyi's bound
"""

from __future__ import annotations

from vae_np.formulas.doors import import_all
from vae_np.formulas.objectives.base import Loss, Objective, get_objective, keep_encoder, log_weights, loss_backward
from vae_np.formulas.objectives.combined import CIWAE, MIWAE, PIWAE, Renyi
from vae_np.formulas.objectives.elbo import ELBO
from vae_np.formulas.objectives.iwae import IWAE
from vae_np.formulas.objectives.nodes import WeightedELBO, weighted_elbo
from vae_np.formulas.objectives.sampled import SampledELBO, StickingTheLanding
from vae_np.formulas.objectives.score import VIMCO, Reinforce
from vae_np.formulas.objectives.weighted import RWS, DReG, RWSDReG

__all__ = [
    "CIWAE",
    "ELBO",
    "IWAE",
    "MIWAE",
    "OBJECTIVES",
    "PIWAE",
    "RWS",
    "VIMCO",
    "DReG",
    "Loss",
    "Objective",
    "RWSDReG",
    "Reinforce",
    "Renyi",
    "SampledELBO",
    "StickingTheLanding",
    "WeightedELBO",
    "get_objective",
    "keep_encoder",
    "log_weights",
    "loss_backward",
    "weighted_elbo",
]

OBJECTIVES: dict[str, type[Objective]] = Objective.known
"""Every objective that has been defined, by name."""

import_all(__path__, __name__)

for _name in [name for name in OBJECTIVES if name not in (ELBO.name, IWAE.name)]:  # messages list these two first
    OBJECTIVES[_name] = OBJECTIVES.pop(_name)
