"""What the pictures refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import MEANS, ramp

from vae_np import plots

X = np.ones((3, 63))
NAN = np.where(np.arange(6).reshape(2, 3) == 4, np.nan, 1.0)
REFUSALS: list[tuple[str, Callable[[Path], object]]] = [
    ("image_shape \\(8, 8\\) needs 64 columns; x has 63", lambda p: plots.reconstructions(X, X, p, image_shape=(8, 8))),
    ("image_shape \\(8, 8\\) needs 64 columns; mean has 63", lambda p: plots.samples(X, p, image_shape=(8, 8))),
    ("needs 8 columns; decode\\(z\\) has 6", lambda p: plots.manifold(ramp, p, image_shape=(2, 4), latent=2)),
    ("image_shape must be \\(height, width\\)", lambda p: plots.samples(X, p, image_shape=(3, 7, 3))),
    ("image_shape must be \\(height, width\\)", lambda p: plots.samples(X, p, image_shape=(7, 3, 3, 1))),
    ("\\(3, 7, 2\\) needs 42 columns; mean has 63", lambda p: plots.samples(X, p, image_shape=(3, 7, 2))),
    ("limits must be .*increasing", lambda p: plots.samples(X, p, image_shape=(7, 9), limits=(1, 1))),
    ("limits must be .*finite", lambda p: plots.samples(X, p, image_shape=(7, 9), limits=(0, np.inf))),
    ("image_shape must be", lambda p: plots.samples(X, p, image_shape=(-1, -63))),
    ("one shape; got \\(3, 63\\) and \\(2, 63\\)", lambda p: plots.reconstructions(X, X[:2], p)),
    ("n must be a whole number of at least 1; it is 0", lambda p: plots.reconstructions(X, X, p, n=0)),
    ("mean must be finite; 1 of its 6 .* nan at \\[1, 1\\]", lambda p: plots.samples(NAN, p)),
    ("x must be finite", lambda p: plots.reconstructions(NAN, NAN, p)),
    ("mu must be finite", lambda p: plots.latent_space(NAN, p)),
    ("kl must be finite", lambda p: plots.kl_per_dimension(NAN, p)),
    ("decode\\(z\\) must be finite", lambda p: plots.manifold(lambda z: z / 0.0 * 0, p, image_shape=None, latent=2)),
    ("mean must have 2 axes", lambda p: plots.samples(X[0], p)),
    ("mean must have 2 axes and not be empty", lambda p: plots.samples(X[:0], p)),
    ("must hold real numbers; its dtype is complex", lambda p: plots.samples(X + 1j, p)),
    ("threshold must be finite", lambda p: plots.kl_per_dimension([1.0], p, threshold=np.nan)),
    ("labels must have shape \\(3,\\).*got \\(2,\\)", lambda p: plots.latent_space(X, p, labels=[1, 2])),
    ("labels must be finite", lambda p: plots.latent_space(X, p, labels=[1, 2, np.nan])),
    (
        "20 distinct values; they have 21",
        lambda p: plots.latent_space(np.ones((21, 2)), p, labels=[f"l{i}" for i in range(21)]),
    ),
    ("explained gives two shares", lambda p: plots.latent_space(X, p, explained=(0.5, 0.1))),
    (
        "two different dimensions from 0 to 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=3, axes=(1, 1)),
    ),
    (
        "two different dimensions from 0 to 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=3, axes=(0, 3)),
    ),
    (
        "side must be a whole number of at least 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=2, side=1),
    ),
    ("mu must have 2 columns; it has 5", lambda p: plots.manifold(ramp, p, image_shape=None, latent=2, mu=MEANS)),
    ("must have 144 rows.*it has 143", lambda p: plots.manifold(lambda z: z[1:], p, image_shape=None, latent=2)),
    (
        "20 heat strips of 63 features are 1260 columns",
        lambda p: plots.manifold(lambda z: z[:, :1] * X[:1], p, image_shape=None, latent=2, side=20),
    ),
    ("history must have 'elbo'", lambda p: plots.learning_curves({"epoch": [1]}, p)),
    ("history must have 'epoch'", lambda p: plots.learning_curves({"epoch": [], "elbo": [1]}, p)),
    ("epoch must increase", lambda p: plots.learning_curves({"epoch": [1, 1], "elbo": [1, 2]}, p)),
    ("elbo must have one value an epoch", lambda p: plots.learning_curves({"epoch": [1, 2], "elbo": [1]}, p)),
    ("elbo has no finite value in 1 epochs", lambda p: plots.learning_curves({"epoch": [1], "elbo": [np.nan]}, p)),
    ("end in .png", lambda p: plots.samples(X, p.with_suffix(".gif"))),
]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("fact", "draw"), REFUSALS, ids=[fact for fact, _ in REFUSALS])
def test_a_wrong_input_is_refused_with_the_fact(fact: str, draw: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=fact):
        draw(tmp_path / "p.png")
    assert not list(tmp_path.iterdir())
