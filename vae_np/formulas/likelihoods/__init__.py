"""The likelihoods p(x | z), a file each; every subclass of `Likelihood` in this folder is found by its name."""

from __future__ import annotations

from vae_np.formulas.doors import import_all
from vae_np.formulas.likelihoods.base import Likelihood
from vae_np.formulas.likelihoods.bernoulli import Bernoulli
from vae_np.formulas.likelihoods.beta import Beta
from vae_np.formulas.likelihoods.categorical import Categorical
from vae_np.formulas.likelihoods.columns import Columns
from vae_np.formulas.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vae_np.formulas.likelihoods.discretised_logistic import DiscretisedLogistic
from vae_np.formulas.likelihoods.exposure import Exposure
from vae_np.formulas.likelihoods.gaussian import Gaussian
from vae_np.formulas.likelihoods.laplace import Laplace
from vae_np.formulas.likelihoods.multinomial import Multinomial
from vae_np.formulas.likelihoods.negative_binomial import NegativeBinomial
from vae_np.formulas.likelihoods.poisson import Poisson
from vae_np.formulas.likelihoods.student_t import StudentT

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Beta",
    "Categorical",
    "Columns",
    "ContinuousBernoulli",
    "DiscretisedLogistic",
    "Exposure",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "StudentT",
]

LIKELIHOODS: dict[str, type[Likelihood]] = Likelihood.known
"""Every likelihood that has been defined, by name."""

import_all(__path__, __name__)
