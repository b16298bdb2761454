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
ROWS = 8
"""Dimensions that the traversals show."""
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
    if k > 2:
        made.append(_traversals(vae, weight, shown, mu, folder / "traversals.png", limits))
    # heat strips side by side, as many as one can see; the manifold's cells are quantiles of N(0, I)
    side = None if shape is not None or k == 1 else min(12, WIDEST // shown.x.shape[1])
    if k <= 2 and drawn is None and (side is None or side > 1):
        look = {"image_shape": shape, "side": side, "limits": limits}
        made.append(plots.manifold(_decoder(vae), folder / "manifold.png", latent=k, mu=mu, **look))
    return made


def _traversals(vae: VAE, weight: Array, shown: Dataset, mu: Array, path: Path, limits: Any) -> Path:
    """Walks from two examples (of different labels, if there are any) along the weightiest dimensions."""
    import numpy as np

    from vae_np import plots

    best = np.argsort(-weight, kind="stable")[:ROWS].tolist()
    labels = shown.labels
    other = 1 if labels is None or (labels == labels[0]).all() else int(np.argmax(labels != labels[0]))
    rows = [0, other] if len(mu) > 1 else [0]
    measure = "KL" if vae.architecture.has_kl else "variance of the mean"
    look: dict[str, Any] = {"image_shape": shown.image_shape, "limits": limits}
    chosen = f"those of largest {measure}" if len(best) < len(weight) else f"in the order of their {measure}"
    return plots.traversals(_decoder(vae), path, x=shown.x[rows], mu=mu[rows], dimensions=best, chosen=chosen, **look)


def _decoder(vae: VAE) -> Any:
    """Decoder means of latents in any float type."""
    return lambda z: vae.decode(z.astype(vae.dtype))
