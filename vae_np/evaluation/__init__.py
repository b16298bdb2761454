"""What a trained model is worth.

bounds      `evaluate`: ELBO, importance-weighted evidence, active units
weights     `importance`: log p(x) by importance sampling, with what says whether to believe it
annealing   `annealed`, `bidirectional`: log p(x) by annealed importance sampling, and a bracket of it
latent_use  `latent_use`: rate, mutual information, aggregated posterior, whether the posterior has collapsed
baseline    a Gaussian for each column by itself
"""

from vae_np.evaluation.annealing import Annealed, Bracket, annealed, bidirectional
from vae_np.evaluation.bounds import ACTIVE_VARIANCE, Evaluation, active_units, evaluate
from vae_np.evaluation.latent_use import LatentUse, latent_use
from vae_np.evaluation.weights import Importance, importance, pareto_shape

__all__ = [
    "ACTIVE_VARIANCE",
    "Annealed",
    "Bracket",
    "Evaluation",
    "Importance",
    "LatentUse",
    "active_units",
    "annealed",
    "bidirectional",
    "evaluate",
    "importance",
    "latent_use",
    "pareto_shape",
]
