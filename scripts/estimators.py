"""A run on the digits with each gradient estimator, and its evidence.

    python scripts/estimators.py [--samples 8] [--epochs 60] [--seeds 3]

64-64-8 tanh, binarised digits, Adam 1e-3, batches of 64, 80/20: log p(x) of the held-out rows by 500 importance
samples, nats, mean over the seeds with its standard error, the KL and the units that are active.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import vae_np

ESTIMATORS = (
    "elbo", "elbo-sampled", "stl", "reinforce", "reinforce:baseline=running", "reinforce:baseline=leave-one-out",
    "iwae", "dreg", "vimco", "rws", "rws-dreg", "miwae:groups=2", "piwae:groups=2", "ciwae:share=0.5",
    "renyi:alpha=0.5",
)  # fmt: skip


def run(objective: str, samples: int, epochs: int, seed: int) -> vae_np.Evaluation:
    """Train, and evaluate on the held-out rows."""
    data = vae_np.data.load_digits(dtype="float32")
    train, _, test = vae_np.data.split(len(data), (0.8, 0.0, 0.2))
    x = vae_np.data.binarise(data.x, "threshold")
    vae = vae_np.VAE(64, hidden=(64,), latent=8, activation="tanh", dtype="float32", seed=seed)
    how = {"objective": objective, "samples": samples, "output_bias": "data"}
    vae_np.fit(vae, x[train], epochs=epochs, batch_size=64, seed=seed, progress=False, **how)
    return vae_np.evaluate(vae, x[test], samples=500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=8, help="S [8]")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    print(f"S = {args.samples}, {args.epochs} epochs, {args.seeds} seeds\n")
    print("| estimator | log p(x) >= | +- | ELBO | KL | active units |\n|---|---|---|---|---|---|")
    for name in ESTIMATORS:
        found = [run(name, args.samples, args.epochs, seed) for seed in range(args.seeds)]
        evidence = np.array([one.evidence for one in found])
        error = evidence.std(ddof=1) / math.sqrt(len(found)) if len(found) > 1 else math.nan
        means = [np.mean([getattr(one, what) for one in found]) for what in ("elbo", "kl", "active_units")]
        print(
            f"| {name} | {evidence.mean():.2f} | {error:.2f} | {means[0]:.2f} | {means[1]:.2f} | {means[2]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
