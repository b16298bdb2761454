"""The pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.history import History
    from vae_np.model import VAE

EXAMPLES = 5000
"""Examples that are shown in the latent space."""


def draw(vae: VAE, history: History, shown: Dataset, folder: Path, seed: int) -> list[Path]:
    """Every picture that makes sense for this model; ``ImportError`` without matplotlib."""
    from vae_np import plots
    from vae_np.evaluation import evaluate
    from vae_np.noise import stream

    shown = shown.take(slice(EXAMPLES))
    shape, k = shown.image_shape, vae.architecture.latent
    mu, _ = vae.encode(shown.x)
    kl = evaluate(vae, shown.x).kl_per_dimension
    made = [plots.kl_per_dimension(kl, folder / "kl_per_dimension.png")]
    z = stream(seed, "prior").standard_normal((64, k), dtype=vae.dtype.type)
    few = shown.x[:24]
    mean = vae.reconstruct(few)
    made.append(plots.reconstructions(few, mean, folder / "reconstructions.png", image_shape=shape, n=24))
    made.append(plots.samples(vae.decode(z), folder / "samples.png", image_shape=shape))
    made.append(plots.latent_space(mu, folder / "latent_space.png", labels=shown.labels))
    if history.rows:
        made.append(plots.learning_curves(history, folder / "learning_curves.png"))
    best = sorted(range(k), key=lambda j: -kl[j])[:2]
    axes = (best[0], best[1] if k > 1 else 0)
    decode = lambda z: vae.decode(z.astype(vae.dtype))  # noqa: E731
    made.append(plots.manifold(decode, folder / "manifold.png", image_shape=shape, latent=k, axes=axes, mu=mu))
    return made
