"""Runs that can be resumed bit for bit.

fitting     `fit`, which users call
settings    what decides a run, beside the model and the data
trainer     the run under way: minibatches, epochs, validation
run_checks  what it checks: its data, its constants, and that a checkpoint is its own
checkpoint  what a run leaves on the disk, and `load`; the form of the file is in `vae_np.model.archive`
history     a row an epoch
progress    the bar; `interrupt`, Ctrl-C between two steps
"""

from vae_np.training.fitting import fit

__all__ = ["fit"]
