"""Gradient estimators, measured: each objective's gradient held to what it is to be the mean of.

The estimators themselves are objectives (`formulas.objectives`), so that each can train:

    elbo, elbo-sampled, stl, reinforce    of the ELBO
    iwae, dreg, vimco                     of the importance-weighted bound
    rws, rws-dreg                         of the bound for the decoder, of -KL(p(z|x) || q(z|x)) for the encoder
    miwae, piwae, ciwae, renyi            of bounds between and beyond

measuring `measure`: bias, standard error and deviation of each tensor's gradient over many draws
targets   `target`: the gradient that an estimator is after, exact, where quadrature is possible
"""

from vae_np.estimators.measuring import Measured as Measured
from vae_np.estimators.measuring import Row as Row
from vae_np.estimators.measuring import measure as measure
from vae_np.estimators.targets import target as target

__all__ = ["Measured", "Row", "measure", "target"]
