"""Estimators with scikit-learn's habits; needs the extra `sklearn`.

arguments    checks of parameters
attempts     a fit succeeds, or leaves the estimator as it was
frames       data frames with columns of several kinds
labels       y as the condition of a model
settings     what parameters mean that leave something open
autoencoder  `VariationalAutoencoder`: a transformer with a density, samples and reconstructions
clusters     `VAEClusterer`: clusters by a mixture in the latent space, trained with the model or after it
outliers     `VAEOutlierDetector`: rows of low log p(x), and the features that make them so
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:  # pragma: no cover - where it is not installed
    raise ImportError("vae_np.sklearn needs scikit-learn: pip install 'vae-np[sklearn]'") from error

from vae_np.sklearn.autoencoder import VariationalAutoencoder
from vae_np.sklearn.clusters import VAEClusterer
from vae_np.sklearn.outliers import VAEOutlierDetector

__all__ = ["VAEClusterer", "VAEOutlierDetector", "VariationalAutoencoder"]
