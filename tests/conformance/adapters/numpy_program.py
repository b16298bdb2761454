"""A program without a framework: a dense VAE in NumPy by other names, whose forward pass returns parts and no more.

Its derivatives and steps are vae_np's own, read back into its layout: what is tested is the way there and back.
"""

from __future__ import annotations

import numpy as np

from vae_np import VAE, Adam, AdamState
from vae_np.conformance.adapters.program import Observed
from vae_np.formulas.numerics import sigmoid

D, H, K = 7, 11, 5
OURS = {"a": "encoder.0", "m": "encoder.mu", "v": "encoder.logvar", "c": "decoder.0", "o": "decoder.out"}


class NumpyProgram:
    """The weights are Wa, ba, ... in the order given; those named in ``turned`` are (fan_out, fan_in)."""

    framework = "NumPy"

    def __init__(self, order="amvco", turned="", sizes=(D, H, K)):
        self.turned = turned
        d, h, k = sizes
        self.vae = VAE(d, hidden=(h,), latent=k, activation="tanh", backend="numpy", seed=1)
        draw = np.random.default_rng(0)
        for name in self.vae.parameters:
            noise = 0.3 * draw.normal(size=self.vae.parameters[name].shape)
            self.vae.parameters[name] = (self.vae.parameters[name] + noise).astype(np.float32).astype(float)
        self.order = order
        self.changed = {}

    def _theirs(self, ours):
        found = {}
        for key in self.order:
            w = ours[f"{OURS[key]}.W"]
            found[f"W{key}"] = (w.T if key in self.turned else w).copy()
            found[f"b{key}"] = ours[f"{OURS[key]}.b"].copy()
        return found | self.changed

    def foreign(self):
        return []

    def sizes(self):
        return [self.vae.architecture.n_features]

    def tensors(self):
        return self._theirs(self.vae.parameters)

    def write(self, tensors):
        for name, value in tensors.items():
            ours, key = f"{OURS[name[1]]}.{name[0]}", name[1]
            self.vae.parameters[ours] = value.T if name[0] == "W" and key in self.turned else value

    def sample(self, mu, logvar, eps):
        return mu + np.exp(logvar / 2) * eps

    def forward(self, x, eps):
        p = self.vae.parameters
        h = np.tanh(x @ p["encoder.0.W"] + p["encoder.0.b"])
        mu, logvar = h @ p["encoder.mu.W"] + p["encoder.mu.b"], h @ p["encoder.logvar.W"] + p["encoder.logvar.b"]
        z = self.sample(mu, logvar, np.resize(eps, mu.shape))
        raw = np.tanh(z @ p["decoder.0.W"] + p["decoder.0.b"]) @ p["decoder.out.W"] + p["decoder.out.b"]
        return Observed({"p": sigmoid(raw), "one": mu, "other": logvar, "z": z}, (), (mu.shape,))

    def own_loss(self, loss):
        return loss

    def objective(self, loss, returned, plan):
        return loss, returned

    def slopes(self, goal, x, eps):
        loss, gradients = self.vae.loss_and_grad(x, eps)
        return loss, self._theirs(gradients)

    def optimizer(self, make):
        return make

    def rule(self, optimizer):
        return {"learning_rate": "0.001"}, ""

    def train(self, goal, batches, optimizer):
        before, found, adam = self.vae.parameters.vector.copy(), [], Adam()
        state = AdamState.zeros(self.vae.parameters.vector, adam)
        for x, eps in batches:
            self.vae.train_step(x, eps, adam, state)
            found.append(self.tensors())
        self.vae.parameters.vector[...] = before
        return found


def loss(p, x, mu, logvar):
    """The right one, of probabilities."""
    bce = -(x * np.log(p) + (1 - x) * np.log(1 - p))
    return (bce.sum(1) + 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(1)).mean()
