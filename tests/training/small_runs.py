"""Small runs of `fit`: their data, their model, an interruption after so many steps, and when two are the same."""

from __future__ import annotations

import json
import signal

import numpy as np
from models import model

import vae_np
from vae_np.training.progress import Silent

D, N, BATCH = 7, 11, 4  # the last batch of an epoch has 3 examples
X = np.random.default_rng(0).random((N, D)) ** 2


def small(**options):
    return model(n_features=D, backend="numpy", **options)


RUNS = {
    "the defaults": {},
    "samples": {"samples": 3},
    "warm-up of beta": {"beta": vae_np.LinearWarmup(6, final=0.7)},
    "cycles of beta": {"beta": vae_np.Cyclical(4, cycles=2)},
    "free bits": {"objective": vae_np.ELBO(0.4, "total")},
    "IWAE": {"objective": "iwae", "samples": 4},
    "a running baseline": {"objective": "reinforce:baseline=running", "samples": 2},
    "threshold": {"binarise": "threshold"},
    "fixed": {"binarise": "fixed"},
    "dynamic": {"binarise": "dynamic", "seed": 5},
    "the data's bias": {"output_bias": "data"},
    "cosine": {"optimizer": vae_np.Adam(vae_np.Warmup(3, vae_np.Cosine(1e-2, 9)), clip_norm=1.0)},
    "an L2 penalty": {"optimizer": vae_np.Adam(1e-2, l2=0.1)},
    "milestones and AMSGrad": {"optimizer": vae_np.Adam(vae_np.StepList(1e-2, (3, 6)), amsgrad=True)},
}


def same_history(a, b):
    """Equal but for the seconds; NaN equals NaN."""
    drop = [[{k: v for k, v in row.items() if k != "seconds"} for row in history.rows] for history in (a, b)]
    return json.dumps(drop[0]) == json.dumps(drop[1])


class InterruptAt(Silent):
    """Sends SIGINT to ourselves after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self, epoch, elbo):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
