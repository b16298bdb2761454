"""The likelihoods p(x | z), a file each; every subclass of `Likelihood` in this folder is found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from vae_np.formulas.likelihoods.base import LIKELIHOODS, Likelihood
from vae_np.formulas.likelihoods.bernoulli import Bernoulli
from vae_np.formulas.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vae_np.formulas.likelihoods.gaussian import Gaussian

__all__ = ["LIKELIHOODS", "Bernoulli", "ContinuousBernoulli", "Gaussian", "Likelihood", "get_likelihood"]


for _module in pkgutil.iter_modules(__path__):  # each enters its class into LIKELIHOODS
    importlib.import_module(f"{__name__}.{_module.name}")


def get_likelihood(likelihood: str | Likelihood | Mapping[str, Any]) -> Likelihood:
    """The likelihood of a name, or of its `config`; an object is handed back.

    Raises
    ------
    ValueError
        If there is none of that name, or it does not take these options.
    """
    if isinstance(likelihood, Likelihood):
        return likelihood
    if isinstance(likelihood, str):
        likelihood = {"name": likelihood}
    if not isinstance(likelihood, Mapping):
        raise TypeError(f"likelihood must be a name or a Likelihood; got {likelihood!r}")
    options = dict(likelihood)
    name = options.pop("name", None)
    if name not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}; got {name!r}")
    try:
        return LIKELIHOODS[name](**options)
    except TypeError:
        raise ValueError(f"the {name} likelihood does not take {', '.join(map(repr, options))}") from None
