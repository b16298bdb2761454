"""log p(x) by every way there is, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vae_np.evaluation import annealed, bidirectional, evaluate, importance
from vae_np.evaluation.weights import BELIEVED
from vae_np.exact import log_evidence
from vae_np.exact.nodes import DIMENSIONS
from vae_np.model.vae import VAE
from vae_np.plots.studies import evidence_curve
from vae_np.study.finding import Finding

__all__ = ["evidence"]


def evidence(vae: VAE, x: ArrayLike, *, samples: int = 4096, chains: int = 16, temperatures: int = 200, seed: int = 0
             ) -> Finding:  # fmt: skip
    """The ELBO, importance sampling with its curve, annealing, the bracket on simulated data, and quadrature if K <= 3.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    samples : int
        S of the importance weights.
    chains, temperatures : int
        Of the annealing, with a half of the chains from q and a half from the prior.
    seed : int
    """
    x = vae.check_data(x)
    n = len(x)
    elbo = evaluate(vae, x, samples=samples, seed=seed).elbo
    weights = importance(vae, x, samples, seed=seed)
    chain = annealed(vae, x, chains=chains, temperatures=temperatures, start="both", seed=seed)
    drawn = bidirectional(vae, n, chains=chains, temperatures=temperatures, seed=seed)
    truth = log_evidence(vae, x, tolerance=1e-8) if vae.architecture.latent <= DIMENSIONS else None
    known = weights.pareto_shape[~np.isnan(weights.pareto_shape)]

    def of_mean(errors: Any) -> float:
        return float(np.sqrt(np.square(errors).sum()) / n)

    values: dict[str, Any] = {
        "examples": n,
        "elbo": elbo,
        "importance": float(weights.evidence.mean()),
        "importance_error": of_mean(weights.error),
        "effective_samples": float(np.median(weights.effective_samples)),
        "pareto_shape": float(np.median(known)) if len(known) else None,
        "unbelievable": int((known > BELIEVED).sum()) if len(known) else None,
        "annealed": float(chain.evidence.mean()),
        "annealed_error": of_mean(chain.error),
        "annealed_doubtful": int(chain.doubtful.sum()),
        "acceptance": float(chain.acceptance.mean()),
        "quadrature": None if truth is None else float(truth.value.mean()),
        "quadrature_error": None if truth is None else float(truth.error.mean()),
        "simulated_lower": float(drawn.lower.mean()),
        "simulated_upper": float(drawn.upper.mean()),
        "simulated_lower_error": of_mean(drawn.lower_error),
        "simulated_upper_error": of_mean(drawn.upper_error),
        "curve": {int(s): float(value) for s, value in zip(weights.sizes, weights.curve.mean(axis=0), strict=True)},
    }
    shape = f"Pareto k {values['pareto_shape']:.2f} (medians), above {BELIEVED}: {values['unbelievable']} examples" if (
        len(known)) else "Pareto k unknown with fewer than 25 samples"  # fmt: skip
    lines = [
        f"log p(x), nats, mean over {n} examples; errors are those of the sampling, not of the choice of examples",
        f"  ELBO                  {elbo:12.4f}             a lower bound",
        f"  importance sampling   {values['importance']:12.4f} +- {values['importance_error']:.4f}   S = {samples}, a"
        f" lower bound in expectation; {values['effective_samples']:.0f} effective samples, {shape}",
        f"  annealed              {values['annealed']:12.4f} +- {values['annealed_error']:.4f}   {chains} chains of"
        f" {temperatures} temperatures, acceptance {values['acceptance']:.2f}, half from q and half from p(z);"
        f" in doubt: {values['annealed_doubtful']} examples",
    ]
    if truth is not None:
        word = "exact" if truth.converged else f"NOT CONVERGED, off by about {values['quadrature_error']:.2g}"
        lines.append(f"  quadrature            {values['quadrature']:12.4f}             {word}")
    lines += [
        f"on {n} examples drawn from the model, whose posterior draws are known (bidirectional Monte Carlo):",
        f"  log p(x) lies, in expectation, between {values['simulated_lower']:.4f} +-"
        f" {values['simulated_lower_error']:.4f} and {values['simulated_upper']:.4f} +-"
        f" {values['simulated_upper_error']:.4f}",
    ]
    return Finding(lines, values, lambda path: evidence_curve(values, path))
