"""Posterior collapse: what the latent dimensions do under each remedy, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vae_np.evaluation import evaluate, latent_use
from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.schedules import Constant, LinearWarmup
from vae_np.plots.studies import latent_uses
from vae_np.study.finding import Finding, small_model

__all__ = ["REMEDIES", "collapse"]

BATCH = 64
REMEDIES: dict[str, Callable[[int], dict[str, Any]]] = {
    "as it is": lambda steps: {},
    "beta 0.5": lambda steps: {"beta": Constant(0.5)},
    "beta warm-up": lambda steps: {"beta": LinearWarmup(max(1, steps // 2))},
    "free bits": lambda steps: {"objective": ELBO(free_bits=0.25)},
    "beta 4": lambda steps: {"beta": Constant(4.0)},
}
"""What each changes of the training, for a run of so many steps. The last is no remedy: it shows the disease."""


def collapse(x: ArrayLike, held_out: ArrayLike, likelihood: str | Likelihood = "bernoulli", *, latent: int = 8,
             epochs: int = 20, seed: int = 0, scale: str = "none") -> Finding:  # fmt: skip
    """Train a small model under each remedy from the same start, and compare it on held-out data.

    Parameters
    ----------
    x, held_out : array, shape (N, D) and (M, D)
    likelihood
        As in `VAE`.
    latent, epochs, seed : int
    scale : str
        As in `VAE`.
    """
    x, held_out = np.asarray(x, np.float64), np.asarray(held_out, np.float64)
    steps = epochs * -(-len(x) // BATCH)
    rows: list[dict[str, Any]] = []
    for name, changes in REMEDIES.items():
        how: dict[str, Any] = {"latent": latent, "epochs": epochs, "seed": seed, "scale": scale, "batch_size": BATCH}
        vae = small_model(x, likelihood, **how, **changes(steps))
        used = latent_use(vae, held_out, seed=seed)
        bound = evaluate(vae, held_out, samples=64, seed=seed)
        rows.append({"remedy": name, **used._asdict(), "verdict": used.verdict, "elbo": bound.elbo,
                     "evidence": bound.evidence})  # fmt: skip
    best = max(rows, key=lambda row: row["evidence"])
    lines = [
        f"{latent} latent dimensions, {epochs} epochs, {len(held_out)} held-out examples; nats an example",
        "",
        f"{'':14} {'log p(x) >=':>12} {'ELBO':>10} {'KL':>7} {'I(x; z)':>8} {'KL(q(z)||p)':>12} {'active':>7}"
        f" {'sq. error':>10}",
    ]
    lines += [
        f"{row['remedy']:14} {row['evidence']:12.3f} {row['elbo']:10.3f} {row['rate']:7.2f}"
        f" {row['mutual_information']:8.2f} {row['aggregated_kl']:12.2f}"
        f" {row['active_units']:>4}/{latent:<2} {row['error']:10.5f}"
        for row in rows
    ]
    errors = [max(row[f"{name}_error"] for row in rows) for name in ("mutual_information", "aggregated_kl")]
    lines += [
        "",
        f"KL = I(x; z) + KL(q(z)||p), these two by {rows[0]['samples']} z an example, +- {errors[0]:.2g} and"
        f" {errors[1]:.2g} at most",
        f"I(x; z) is at most log N = {np.log(len(held_out)):.2f} nats",
        f"as it is: {rows[0]['verdict']}",
    ]
    if best is rows[0]:
        lines.append("no remedy has a higher log p(x) here")
    else:
        lines.append(f"the highest log p(x): {best['remedy']}, {best['evidence'] - rows[0]['evidence']:+.3f} nats")
    told = [{key: _plain(value) for key, value in row.items()} for row in rows]
    return Finding(lines, {"latent": latent, "rows": told}, lambda path: latent_uses(rows, path))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
