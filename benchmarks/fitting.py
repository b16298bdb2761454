"""What `fit` costs beside its steps: one of `Trainer`, which gathers a batch and draws noise, over one of `train_step`.

    python benchmarks/fitting.py [--quick] [--json FILE]

They take turns, 784-400-20 with batch 128 and 784-300-16 with batch 100, float32, binary data of 12,800 rows, of which
`Trainer` takes other ones each step, and `train_step` the same. What ends an epoch is counted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import numpy as np
from arguments import Parser
from timing import Call, medians, watched

from vae_np import ELBO, VAE, Adam
from vae_np.formulas.optim import AdamState
from vae_np.formulas.schedules import as_schedule
from vae_np.support import machine
from vae_np.support.files import write_atomic
from vae_np.training.settings import Settings
from vae_np.training.trainer import Trainer

ROWS = 12_800
STEPS = 25
"""In a call, so that what ends an epoch is a part of some calls and not of one in a hundred."""


def calls(hidden: int, latent: int, batch: int) -> dict[str, Call]:
    """Both, of so many steps."""
    x = (np.random.default_rng(0).random((ROWS, 784)) < 0.13).astype(np.float32)
    one, other = (VAE(784, hidden=(hidden,), latent=latent, dtype="float32", seed=1) for _ in range(2))
    settings = Settings(
        epochs=10**6, batch_size=batch, optimizer=Adam(), seed=0, beta=as_schedule(1.0), objective=ELBO(), samples=1,
        binarise="none", output_bias="zero", patience=None,
    )  # fmt: skip
    trainer, adam = Trainer(one, x, settings), Adam()
    state = AdamState.zeros(other.parameters.vector, adam)
    eps = np.random.default_rng(1).standard_normal((1, batch, latent)).astype(np.float32)

    def fit() -> None:
        for _ in range(STEPS):
            trainer.step()
            if trainer.position >= ROWS:
                trainer._end_epoch()

    def loop() -> None:
        for _ in range(STEPS):
            other.train_step(x[:batch], eps, adam, state)

    return {"fit": fit, "loop": loop}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment for each: to see that it works")
    parser.add_argument("--json", metavar="FILE", help="a file for the medians, in milliseconds a step")
    args = parser.parse_args(arguments)
    parser.check_files(args.json)
    results = []
    print("| model | fit, ms a step | train_step, ms | fit / train_step |\n|---|---:|---:|---:|")
    with watched(machine.usable_cores()):
        for hidden, latent, batch in ((400, 20, 128), (300, 16, 100)):
            found = medians(calls(hidden, latent, batch), 0.5 if args.quick else 8.0)
            fit, loop = (found[name] / STEPS for name in ("fit", "loop"))
            results.append({"model": f"784-{hidden}-{latent}, batch {batch}", "fit": fit, "train_step": loop})
            print(f"| {results[-1]['model']} | {fit:.3f} | {loop:.3f} | {fit / loop:.2f} |", flush=True)
    if args.json:
        everything = {"facts": machine.facts(), "quick": args.quick, "results": results}
        write_atomic(args.json, json.dumps(everything, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
