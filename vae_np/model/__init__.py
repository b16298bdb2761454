"""VAE: what users hold (`vae`), where its parameters start (`initialisers`), its file (`archive`), what it takes
(`inputs`), what becomes of a condition (`conditional`), and where a value that is not finite came from (`diagnosis`).
"""

from vae_np.model.vae import VAE, Elbo

__all__ = ["VAE", "Elbo"]
