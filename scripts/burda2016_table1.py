"""Burda, Grosse & Salakhutdinov (2016), "Importance weighted autoencoders", table 1, MNIST, one stochastic layer.

    python scripts/burda2016_table1.py --data FOLDER [--objective elbo|iwae|...] [--k K] [--stages N] [--out DIR]

784-200-200-50 tanh, Bernoulli, stochastic binarisation anew at each presentation, Adam (0.9, 0.999, epsilon 1e-4),
batches of 20; stage i = 0, 1, ... 7 has 3^i passes at the learning rate 1e-3 10^(-i/7): 3,280 passes in all. Then
the test set's negative log-likelihood by 5,000 importance samples, and the units whose posterior mean varies by
more than 0.01.

The run's checkpoint is DIR/checkpoint.npz (runs/burda-OBJECTIVE-K): started again, it goes on from there, with the
same bits, and with more --stages it goes on further. After each stage the row is printed, with --samples importance
samples of the first --examples test images.

What the paper leaves open, and what is chosen here: biases start at 0 but the decoder's output bias, which starts
at the training pixels' log-odds (--output-bias zero for 0); weights by Glorot & Bengio (2010), uniform; the epsilon
1e-4 stands outside of the bias correction, as in Adam's algorithm 1; the test images are binarised once, by seed 0;
the last 10,000 training images are trained on too, as there is nothing to choose by.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

import vae_np
from vae_np.formulas.schedules import StepList

PAPER = {("elbo", 1): (86.76, 19), ("elbo", 5): (86.47, 20), ("elbo", 50): (86.35, 20), ("iwae", 1): (86.76, 19),
         ("iwae", 5): (85.54, 22), ("iwae", 50): (84.78, 25)}  # fmt: skip
"""Negative log-likelihood and active units."""
STAGES = 8
BATCH = 20


def settings(objective: str, k: int, examples: int, output_bias: str) -> dict[str, object]:
    """The arguments of `fit`; the learning rate of step t does not depend on how many stages are run."""
    per_pass = -(-examples // BATCH)
    ends = np.cumsum([3**i for i in range(STAGES - 1)]) * per_pass
    rate = StepList(1e-3, tuple(int(end) for end in ends), 10 ** (-1 / 7))
    adam = vae_np.Adam(rate, epsilon=1e-4)
    return {"optimizer": adam, "batch_size": BATCH, "objective": objective, "samples": k, "binarise": "dynamic",
            "output_bias": output_bias}  # fmt: skip


def row(vae: vae_np.VAE, test: np.ndarray, samples: int) -> tuple[float, float, int]:
    """Test NLL, its standard error over the examples, active units."""
    found = vae_np.evaluate(vae, test, samples=samples)
    return -found.evidence, found.evidence_error, found.active_units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FOLDER", help="MNIST's four IDX files")
    parser.add_argument("--objective", default="elbo", help="elbo (the paper's VAE), iwae, dreg, ... [elbo]")
    parser.add_argument("--k", type=int, default=1, help="samples in training [1]")
    parser.add_argument("--stages", type=int, default=STAGES, help="of 8, the first so many [8]")
    parser.add_argument("--samples", type=int, default=5000, help="in the test [5000]")
    parser.add_argument("--examples", type=int, default=10_000, help="of the test set [all 10,000]")
    parser.add_argument("--output-bias", default="data", choices=["data", "zero"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the run's folder")
    args = parser.parse_args()
    if not 1 <= args.stages <= STAGES:
        parser.error(f"--stages must be from 1 to {STAGES}; got {args.stages}")
    out = args.out or Path("runs") / f"burda-{args.objective.replace(':', '-')}-{args.k}"
    out.mkdir(parents=True, exist_ok=True)
    train = vae_np.data.load_mnist(args.data, dtype="float32").x
    test = vae_np.data.load_mnist(args.data, part="test", dtype="float32").x[: args.examples]
    test = vae_np.data.binarise(test, "fixed", seed=0)
    vae = vae_np.VAE(784, hidden=(200, 200), latent=50, activation="tanh", dtype="float32", seed=args.seed)
    how = settings(args.objective, args.k, len(train), args.output_bias)
    paper = PAPER.get((args.objective, args.k))
    print(f"{'stages':>6} {'passes':>7} {'NLL here':>10} {'+-':>6} {'active':>7}    paper after 8 stages: NLL, active")
    for stage in range(1, args.stages + 1):
        passes = sum(3**i for i in range(stage))
        checkpoint = out / "checkpoint.npz"
        done = checkpoint.exists() and trained(checkpoint) >= passes
        if not done:
            vae_np.fit(
                vae, train, epochs=passes, seed=args.seed, checkpoint=checkpoint, resume=checkpoint.exists(), **how
            )
        if done and stage < args.stages:
            continue  # of a longer run only the last row is known
        nll, error, active = row(vae_np.load(checkpoint), test, args.samples)
        theirs = "-" if paper is None else f"{paper[0]:.2f}, {paper[1]}"
        words = "" if not math.isfinite(error) else f"{error:6.2f}"
        print(f"{stage:6} {passes:7} {nll:10.2f} {words:>6} {active:7}    {theirs}", flush=True)


def trained(checkpoint: Path) -> int:
    """Passes that a checkpoint has behind it."""
    from vae_np.training.checkpoint import load_checkpoint

    return int(load_checkpoint(checkpoint).training["epoch"])


if __name__ == "__main__":
    main()
