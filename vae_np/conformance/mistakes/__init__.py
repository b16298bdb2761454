"""The catalogue of known mistakes as code, and the diagnosis: which of them a candidate has made.

mistake       a `Mistake`: words for people, changes of rules for the computer
reference     the right computation in rules: densities, optimiser, surroundings are its parts
tape          its derivatives, whatever a mistake has made of it
catalogue/    all mistakes
diagnosis     what explains all of a candidate's answers
patterns      what an unknown mistake looks like
page          the catalogue for people
"""

from vae_np.conformance.mistakes.catalogue import CATALOGUE as CATALOGUE
from vae_np.conformance.mistakes.catalogue import find as find
from vae_np.conformance.mistakes.mistake import Mistake as Mistake

__all__ = ["CATALOGUE", "Mistake", "find"]
