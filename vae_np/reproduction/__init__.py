"""Whether this machine finds the same bits: small models, trained, and their hashes beside those of the package.

cases        the models: what each is made of, and its data
hashing      a model's stages and its training, as hashes
comparison   found and expected; `reproduce`, which ``vae-np reproduce`` prints
"""

from vae_np.kernels.compiler.lanes import target
from vae_np.reproduction.comparison import Outcome, expected, reproduce

__all__ = ["Outcome", "expected", "reproduce", "target"]
