"""The objective alone: `check_objective` grades a loss and a sampler of any program and names their mistakes.

forms          reconstructions, KLs and samplers as programs have them, right and wrong
probes         the arrays that they are asked with, and which argument is which
frameworks     calling functions of NumPy: values, derivatives, its noise replaced; pytorch, jax_and_keras: of theirs
numpy_noise    NumPy's ways to draw normal numbers, replaced
as_likelihood  forms as likelihoods that this package has not: a squared error after a sigmoid
fitting        a loss as a reconstruction, a KL and a constant, each times a number
naming         the numbers' names; convention: whether its program minimises it; words: what is said of the rest
bounded_kl     free bits and a capacity; own_deviation: the residuals' sigma; several: several samples
hard_kl        the KL far from the prior; followed: clamps and activations of what is given
sampler        what z is made of
check          all of it, and the report
"""

from vae_np.conformance.objective.check import ObjectiveReport as ObjectiveReport
from vae_np.conformance.objective.check import check_objective as check_objective
from vae_np.conformance.objective.naming import Finding as Finding

__all__ = ["Finding", "ObjectiveReport", "check_objective"]
