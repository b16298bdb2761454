"""A case's hashes: of each stage of its first step, and of the parameters after 1 and after 50 steps."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.objectives import Objective
from vae_np.formulas.optim import Adam
from vae_np.model.vae import VAE
from vae_np.reproduction.cases import STEPS, Case
from vae_np.training.fitting import fit

__all__ = ["hashes"]

SEED = 5


def digest(*arrays: Any) -> str:
    """The first half of the SHA-256 of numbers in their order, little-endian; -0 is not 0, and a NaN is as it is."""
    state = hashlib.sha256()
    for a in arrays:
        a = np.ascontiguousarray(a)
        state.update(a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes())
    return state.hexdigest()[:32]


def hashes(case: Case, threads: int | None = None) -> dict[str, str]:
    """By stage, in the order of a step; the last is that of the trained parameters."""
    x, vae = case.data(), _model(case, threads)
    found = {"data": digest(x), "start": digest(vae.parameters.vector)}
    batch = vae.engine.batch(x, np.arange(case.batch), (SEED, 1) if case.binarise == "dynamic" else None).copy()
    eps = vae.engine.noise(SEED, 1, case.samples, case.batch).copy()
    found |= {"batch": digest(batch), "noise": digest(eps)}
    terms = vae.engine.terms(batch, eps)
    for name in ("mu", "logvar", "z", "raw", "log_likelihood", "kl", "log_prior", "log_posterior"):
        found[name] = digest(getattr(terms, name))
    step = vae.engine.loss_and_grad(batch, eps, chosen(Objective, case.objective), 1.0)
    found["loss"] = digest(np.float64(step.loss))
    for name, view in step.gradients.items():
        found[f"gradient of {name}"] = digest(view)
    found["encode"], found["decode"] = digest(*vae.engine.encode(x)), digest(vae.engine.decode(eps))
    for steps in (1, STEPS):
        found[f"{steps} steps" if steps > 1 else "1 step"] = digest(_trained(case, x, steps, threads))
    return found


def _model(case: Case, threads: int | None) -> VAE:
    return VAE(
        case.features, hidden=case.hidden, latent=case.latent, activation=case.activation, likelihood=case.likelihood,
        dtype=case.dtype, init=case.init, backend="numba", threads=threads, seed=SEED,
    )  # fmt: skip


def _trained(case: Case, x: NDArray[Any], steps: int, threads: int | None) -> NDArray[Any]:
    """The parameters after so many steps of `fit`: one batch, or five times ten."""
    vae = _model(case, threads)
    rows, epochs = (case.batch, 1) if steps == 1 else (len(x), STEPS // 10)
    options: dict[str, Any] = {"optimizer": Adam(3e-3, **case.optimizer), "binarise": case.binarise}
    fit(vae, x[:rows], batch_size=case.batch, epochs=epochs, samples=case.samples, objective=case.objective,
        seed=SEED, progress=False, **options)  # fmt: skip
    return vae.parameters.vector
