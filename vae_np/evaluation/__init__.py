"""What a trained model is worth.

bounds      `evaluate`: ELBO, importance-weighted evidence, active units
weights     `importance`: log p(x) by importance sampling, with what says whether to believe it
annealing   `annealed`, `bidirectional`: log p(x) by annealed importance sampling, and a bracket of it
clusters    `with_clusters`, `cluster_probabilities`: a mixture in the latent space, and who belongs where
anomalies   `normal`, `anomalies`: which rows are unlike the data, how surely, and by which features; a background
             model as the measure, and `perturbed` rows for it
directions  `interpolate`, `latent_path`, `attribute_vector`: from one row to another, from one class to another
latent_use  `latent_use`: rate, mutual information, aggregated posterior, whether the posterior has collapsed
generation  `generation_quality`: samples against held-out data, beside what training data reach
neighbours  `overlap`: precision, recall, density, coverage of two sets; `nearest`
two_samples `frechet_distance`; `discrepancy`: MMD with its test
baseline    a Gaussian for each column by itself
"""

from vae_np.evaluation.annealing import Annealed, Bracket, annealed, bidirectional
from vae_np.evaluation.anomalies import Anomalies, Normal, anomalies, contributions, normal, perturbed
from vae_np.evaluation.bounds import ACTIVE_VARIANCE, Evaluation, active_units, evaluate
from vae_np.evaluation.clusters import (
    FittedMixture,
    cluster_probabilities,
    fit_mixture,
    sample_clusters,
    with_clusters,
)
from vae_np.evaluation.directions import attribute_vector, interpolate, latent_path
from vae_np.evaluation.generation import Quality, generation_quality
from vae_np.evaluation.latent_use import LatentUse, latent_use
from vae_np.evaluation.neighbours import Overlap, nearest, overlap
from vae_np.evaluation.two_samples import Discrepancy, discrepancy, frechet_distance
from vae_np.evaluation.weights import Importance, importance, pareto_shape

__all__ = [
    "ACTIVE_VARIANCE",
    "Annealed",
    "Anomalies",
    "Bracket",
    "Discrepancy",
    "Evaluation",
    "FittedMixture",
    "Importance",
    "LatentUse",
    "Normal",
    "Overlap",
    "Quality",
    "active_units",
    "annealed",
    "anomalies",
    "attribute_vector",
    "bidirectional",
    "cluster_probabilities",
    "contributions",
    "discrepancy",
    "evaluate",
    "fit_mixture",
    "frechet_distance",
    "generation_quality",
    "importance",
    "interpolate",
    "latent_path",
    "latent_use",
    "nearest",
    "normal",
    "overlap",
    "pareto_shape",
    "perturbed",
    "sample_clusters",
    "with_clusters",
]
