"""A whole training step as one call into compiled code; see `vae_np.kernels` for the map."""
