"""The likelihoods p(x | z), a file each; every subclass of `Likelihood` in this folder is found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from vae_np.likelihoods.base import Likelihood
from vae_np.likelihoods.bernoulli import Bernoulli
from vae_np.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vae_np.likelihoods.gaussian import Gaussian

__all__ = ["LIKELIHOODS", "Bernoulli", "ContinuousBernoulli", "Gaussian", "Likelihood", "get_likelihood"]


def _discover() -> dict[str, type[Likelihood]]:
    """The likelihood classes of all modules in this folder, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {cls.name: cls for cls in Likelihood.__subclasses__() if cls.__module__.startswith(f"{__name__}.")}


LIKELIHOODS: dict[str, type[Likelihood]] = _discover()


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
