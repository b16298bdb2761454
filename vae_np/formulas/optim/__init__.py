"""The optimiser: `adam` has the equations, `state` what is remembered between steps, `clipping` the gradient's norm."""

from vae_np.formulas.optim.adam import Adam, adam_step, bias_correction
from vae_np.formulas.optim.state import AdamState

__all__ = ["Adam", "AdamState", "adam_step", "bias_correction"]
