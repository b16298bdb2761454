"""The pictures of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli.common import binarised
from vae_np.cli.conditions import in_turn, rows_of
from vae_np.cli.output import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.cli.common import Parts
    from vae_np.data import Dataset
    from vae_np.data.dataset import ImageShape
    from vae_np.model.vae import VAE
    from vae_np.training.history import History

    Array = NDArray[Any]
    Maker = Callable[[Path], Path]

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
    """Every picture that makes sense for this model, each for itself: one that fails is a word on standard error.

    ``ImportError`` without matplotlib.
    """
    from vae_np.plots.canvas import require_matplotlib

    require_matplotlib()
    made = []
    for name, make in _makers(vae, history, parts, seed, binarise):
        try:
            made.append(make(folder / name))
        except Exception as error:
            print(f"vae-np: no {name}: {one_line(error)}", file=sys.stderr)
    return made


def _makers(vae: VAE, history: History, parts: Parts, seed: int, binarise: str) -> Iterator[tuple[str, Maker]]:
    """The pictures' names, and what draws each to a path."""
    from vae_np import plots
    from vae_np.evaluation.bounds import ACTIVE_VARIANCE, evaluate
    from vae_np.formulas.priors import Standard
    from vae_np.plots.scales import value_range

    name = next(name for name in ("test", "validation", "train") if getattr(parts, name) is not None)
    shown = binarised(getattr(parts, name), binarise, seed)
    shape, k = shown.image_shape, vae.architecture.latent
    evaluation = evaluate(vae, rows_of(vae, shown), seed=seed)  # what vae-np evaluate says of the same rows
    weight = evaluation.mean_variance  # of a dimension: its KL where that is known, else the variance of its mean
    if vae.architecture.has_kl:
        weight = evaluation.kl_per_dimension
        look: dict[str, Any] = {"threshold": ACTIVE_VARIANCE, "active": evaluation.active}
        look["of"] = f"{len(shown):,} {PART_NAMES[name]} example{'s' * (len(shown) > 1)}"
        yield "kl_per_dimension.png", lambda path: plots.kl_per_dimension(weight, path, **look)
    shown = shown.take(slice(EXAMPLES))
    placed, of = latent_rows(parts, name, binarise, seed)
    mu, _ = vae.encode(rows_of(vae, placed))
    limits, named = value_range(shown.x), panel_names(shown.feature_names, shown.x.shape[1], shape)
    few = shown.take(slice(24 if named is None else DOTS))
    mean = vae.reconstruct(rows_of(vae, few))
    yield "reconstructions.png", lambda path: reconstructions(few.x, mean, path, shape, named, 24)
    grid: dict[str, Any] = {"image_shape": shape, "limits": limits, "names": named}
    classes = vae.architecture.condition
    if classes:
        yield "samples.png", lambda path: _of_classes(vae, classes, seed, path, shown.x, **grid)
    else:
        yield "samples.png", lambda path: _samples(vae.decode(vae.sample_prior(64, seed)), path, shown.x, **grid)
    drawn = None if type(vae.prior) is Standard else vae.sample_prior(PRIOR_DRAWS, seed)
    dots: dict[str, Any] = {"labels": named_labels(placed), "prior": drawn, "of": of}
    dots["label_name"] = placed.label_name or "label"
    yield "latent_space.png", lambda path: plots.latent_space(mu, path, **dots)
    if history.rows:
        yield "learning_curves.png", lambda path: plots.learning_curves(history, path)
    if classes:  # the pictures that follow decode places of z alone
        return
    landmarks = vae.prior.landmarks(vae.architecture.own(vae.parameters, "prior"))
    if landmarks is not None:
        grid |= {"where": "the means of the prior's components", "row": "component"}
        yield "components.png", lambda path: _samples(vae.decode(landmarks[:64]), path, shown.x, **grid)
    if k > 2:
        yield "traversals.png", lambda path: _traversals(vae, weight, shown, path, limits, named)
    elif drawn is None:
        yield "manifold.png", lambda path: _manifold(vae, placed, mu, path, limits, named)


def panel_names(names: Sequence[str] | None, features: int, shape: ImageShape | None) -> list[str] | None:
    """What the pictures call plain features; None where these are pixels, or nameless and may be a series.

    They may be where they are too many for a panel each and not too many for a curve.
    """
    from vae_np.plots.quantiles import WIDEST
    from vae_np.plots.tables import MOST_PANELS

    if shape is not None or (names is None and MOST_PANELS < features <= WIDEST):
        return None
    return [f"x{j}" for j in range(features)] if names is None else list(names)


def reconstructions(
    x: Array, mean: Array, path: Path | str, shape: ImageShape | None, names: list[str] | None, n: int
) -> Path:
    """The picture for images and series, of ``n`` of them, or the one for a table, of all rows that are given."""
    from vae_np import plots

    if names is not None:
        return plots.feature_reconstructions(x, mean, path, names=names)
    return plots.reconstructions(x, mean, path, image_shape=shape, n=n)


def _samples(mean: Array, path: Path, x: Array, *, names: list[str] | None, **look: Any) -> Path:
    """Samples; of a table too wide for that the features that move most, in deviations of the data x.

    What is constant in the data is drawn so.
    """
    import numpy as np

    from vae_np import plots
    from vae_np.formulas.scaling import moments, standardising
    from vae_np.plots.images import MOST_NAMES
    from vae_np.plots.quantiles import WIDEST
    from vae_np.plots.walks import moving_most

    features = mean.shape[1]
    if look["image_shape"] is not None:
        return plots.samples(mean, path, names=names, **look)
    found = moments(x)
    spread = np.where(found.constant, np.inf, found.deviation)
    if names is None or features <= WIDEST:
        return plots.samples(mean, path, names=names, spread=spread, **look)
    chosen = moving_most(standardising(found).inside(mean), MOST_NAMES)
    names = [names[j] for j in chosen]
    look["where"] = (
        f"{look.get('where', 'draws from the prior')}\nthe {MOST_NAMES} of {features} features that move most"
    )
    return plots.samples(mean[:, chosen], path, names=names, spread=spread[chosen], **look)


def _of_classes(vae: VAE, classes: int, seed: int, path: Path, x: Array, **grid: Any) -> Path:
    """Samples of the classes in turn, a row a class where the sheet has room for a square of them."""
    number = classes * classes if 4 <= classes <= 12 else 64
    where = "draws from the prior, " + ("a row a class" if number == classes * classes else "the classes in turn")
    mean = vae.decode(vae.sample_prior(number, seed), in_turn(classes, number))
    return _samples(mean, path, x, where=where, **grid)


def _manifold(vae: VAE, placed: Dataset, mu: Array, path: Path, limits: Any, names: list[str] | None) -> Path:
    """That of one or two dimensions; where heat strips would be too narrow, features have panels."""
    from vae_np import plots
    from vae_np.plots.quantiles import WIDEST

    shape, k, features = placed.image_shape, vae.architecture.latent, placed.x.shape[1]
    # heat strips side by side, as many as one can see; its cells are quantiles of N(0, I)
    side = None if shape is not None or k == 1 else min(12, WIDEST // features)
    if names is not None or side in (0, 1):
        names = names or [f"x{j}" for j in range(features)]
        return plots.feature_manifold(_decoder(vae), path, x=placed.x, mu=mu, names=names)
    look: dict[str, Any] = {"image_shape": shape, "side": side, "limits": limits}
    return plots.manifold(_decoder(vae), path, latent=k, mu=mu, **look)


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
    from vae_np.plots.walks import MOST_STRIPS

    if names is None and shown.image_shape is None and shown.x.shape[1] > MOST_STRIPS:
        names = [f"x{j}" for j in range(shown.x.shape[1])]  # too many for strips: those that move most, by name
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
