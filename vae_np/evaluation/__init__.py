"""What a trained model is worth: `bounds` has the ELBO, the importance-weighted evidence and the active units."""

from vae_np.evaluation.bounds import ACTIVE_VARIANCE, Evaluation, active_units, evaluate

__all__ = ["ACTIVE_VARIANCE", "Evaluation", "active_units", "evaluate"]
