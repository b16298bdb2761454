"""Where the head of the log-variance starts: at zero weights, or at Glorot's like the rest; which trains better?

    python scripts/starts.py [--mnist FOLDER] [--seeds N]

Trains the models of docs/figures.md from both starts, all else the same, and prints the test ELBO for each seed. Zero
weights make q(z|x) start with deviation 1 whatever the data's scale.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import vae_np

STARTS = ("zero", "glorot")


def start(vae: vae_np.VAE, name: str, seed: int) -> None:
    """Put the head's weights there."""
    weights = vae.parameters["encoder.logvar.W"]
    bound = math.sqrt(6 / sum(weights.shape))
    draw = np.random.default_rng(seed).uniform(-bound, bound, weights.shape)
    weights[...] = 0 if name == "zero" else draw


def digits(name: str, seed: int) -> float:
    """Digits, 64-400-20 ReLU, grey values, Bernoulli, batch 64, 100 epochs, 80/20: the test ELBO."""
    data = vae_np.data.load_digits(dtype="float32")
    train, _, test = vae_np.data.split(len(data), (0.8, 0.0, 0.2))
    vae = vae_np.VAE(64, hidden=(400,), latent=20, activation="relu", dtype="float32", seed=seed)
    start(vae, name, seed)
    vae_np.fit(vae, data.x[train], epochs=100, batch_size=64, seed=seed, progress=False)
    return vae_np.evaluate(vae, data.x[test], samples=10).elbo


def mnist(folder: str, name: str, seed: int) -> float:
    """MNIST, 784-500-20 ReLU, dynamic binarisation, batch 128, 10 epochs: the test ELBO."""
    train = vae_np.data.load_mnist(folder, dtype="float32")
    test = vae_np.data.load_mnist(folder, part="test", dtype="float32")
    vae = vae_np.VAE(784, hidden=(500,), latent=20, activation="relu", dtype="float32", seed=seed)
    start(vae, name, seed)
    vae_np.fit(vae, train.x, epochs=10, batch_size=128, binarise="dynamic", seed=seed, progress=False)
    return vae_np.evaluate(vae, vae_np.data.binarise(test.x, "fixed", seed=0)).elbo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="a folder with MNIST's IDX files; without it the digits alone")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    jobs = {"digits": digits}
    if args.mnist:
        jobs["MNIST"] = lambda name, seed: mnist(args.mnist, name, seed)
    print("| data | start | " + " | ".join(f"seed {seed}" for seed in range(args.seeds)) + " | mean |")
    print("|---" * (args.seeds + 3) + "|")
    for data, job in jobs.items():
        for name in STARTS:
            found = [job(name, seed) for seed in range(args.seeds)]
            figures = " | ".join(f"{elbo:.2f}" for elbo in [*found, float(np.mean(found))])
            print(f"| {data} | {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
