"""vae_np: a reference implementation of the variational autoencoder for CPUs, by hand in NumPy and Numba.

The public names, in the order of the path that data take. They are imported when they are first used, so that
``import vae_np`` costs nothing that is not needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_np import data as data
    from vae_np import gradcheck as gradcheck
    from vae_np import noise as noise
    from vae_np import plots as plots
    from vae_np.checkpoint import load as load
    from vae_np.errors import NonFiniteError as NonFiniteError
    from vae_np.evaluation import Evaluation as Evaluation
    from vae_np.evaluation import evaluate as evaluate
    from vae_np.history import History as History
    from vae_np.likelihoods import Bernoulli as Bernoulli
    from vae_np.likelihoods import ContinuousBernoulli as ContinuousBernoulli
    from vae_np.likelihoods import Gaussian as Gaussian
    from vae_np.likelihoods import Likelihood as Likelihood
    from vae_np.model import VAE as VAE
    from vae_np.model import Elbo as Elbo
    from vae_np.noise import standard_normal as standard_normal
    from vae_np.objectives import ELBO as ELBO
    from vae_np.objectives import IWAE as IWAE
    from vae_np.optim import Adam as Adam
    from vae_np.parameters import Parameters as Parameters
    from vae_np.schedules import Constant as Constant
    from vae_np.schedules import Cosine as Cosine
    from vae_np.schedules import Cyclical as Cyclical
    from vae_np.schedules import LinearWarmup as LinearWarmup
    from vae_np.schedules import StepList as StepList
    from vae_np.schedules import Warmup as Warmup
    from vae_np.training import fit as fit

__version__ = "0.1.0"

_HOMES = {
    "vae_np.noise": ("standard_normal",),
    "vae_np.likelihoods": ("Bernoulli", "ContinuousBernoulli", "Gaussian", "Likelihood"),
    "vae_np.parameters": ("Parameters",),
    "vae_np.objectives": ("ELBO", "IWAE"),
    "vae_np.model": ("VAE", "Elbo"),
    "vae_np.optim": ("Adam",),
    "vae_np.schedules": ("Constant", "Cosine", "Cyclical", "LinearWarmup", "StepList", "Warmup"),
    "vae_np.training": ("fit",),
    "vae_np.history": ("History",),
    "vae_np.checkpoint": ("load",),
    "vae_np.evaluation": ("Evaluation", "evaluate"),
    "vae_np.errors": ("NonFiniteError",),
}
_NAMES = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("data", "gradcheck", "noise", "plots")

__all__ = ["__version__", *_NAMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"vae_np.{name}")
    raise AttributeError(f"module 'vae_np' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
