"""The true posterior beside q, and what log p(x) loses between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vae_np.exact import gaps, posterior_on_grid
from vae_np.exact.grid import check_drawable
from vae_np.model.vae import VAE
from vae_np.plots.studies import posteriors
from vae_np.study.finding import Finding

__all__ = ["posterior"]

MOST = 2**14
"""Nodes: of a decoder of ReLUs more would take minutes, for digits that the table does not show."""


def posterior(vae: VAE, x: ArrayLike, *, seed: int = 0) -> Finding:
    """log p(x), the best and the encoder's ELBO of each example, and the posteriors' picture, K <= 2.

    Parameters
    ----------
    vae : VAE
        With the diagonal posterior and the standard prior.
    x : array, shape (N, D)
        A few examples: all are drawn.
    seed : int
        Nothing here is drawn.
    """
    x = vae.check_data(x)
    check_drawable(vae)  # before the quadrature of more dimensions takes its time
    found, grids = gaps(vae, x, tolerance=1e-6, most=MOST), posterior_on_grid(vae, x, tolerance=1e-6, most=MOST)
    lines = [
        f"{'example':>8} {'log p(x)':>12} {'best ELBO':>12} {'ELBO':>12} {'approximation gap':>18}"
        f" {'amortisation gap':>17}"
    ]
    columns = (found.evidence, found.best, found.elbo, found.approximation, found.amortisation)
    table = np.column_stack(columns)
    for name, row in [*((str(n), row) for n, row in enumerate(table)), ("mean", table.mean(axis=0))]:
        lines.append(f"{name:>8} {row[0]:12.4f} {row[1]:12.4f} {row[2]:12.4f} {row[3]:18.4f} {row[4]:17.4f}")
    lines += [
        "",
        "nats; approximation: what no diagonal Gaussian can; amortisation: what the encoder misses of the best one",
    ]
    if not found.converged:
        lines.append(f"NOT CONVERGED: log p(x) or an ELBO may be off by {found.error.max():.2g}")
    lines += [
        f"the picture's grid does not resolve the posterior of example {n}: its mass there is {grid.mass:.3g}"
        for n, grid in enumerate(grids)
        if abs(grid.mass - 1) > 0.02
    ]
    names = ("evidence", "best", "elbo", "approximation", "amortisation")
    values = {name: [float(value) for value in column] for name, column in zip(names, columns, strict=True)}
    return Finding(lines, values, lambda path: posteriors(grids, found.approximation + found.amortisation, path))
