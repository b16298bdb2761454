"""The stages of the passes, compiled one by one: each a function (plan's address, i, j, thread) that `step.sequence`
calls by its address.

So each loop is compiled once for its kind and precision and not again with every combination of them, and only when it
is first needed. A stage works on this thread's tile or range; what it is about, layer i say, is found in the plan.
"""

from vae_np.kernels.step.stages.backward import (
    activate_backward,
    bias_gradient,
    latent_backward,
    posterior_backward,
    prior_backward,
)
from vae_np.kernels.step.stages.forward import activate, decide, densities, look, product, sample, sparse_product
from vae_np.kernels.step.stages.likelihood import assess, measure, own_gradient
from vae_np.kernels.step.stages.update import ADAM, FLOOR, LOG_VOLUME, OWN_NUMBERS, TOTALS, add, amsgrad, total, update

__all__ = [
    "ADAM",
    "FLOOR",
    "LOG_VOLUME",
    "OWN_NUMBERS",
    "TOTALS",
    "activate",
    "activate_backward",
    "add",
    "amsgrad",
    "assess",
    "bias_gradient",
    "decide",
    "densities",
    "latent_backward",
    "look",
    "measure",
    "own_gradient",
    "posterior_backward",
    "prior_backward",
    "product",
    "sample",
    "sparse_product",
    "total",
    "update",
]
