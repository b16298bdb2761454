"""What `vae-np train` makes of grey images, by its likelihood and its defaults: held-out log p(x), error, KL, seconds.

    python scripts/first_run.py [--mnist FOLDER] [--epochs N] [--only NAME,NAME] [--keep FOLDER]

Each row is `vae-np train` with these options in a process of its own, as a user starts it; its test part is then
evaluated with `--samples` importance samples. log p(x) is that of the grey values as they are, in nats an image: rows
with densities can be compared; the Bernoulli likelihood of grey values is no density and has none. The images have few
values (17 in the digits), on which a density may grow without bound as a feature's sigma falls: so beside it stands the
mean of log p(x + u) for u uniform over the width of one grey value, which bounds the log-probability of the values
themselves from below (Theis et al., 2016, A note on the evaluation of generative models) and rewards no such spike.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import vae_np
from vae_np.cli import common

BEFORE = (
    "--likelihood bernoulli --activation tanh --hidden 400 --latent 20 --epochs 50 --patience none --output-bias zero"
)
DENSITIES = {
    "sigma 0.1": "--likelihood gaussian --sigma 0.1",
    "learned": "--likelihood gaussian --sigma learned --floor 0",
    "learned floored": "--likelihood gaussian --sigma learned",
    "per-feature floored": "--likelihood gaussian --sigma per-feature",
    "heteroscedastic floored": "--likelihood gaussian --sigma heteroscedastic",
    "continuous Bernoulli": "--likelihood continuous-bernoulli",
}
ROWS = {"before": BEFORE, "default": "", **DENSITIES}
WIDTHS = {"digits": 1 / 16, "mnist": 1 / 255}
"""Of one grey value."""


def spread(x: Any, width: float) -> Any:
    """x + u, u uniform over a grey value's width; what falls out of [0, 1] is folded back."""
    moved = np.abs(x + np.random.default_rng(0).uniform(-width / 2, width / 2, x.shape))
    return np.where(moved > 1, 2 - moved, moved).astype(x.dtype)


def row(options: str, data: str, width: float, samples: int, keep: Path) -> dict[str, Any]:
    """Train with these options and evaluate the test part."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "vae_np", "train", "--json", "--out", str(keep), "--data", data, *options.split()]
    done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = time.perf_counter() - began
    vae = vae_np.load(keep / "checkpoint.npz")
    arguments = json.loads((keep / "config.json").read_text())["arguments"]
    test = common.load_parts(arguments, str(vae.dtype)).test
    assert test is not None
    density = vae.likelihood.name != "bernoulli"
    found = vae_np.evaluate(vae, test.x, samples=samples)
    smoothed = vae_np.evaluate(vae, spread(test.x, width), samples=samples)
    error = float(np.sqrt(np.mean((vae.reconstruct(test.x) - test.x) ** 2)))
    return {
        "seconds": f"{seconds:.0f}",
        "epochs": f"{done.get('best_epoch', done['epochs'])} of {done['epochs']}",
        "RMS error": f"{error:.4f}",
        "log p(x)": f"{found.evidence:.1f} ± {found.evidence_error:.1f}" if density else "no density",
        "log p(x + u)": f"{smoothed.evidence:.1f}" if density else "no density",
        "ELBO": f"{found.elbo:.1f}",
        "KL": f"{found.kl:.1f}",
        "active": str(found.active_units),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="a folder with MNIST's IDX files; without it the digits alone")
    parser.add_argument("--only", help="rows, with commas")
    parser.add_argument("--options", default="", help="added to each row's")
    parser.add_argument("--samples", type=int, default=500, help="importance samples [500]")
    parser.add_argument("--keep", help="a folder in which the runs stay")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(ROWS)
    heads = False
    with tempfile.TemporaryDirectory() as temporary:
        for data in filter(None, ["digits", args.mnist]):
            for name in names:
                folder = Path(args.keep or temporary, f"{Path(data).name}-{name.replace(' ', '-')}")
                width = WIDTHS["digits" if data == "digits" else "mnist"]
                found = row(f"{args.options} {ROWS[name]}", data, width, args.samples, folder)
                if not heads:
                    print("| data | row | " + " | ".join(found) + " |\n" + "|---" * (len(found) + 2) + "|")
                    heads = True
                print(f"| {Path(data).name} | {name} | " + " | ".join(found.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
