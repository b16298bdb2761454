"""One gradient by five ways, tensor by tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact import elbo_and_grad
from vae_np.formulas import elbo
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.parameters import Parameters
from vae_np.gradcheck import central_difference, complex_step
from vae_np.model.vae import VAE
from vae_np.plots.studies import gradient_errors
from vae_np.study.finding import Finding
from vae_np.support.noise import standard_normal, stream

__all__ = ["gradient"]

Array = NDArray[Any]
AVERAGED = 1000


def gradient(vae: VAE, x: ArrayLike, *, seed: int = 0) -> Finding:
    """The gradient of the loss: exact by quadrature, by one sample, averaged over 1,000, and the one sample's own by
    the complex step and by central differences.

    The first two columns of errors are what sampling costs, as lengths of the difference to the exact gradient over its
    own; the last two what arithmetic does, along a random direction of each tensor: the backward pass against the
    complex step and against differences of the loss at the same noise.

    Parameters
    ----------
    vae : VAE
        In float64, K <= 3.
    x : array, shape (N, D)
    seed : int
        Of the noise and the directions.
    """
    x = vae.check_data(x)
    truth = elbo_and_grad(vae, x, tolerance=1e-9)
    n, k = len(x), vae.architecture.latent
    eps = standard_normal(seed, 0, (1, n, k), purpose="study")
    loss, one = vae.loss_and_grad(x, eps)
    _, averaged = vae.loss_and_grad(x, standard_normal(seed, 1, (AVERAGED, n, k), purpose="study"))
    inside = vae.inside(x)

    def value(vector: Array) -> Any:
        terms, _ = elbo.forward(vae.parameters.like(vector), inside, eps, vae.architecture)
        return ELBO()(terms).value

    rows = []
    for i, name in enumerate(vae.parameters):
        exact = -truth.gradients[name]
        direction = vae.parameters.zeros_like()
        draw = stream(seed, "study-d", i).standard_normal(exact.shape)
        direction[name][...] = draw / np.linalg.norm(draw)
        along = float((one[name] * direction[name]).sum())
        by_step = float(complex_step(value, vae.parameters.vector, direction.vector))
        by_difference = central_difference(value, vae.parameters.vector, direction.vector)[0]
        size = float(np.linalg.norm(exact))
        rows.append(
            {
                "tensor": name,
                "norm": size,
                "one_sample": _off(one, name, exact),
                "averaged": _off(averaged, name, exact),
                "complex_step": abs(along - by_step) / max(abs(by_step), np.finfo(float).tiny),
                "finite_difference": abs(along - by_difference) / max(abs(by_step), np.finfo(float).tiny),
            }
        )
    lines = [
        f"{n} examples, loss at one sample {loss:.6f}, exact {-truth.value.mean():.6f} nats"
        f" ({truth.order} nodes a dimension{'' if truth.converged else ', NOT CONVERGED'})",
        "",
        f"{'':20} {'exact':>10} {'off by sampling':>21} {'off by arithmetic':>25}",
        f"{'tensor':20} {'norm':>10} {'1 sample':>10} {AVERAGED:>10,} {'complex step':>14} {'differences':>12}",
    ]
    lines += [
        f"{row['tensor']:20} {row['norm']:10.3g} {row['one_sample']:10.1%} {row['averaged']:10.1%}"
        f" {row['complex_step']:14.0e} {row['finite_difference']:12.0e}"
        for row in rows
    ]
    lines += [
        "",
        "off: relative to the exact gradient; complex step and differences: at the one sample's noise",
    ]
    values = {"loss": loss, "exact_loss": -float(truth.value.mean()), "converged": truth.converged, "tensors": rows}
    return Finding(lines, values, lambda path: gradient_errors(rows, path))


def _off(found: Parameters, name: str, exact: Array) -> float:
    """Length of the difference over that of the exact gradient."""
    return float(np.linalg.norm(found[name] - exact) / max(np.linalg.norm(exact), np.finfo(float).tiny))
