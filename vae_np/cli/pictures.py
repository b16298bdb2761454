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
PRIOR_DRAWS = 1000
"""Draws of a prior other than N(0, I) that are shown beside them."""


def draw(vae: VAE, history: History, shown: Dataset, folder: Path, seed: int) -> list[Path]:
    """Every picture that makes sense for this model; ``ImportError`` without matplotlib."""
    from vae_np import plots
    from vae_np.evaluation.bounds import evaluate
    from vae_np.formulas.priors import Standard
    from vae_np.plots.quantiles import WIDEST
    from vae_np.plots.scales import value_range

    shown = shown.take(slice(EXAMPLES))
    shape, k = shown.image_shape, vae.architecture.latent
    mu, _ = vae.encode(shown.x)
    weight, made = mu.var(axis=0), []  # of a dimension: its KL where that is known, else the variance of its mean
    if vae.architecture.has_kl:
        weight = evaluate(vae, shown.x).kl_per_dimension
        made.append(plots.kl_per_dimension(weight, folder / "kl_per_dimension.png"))
    few = shown.x[:24]
    mean = vae.reconstruct(few)
    made.append(plots.reconstructions(few, mean, folder / "reconstructions.png", image_shape=shape, n=24))
    limits = value_range(shown.x)
    z = vae.sample_prior(64, seed)
    made.append(plots.samples(vae.decode(z), folder / "samples.png", image_shape=shape, limits=limits))
    drawn = None if type(vae.prior) is Standard else vae.sample_prior(PRIOR_DRAWS, seed)
    made.append(plots.latent_space(mu, folder / "latent_space.png", labels=shown.labels, prior=drawn))
    if history.rows:
        made.append(plots.learning_curves(history, folder / "learning_curves.png"))
    landmarks = vae.prior.landmarks(vae.architecture.own(vae.parameters, "prior"))
    if landmarks is not None:
        means = vae.decode(landmarks[:64])
        look: dict[str, Any] = {"image_shape": shape, "limits": limits}
        made.append(
            plots.samples(means, folder / "components.png", where="the means of the prior's components", **look)
        )
    # heat strips side by side, as many as one can see; the manifold's cells are quantiles of N(0, I)
    side = None if shape is not None or k == 1 else min(12, WIDEST // shown.x.shape[1])
    if drawn is None and (side is None or side > 1):
        made.append(_manifold(vae, weight, mu, folder / "manifold.png", shape, side, limits))
    return made


def _manifold(
    vae: VAE, weight: Array, mu: Array, path: Path, shape: tuple[int, int] | None, side: int | None, limits: Any
) -> Path:
    """The manifold over the two weightiest dimensions, which the title says where there are others."""
    from vae_np import plots

    k = len(weight)
    best = sorted(range(k), key=lambda j: -weight[j])[:2]
    axes = (best[0], best[1] if k > 1 else 0)
    measure = "KL" if vae.architecture.has_kl else "variance of the mean"
    chosen = f"the two dimensions of largest {measure}" if k > 2 else ""
    decode = lambda z: vae.decode(z.astype(vae.dtype))  # noqa: E731
    look: dict[str, Any] = {"image_shape": shape, "side": side, "limits": limits}
    return plots.manifold(decode, path, latent=k, axes=axes, mu=mu, chosen=chosen, **look)
