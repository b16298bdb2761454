"""The pictures: how training went, what the decoder makes, and where the encoder puts the data.

Every function takes arrays and the path of a .png, .svg or .pdf and returns that path. The same input gives the
same bytes. matplotlib is imported only in this package, and only when a picture is drawn.
"""

from vae_np.plots.coordinates import parallel_coordinates
from vae_np.plots.curves import kl_per_dimension, learning_curves
from vae_np.plots.images import samples
from vae_np.plots.latent import latent_space
from vae_np.plots.pairs import neighbours, reconstructions
from vae_np.plots.quantiles import manifold
from vae_np.plots.score_bars import scores
from vae_np.plots.tables import feature_manifold, feature_reconstructions, feature_traversals
from vae_np.plots.walks import traversals

__all__ = [
    "feature_manifold",
    "feature_reconstructions",
    "feature_traversals",
    "kl_per_dimension",
    "latent_space",
    "learning_curves",
    "manifold",
    "neighbours",
    "parallel_coordinates",
    "reconstructions",
    "samples",
    "scores",
    "traversals",
]
