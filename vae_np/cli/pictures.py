"""The pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.data import Dataset
    from vae_np.model.vae import VAE
    from vae_np.training.history import History

    Array = NDArray[Any]

EXAMPLES = 5000
"""Examples that are shown in the latent space."""


def draw(vae: VAE, history: History, shown: Dataset, folder: Path, seed: int) -> list[Path]:
    """Every picture that makes sense for this model; ``ImportError`` without matplotlib."""
    from vae_np import plots
    from vae_np.evaluation.bounds import evaluate
    from vae_np.plots.quantiles import WIDEST
    from vae_np.plots.scales import value_range
    from vae_np.support.noise import stream

    shown = shown.take(slice(EXAMPLES))
    shape, k = shown.image_shape, vae.architecture.latent
    mu, _ = vae.encode(shown.x)
    kl = evaluate(vae, shown.x).kl_per_dimension
    made = [plots.kl_per_dimension(kl, folder / "kl_per_dimension.png")]
    z = stream(seed, "prior").standard_normal((64, k), dtype=vae.dtype.type)
    few = shown.x[:24]
    mean = vae.reconstruct(few)
    made.append(plots.reconstructions(few, mean, folder / "reconstructions.png", image_shape=shape, n=24))
    limits = value_range(shown.x)
    made.append(plots.samples(vae.decode(z), folder / "samples.png", image_shape=shape, limits=limits))
    made.append(plots.latent_space(mu, folder / "latent_space.png", labels=shown.labels))
    if history.rows:
        made.append(plots.learning_curves(history, folder / "learning_curves.png"))
    # heat strips side by side, as many as one can see
    side = None if shape is not None or k == 1 else min(12, WIDEST // shown.x.shape[1])
    if side is None or side > 1:
        made.append(_manifold(vae, kl, mu, folder / "manifold.png", shape, side, limits))
    return made


def _manifold(
    vae: VAE, kl: Array, mu: Array, path: Path, shape: tuple[int, int] | None, side: int | None, limits: Any
) -> Path:
    """The manifold over the two dimensions of largest KL, which the title says where there are others."""
    from vae_np import plots

    k = len(kl)
    best = sorted(range(k), key=lambda j: -kl[j])[:2]
    axes = (best[0], best[1] if k > 1 else 0)
    chosen = "the two dimensions of largest KL" if k > 2 else ""
    decode = lambda z: vae.decode(z.astype(vae.dtype))  # noqa: E731
    look: dict[str, Any] = {"image_shape": shape, "side": side, "limits": limits}
    return plots.manifold(decode, path, latent=k, axes=axes, mu=mu, chosen=chosen, **look)
