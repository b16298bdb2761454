"""Adam's step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracles

from quantities.notes import ADAM
from quantities.points import WIDE, product
from quantities.quantity import Array, Quantity
from vae_np.formulas import optim


def adam_points(dtype, n, seed) -> list[Array]:
    """(theta, g, m, v): all magnitudes, but g and m 0 rather than subnormal."""
    theta, g, m, v = product(*[WIDE] * 4)(dtype, n, seed)
    tiny = np.finfo(dtype).tiny / np.finfo(dtype).eps
    g, m = (np.where(np.abs(a) < tiny, 0, a).astype(dtype) for a in (g, m))
    return [theta, g, m, np.square(v)]


def adam_formula(**settings: Any) -> Callable[..., Array]:
    """theta after one step of Adam."""

    def formula(theta, g, m, v):
        return optim.adam_step(theta, g, optim.AdamState(m, v, None, oracles.STEP - 1), optim.Adam(**settings))[0]

    return formula


ADAM_ROWS = [
    Quantity("Adam's step", adam_formula(), oracles.adam, adam_points, (6, 6), note=ADAM),
    Quantity(
        "Adam's step, epsilon-hat and decay",
        adam_formula(epsilon_hat=True, weight_decay=0.01),
        oracles.adam_reordered,
        adam_points,
        (6, 6),
        note=ADAM,
    ),
]
