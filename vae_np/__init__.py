"""vae_np: a reference implementation of the variational autoencoder for CPUs."""

__version__ = "0.1.0"
