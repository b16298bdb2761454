"""vae_np: a reference implementation of the variational autoencoder for CPUs, by hand in NumPy and Numba.

The public names, in the order of the path that data take. They are imported when they are first used, so that
``import vae_np`` costs nothing that is not needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_np import data as data
    from vae_np import estimators as estimators
    from vae_np import evaluation as evaluation
    from vae_np import exact as exact
    from vae_np import gradcheck as gradcheck
    from vae_np import plots as plots
    from vae_np.evaluation.bounds import Evaluation as Evaluation
    from vae_np.evaluation.bounds import evaluate as evaluate
    from vae_np.formulas.likelihoods import Bernoulli as Bernoulli
    from vae_np.formulas.likelihoods import Beta as Beta
    from vae_np.formulas.likelihoods import Categorical as Categorical
    from vae_np.formulas.likelihoods import Columns as Columns
    from vae_np.formulas.likelihoods import ContinuousBernoulli as ContinuousBernoulli
    from vae_np.formulas.likelihoods import DiscretisedLogistic as DiscretisedLogistic
    from vae_np.formulas.likelihoods import Exposure as Exposure
    from vae_np.formulas.likelihoods import Gaussian as Gaussian
    from vae_np.formulas.likelihoods import Laplace as Laplace
    from vae_np.formulas.likelihoods import Likelihood as Likelihood
    from vae_np.formulas.likelihoods import Multinomial as Multinomial
    from vae_np.formulas.likelihoods import NegativeBinomial as NegativeBinomial
    from vae_np.formulas.likelihoods import Poisson as Poisson
    from vae_np.formulas.likelihoods import StudentT as StudentT
    from vae_np.formulas.objectives import ELBO as ELBO
    from vae_np.formulas.objectives import IWAE as IWAE
    from vae_np.formulas.objectives import Objective as Objective
    from vae_np.formulas.optim import Adam as Adam
    from vae_np.formulas.optim import AdamState as AdamState
    from vae_np.formulas.parameters import Parameters as Parameters
    from vae_np.formulas.posteriors import Diagonal as Diagonal
    from vae_np.formulas.posteriors import Full as Full
    from vae_np.formulas.posteriors import Planar as Planar
    from vae_np.formulas.posteriors import Posterior as Posterior
    from vae_np.formulas.priors import Mixture as Mixture
    from vae_np.formulas.priors import Prior as Prior
    from vae_np.formulas.priors import Standard as Standard
    from vae_np.formulas.priors import VaDE as VaDE
    from vae_np.formulas.schedules import Constant as Constant
    from vae_np.formulas.schedules import Cosine as Cosine
    from vae_np.formulas.schedules import Cyclical as Cyclical
    from vae_np.formulas.schedules import LinearWarmup as LinearWarmup
    from vae_np.formulas.schedules import StepList as StepList
    from vae_np.formulas.schedules import Warmup as Warmup
    from vae_np.model.tables import Table as Table
    from vae_np.model.vae import VAE as VAE
    from vae_np.model.vae import Elbo as Elbo
    from vae_np.support import noise as noise
    from vae_np.support.errors import NonFiniteError as NonFiniteError
    from vae_np.support.noise import standard_normal as standard_normal
    from vae_np.training.checkpoint import load as load
    from vae_np.training.fitting import fit as fit
    from vae_np.training.history import History as History

__version__ = "0.1.0"

_HOMES = {
    "vae_np.support.noise": ("standard_normal",),
    "vae_np.formulas.likelihoods": (
        "Bernoulli",
        "ContinuousBernoulli",
        "Gaussian",
        "Likelihood",
        "NegativeBinomial",
        "Poisson",
        "Laplace",
        "StudentT",
        "Beta",
        "DiscretisedLogistic",
        "Categorical",
        "Columns",
        "Exposure",
        "Multinomial",
    ),
    "vae_np.formulas.posteriors": ("Diagonal", "Full", "Planar", "Posterior"),
    "vae_np.formulas.priors": ("Mixture", "Prior", "Standard", "VaDE"),
    "vae_np.formulas.parameters": ("Parameters",),
    "vae_np.formulas.objectives": ("ELBO", "IWAE", "Objective"),
    "vae_np.model.tables": ("Table",),
    "vae_np.model.vae": ("VAE", "Elbo"),
    "vae_np.formulas.optim": ("Adam", "AdamState"),
    "vae_np.formulas.schedules": ("Constant", "Cosine", "Cyclical", "LinearWarmup", "StepList", "Warmup"),
    "vae_np.training.fitting": ("fit",),
    "vae_np.training.history": ("History",),
    "vae_np.training.checkpoint": ("load",),
    "vae_np.evaluation.bounds": ("Evaluation", "evaluate"),
    "vae_np.support.errors": ("NonFiniteError",),
}
_NAMES = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {
    "data": "data",
    "estimators": "estimators",
    "evaluation": "evaluation",
    "exact": "exact",
    "gradcheck": "gradcheck",
    "noise": "support.noise",
    "plots": "plots",
}

__all__ = ["__version__", *_NAMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"vae_np.{_MODULES[name]}")
    raise AttributeError(f"module 'vae_np' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
