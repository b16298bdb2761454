"""The figures of docs/figures.md: training on the digits and on MNIST, as measured here and now.

    python scripts/figures.py [--mnist FOLDER] [--write [FILE]] [--json FILE]

Prints a Markdown table; with --write it replaces what stands between the markers ``figures:begin`` and ``figures:end``
of docs/figures.md, or of another file. MNIST, 10 epochs over 60,000 images, takes about a minute and is left out
without its folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import vae_np
from vae_np.support.files import write_atomic
from vae_np.support.machine import cpu

PAGE = Path(__file__).resolve().parents[1] / "docs" / "figures.md"
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"


def train_command() -> dict[str, float]:
    """`vae-np train` on the digits as a user starts it: a new process, with and without compiled code on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = []
        for _ in range(2):
            shutil.rmtree(Path(folder, "run"), ignore_errors=True)
            began = time.perf_counter()
            command = [sys.executable, "-m", "vae_np", "train", "--json", "--out", "run"]
            environment = {**os.environ, "NUMBA_CACHE_DIR": str(Path(folder, "cache"))}
            done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
            seconds.append(time.perf_counter() - began)
        result = json.loads(done.stdout)
    return {"cold": seconds[0], "warm": seconds[1], "test_elbo": result["test_elbo"], "epochs": result["epochs"]}


def digits_like_pytorch() -> dict[str, float]:
    """Digits, 64-400-20 ReLU, grey values, Bernoulli, batch 64, 100 epochs, 80/20."""
    digits = vae_np.data.load_digits(dtype="float32")
    train, _, test = vae_np.data.split(len(digits), (0.8, 0.0, 0.2))
    vae = vae_np.VAE(64, hidden=(400,), latent=20, activation="relu", dtype="float32")
    began = time.perf_counter()
    vae_np.fit(vae, digits.x[train], epochs=100, batch_size=64)
    seconds = time.perf_counter() - began
    found = vae_np.evaluate(vae, digits.x[test], samples=10)
    bound = vae_np.evaluate(vae, digits.x[test], samples=500).evidence
    return {"test_elbo": found.elbo, "seconds": seconds, "bound": bound}


def mnist(folder: str) -> dict[str, float]:
    """MNIST, 784-500-20 ReLU, dynamic binarisation, Glorot, batch 128, Adam 1e-3, 10 epochs."""
    train = vae_np.data.load_mnist(folder, dtype="float32")
    test = vae_np.data.load_mnist(folder, part="test", dtype="float32")
    vae = vae_np.VAE(784, hidden=(500,), latent=20, activation="relu", dtype="float32")
    history = vae_np.fit(vae, train.x, epochs=10, batch_size=128, binarise="dynamic", progress=True)
    x = vae_np.data.binarise(test.x, "fixed", seed=0)
    return {
        "test_elbo": vae_np.evaluate(vae, x).elbo,
        "seconds": float(np.median(history["seconds"])),
        "train_elbo": history["elbo"][-1],
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown."""
    run, small = figures["train"], figures["digits"]
    lines = [
        "| what | measured |",
        "|---|---|",
        f"| `vae-np train` on the digits, {run['epochs']:.0f} epochs, nothing compiled yet | {run['cold']:.1f} s |",
        f"| the same with compiled code on the disk | {run['warm']:.1f} s |",
        f"| its test ELBO | {run['test_elbo']:.2f} nats |",
        f"| digits, 64-400-20 ReLU, grey, batch 64, 100 epochs, 80/20: test ELBO | {small['test_elbo']:.2f} nats |",
        f"| the same model's bound on log p(x), 500 importance samples | {small['bound']:.2f} nats |",
    ]
    if "mnist" in figures:
        big = figures["mnist"]
        what = "MNIST, 784-500-20 ReLU, dynamic binarisation, batch 128, 10 epochs"
        lines += [
            f"| {what}: test ELBO | {big['test_elbo']:.2f} nats |",
            f"| the same: seconds an epoch (median) | {big['seconds']:.2f} s |",
        ]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, vae_np {vae_np.__version__}"
    return "\n".join([*lines, "", f"Measured with float32 on {cpu()}, {versions}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="a folder with MNIST's IDX files")
    parser.add_argument(
        "--write", metavar="FILE", nargs="?", const=PAGE, help="a Markdown file with the two markers [docs/figures.md]"
    )
    parser.add_argument("--json", help="a file for the figures themselves")
    args = parser.parse_args()
    figures = {"train": train_command(), "digits": digits_like_pytorch()}
    if args.mnist:
        figures["mnist"] = mnist(args.mnist)
    text = table(figures)
    print(text)
    if args.json:
        write_atomic(args.json, json.dumps(figures, indent=2).encode())
    if args.write:
        page = Path(args.write).read_text()
        if BEGIN not in page or END not in page:
            sys.exit(f"{args.write} has no {BEGIN} ... {END}")
        head, rest = page.split(BEGIN, 1)
        write_atomic(args.write, f"{head}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}".encode())


if __name__ == "__main__":
    main()
