"""The pictures of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli.common import binarised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.cli.common import Parts
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE
    from vae_np.training.history import History

    Array = NDArray[Any]

EXAMPLES = 5000
"""Examples that are shown in the latent space."""
FEW = 100
"""Where the test part has fewer, the latent space shows those of the other parts too."""
PART_NAMES = {"test": "test", "validation": "validation", "train": "training"}
DOTS = 1000
"""Rows of a table whose reconstructions are shown."""
ROWS = 8
"""Dimensions that the traversals show."""
PRIOR_DRAWS = 1000
"""Draws of a prior other than N(0, I) that are shown beside them."""


def draw(vae: VAE, history: History, parts: Parts, folder: Path, seed: int, binarise: str = "none") -> list[Path]:
    """Every picture that makes sense for this model; ``ImportError`` without matplotlib."""
    from vae_np import plots
    from vae_np.evaluation.bounds import ACTIVE_VARIANCE, evaluate
    from vae_np.formulas.priors import Standard
    from vae_np.plots.scales import value_range

    name = next(name for name in ("test", "validation", "train") if getattr(parts, name) is not None)
    shown = binarised(getattr(parts, name), binarise, seed)
    shape, k = shown.image_shape, vae.architecture.latent
    evaluation, made = evaluate(vae, shown.x, seed=seed), []  # what vae-np evaluate says of the same rows
    weight = evaluation.mean_variance  # of a dimension: its KL where that is known, else the variance of its mean
    if vae.architecture.has_kl:
        weight = evaluation.kl_per_dimension
        look: dict[str, Any] = {"threshold": ACTIVE_VARIANCE, "active": evaluation.active}
        of = f"{len(shown):,} {PART_NAMES[name]} example{'s' * (len(shown) > 1)}"
        made.append(plots.kl_per_dimension(weight, folder / "kl_per_dimension.png", of=of, **look))
    shown = shown.take(slice(EXAMPLES))
    placed, of = latent_rows(parts, name, binarise, seed)
    mu, _ = vae.encode(placed.x)
    limits, named = value_range(shown.x), panel_names(shown.feature_names, shown.x.shape[1], shape)
    few = shown.x[:24] if named is None else shown.x[:DOTS]
    made.append(reconstructions(few, vae.reconstruct(few), folder / "reconstructions.png", shape, named, 24))
    z = vae.sample_prior(64, seed)
    look = {"image_shape": shape, "limits": limits, "names": named}
    made.append(plots.samples(vae.decode(z), folder / "samples.png", **look))
    drawn = None if type(vae.prior) is Standard else vae.sample_prior(PRIOR_DRAWS, seed)
    labels = named_labels(placed)
    made.append(plots.latent_space(mu, folder / "latent_space.png", labels=labels, prior=drawn, of=of))
    if history.rows:
        made.append(plots.learning_curves(history, folder / "learning_curves.png"))
    landmarks = vae.prior.landmarks(vae.architecture.own(vae.parameters, "prior"))
    if landmarks is not None:
        where = "the means of the prior's components"
        means = vae.decode(landmarks[:64])
        made.append(plots.samples(means, folder / "components.png", where=where, row="component", **look))
    if k > 2:
        made.append(_traversals(vae, weight, shown, folder / "traversals.png", limits, named))
    elif drawn is None:
        made += _manifold(vae, placed, mu, folder / "manifold.png", limits, named)
    return made


def panel_names(names: Sequence[str] | None, features: int, shape: tuple[int, int] | None) -> list[str] | None:
    """What the pictures call plain features; None where these are pixels, or nameless and too many for a panel each."""
    from vae_np.plots.tables import MOST_PANELS

    if shape is not None or (names is None and features > MOST_PANELS):
        return None
    return [f"x{j}" for j in range(features)] if names is None else list(names)


def reconstructions(
    x: Array, mean: Array, path: Path | str, shape: tuple[int, int] | None, names: list[str] | None, n: int
) -> Path:
    """The picture for images and series, of ``n`` of them, or the one for a table, of all rows that are given."""
    from vae_np import plots

    if names is not None:
        return plots.feature_reconstructions(x, mean, path, names=names)
    return plots.reconstructions(x, mean, path, image_shape=shape, n=n)


def _manifold(vae: VAE, placed: Dataset, mu: Array, path: Path, limits: Any, names: list[str] | None) -> Iterable[Path]:
    """That of one or two dimensions, where a picture can show it."""
    from vae_np import plots
    from vae_np.plots.quantiles import WIDEST

    shape, k = placed.image_shape, vae.architecture.latent
    if names is not None:
        return [plots.feature_manifold(_decoder(vae), path, x=placed.x, mu=mu, names=names)]
    # heat strips side by side, as many as one can see; its cells are quantiles of N(0, I)
    side = None if shape is not None or k == 1 else min(12, WIDEST // placed.x.shape[1])
    if side is not None and side < 2:
        return []
    look: dict[str, Any] = {"image_shape": shape, "side": side, "limits": limits}
    return [plots.manifold(_decoder(vae), path, latent=k, mu=mu, **look)]


def latent_rows(parts: Parts, name: str, binarise: str, seed: int) -> tuple[Dataset, str]:
    """The examples that are shown in the latent space, and which they are: those of the part ``name`` and, where they
    are fewer than `FEW`, of the others after it."""
    import dataclasses

    import numpy as np

    names, found, count = [], [], 0
    for other in (name, *(other for other in ("validation", "train") if other != name)):
        part = getattr(parts, other)
        if part is None or count >= FEW:
            continue
        names.append(PART_NAMES[other])
        found.append(binarised(part.take(slice(EXAMPLES - count)), binarise, seed))
        count += len(found[-1])
    labels = None
    if all(part.labels is not None for part in found):
        labels = np.concatenate([np.asarray(part.labels) for part in found])
    x = np.concatenate([part.x for part in found])
    rows = dataclasses.replace(found[0], x=x, labels=labels, rows=None, index=None)
    return rows, " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def named_labels(data: Dataset) -> Array | None:
    """The labels by their texts, where they have some and a legend has room for them."""
    import numpy as np

    from vae_np.plots.latent import MOST_NAMES

    if data.labels is None or data.label_names is None or len(np.unique(data.labels)) > MOST_NAMES:
        return data.labels
    return np.array(data.label_names)[data.labels]


def _traversals(vae: VAE, weight: Array, shown: Dataset, path: Path, limits: Any, names: list[str] | None) -> Path:
    """Walks from two examples (of different labels, if there are any) along the weightiest dimensions."""
    import numpy as np

    from vae_np import plots
    from vae_np.formulas.scaling import moments

    best = np.argsort(-weight, kind="stable")[:ROWS].tolist()
    labels = shown.labels
    other = 1 if labels is None or (labels == labels[0]).all() else int(np.argmax(labels != labels[0]))
    rows = [0, other] if len(shown) > 1 else [0]
    mu, _ = vae.encode(shown.x[rows])
    measure = "KL" if vae.architecture.has_kl else "variance of the mean"
    chosen = f"those of largest {measure}" if len(best) < len(weight) else f"in the order of their {measure}"
    how: dict[str, Any] = {"x": shown.x[rows], "mu": mu, "dimensions": best, "chosen": chosen}
    if names is not None:
        found = moments(shown.x)
        scale = (found.mean, found.deviation)
        return plots.feature_traversals(_decoder(vae), path, names=names, moments=scale, **how)
    return plots.traversals(_decoder(vae), path, image_shape=shown.image_shape, limits=limits, **how)


def _decoder(vae: VAE) -> Any:
    """Decoder means of latents in any float type."""
    return lambda z: vae.decode(z.astype(vae.dtype))
