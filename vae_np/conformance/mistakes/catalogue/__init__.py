"""The catalogue of known mistakes, by what they are of.

objective, kl, sampler, likelihood, tables, bounds, backward, optimiser, surroundings, numerics: each a tuple of
`Mistake`.
programs: what only a program that is called can show.

To add one: an entry in one of these, with the change of a rule that makes it. The tests then prove that it is told from
every other one by at least 100 tolerances, or is the same numbers.
"""

import difflib

from vae_np.conformance.mistakes.catalogue.backward import BACKWARD
from vae_np.conformance.mistakes.catalogue.bounds import BOUNDS
from vae_np.conformance.mistakes.catalogue.kl import KL
from vae_np.conformance.mistakes.catalogue.likelihood import LIKELIHOOD
from vae_np.conformance.mistakes.catalogue.numerics import NUMERICS
from vae_np.conformance.mistakes.catalogue.objective import OBJECTIVE
from vae_np.conformance.mistakes.catalogue.optimiser import OPTIMISER
from vae_np.conformance.mistakes.catalogue.programs import PROGRAMS
from vae_np.conformance.mistakes.catalogue.sampler import SAMPLER
from vae_np.conformance.mistakes.catalogue.surroundings import SURROUNDINGS
from vae_np.conformance.mistakes.catalogue.tables import TABLES_AND_COUNTS
from vae_np.conformance.mistakes.mistake import Mistake

__all__ = ["CATALOGUE", "GROUPS", "find"]

GROUPS: dict[str, tuple[Mistake, ...]] = {
    "Objective": OBJECTIVE,
    "KL": KL,
    "Sampler": SAMPLER,
    "Likelihood": LIKELIHOOD,
    "Tables and counts": TABLES_AND_COUNTS,
    "Bounds of several samples": BOUNDS,
    "Backward pass and training": BACKWARD,
    "Optimiser": OPTIMISER,
    "Surroundings": SURROUNDINGS,
    "Numerics": NUMERICS,
    "Programs": PROGRAMS,
}
"""All mistakes, by what they are of."""
CATALOGUE: dict[str, Mistake] = {mistake.id: mistake for group in GROUPS.values() for mistake in group}
"""All mistakes by id."""


def find(name: str) -> Mistake:
    """The mistake of this id.

    Raises
    ------
    ValueError
        For an unknown one.
    """
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, 1)
        hint = f"{near[0]} is one" if near else "vae-np verify --list-mistakes names them all"
        raise ValueError(f"no known mistake is called {name}; {hint}")
    return CATALOGUE[name]
