"""A JAX VAE in the shape of the well-known one: Flax modules, a loss of logits under jit, noise from a key.

    vae-np verify scripts/verify/jax_vae.py:VAE --loss scripts/verify/jax_vae.py:loss_function

grades every stage, every gradient and ten steps of Adam, with not a line of it changed: right. So it does with the loss
and the sampler alone, jitted and vmapped as they stand:

    vae-np verify --loss scripts/verify/jax_vae.py:loss_function --sampler scripts/verify/jax_vae.py:reparameterize

It trains on an .npy file of images: python jax_vae.py images.npy
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import random


class Encoder(nn.Module):
    """x to the mean and the log-variance of the code."""

    latents: int

    @nn.compact
    def __call__(self, x):
        """Two heads."""
        x = nn.relu(nn.Dense(500, name="fc1")(x))
        return nn.Dense(self.latents, name="fc2_mean")(x), nn.Dense(self.latents, name="fc2_logvar")(x)


class Decoder(nn.Module):
    """The code to logits."""

    @nn.compact
    def __call__(self, z):
        """Two layers."""
        return nn.Dense(784, name="fc2")(nn.relu(nn.Dense(500, name="fc1")(z)))


class VAE(nn.Module):
    """Both, with a sample between them."""

    latents: int = 20

    def setup(self):
        """The two networks."""
        self.encoder, self.decoder = Encoder(self.latents), Decoder()

    def __call__(self, x, z_rng):
        """The logits, and what the loss needs beside them."""
        mean, logvar = self.encoder(x)
        z = reparameterize(z_rng, mean, logvar)
        return self.decoder(z), mean, logvar


@jax.jit
def reparameterize(rng, mean, logvar):
    """A sample."""
    std = jnp.exp(0.5 * logvar)
    eps = random.normal(rng, logvar.shape)
    return mean + eps * std


@jax.vmap
def kl_divergence(mean, logvar):
    """Of each example."""
    return -0.5 * jnp.sum(1 + logvar - jnp.square(mean) - jnp.exp(logvar))


@jax.vmap
def binary_cross_entropy_with_logits(logits, labels):
    """Of each example."""
    log_p, log_not_p = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    return -jnp.sum(labels * log_p + (1 - labels) * log_not_p)


@jax.jit
def loss_function(logits, x, mean, logvar):
    """The negative ELBO, a mean over the batch."""
    return binary_cross_entropy_with_logits(logits, x).mean() + kl_divergence(mean, logvar).mean()


def main():
    """Train."""
    parser = argparse.ArgumentParser(description="VAE")
    parser.add_argument("images", help="an .npy file of shape (N, 784), in [0, 1]")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    args = parser.parse_args()
    images = jnp.asarray(np.load(args.images).reshape(-1, 784), jnp.float32)
    model, optimizer, key = VAE(), optax.adam(1e-3), random.key(0)
    params = model.init(key, images[:1], key)["params"]
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, batch, rng):
        def loss(params):
            return loss_function(*_of(model.apply({"params": params}, batch, rng), batch))

        value, slopes = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(slopes, state)
        return optax.apply_updates(params, updates), state, value

    for epoch in range(1, args.epochs + 1):
        for start in range(0, len(images), args.batch_size):
            key, rng = random.split(key)
            params, state, value = step(params, state, images[start : start + args.batch_size], rng)
        print(f"epoch {epoch}: {value:.4f}")


def _of(result, x):
    logits, mean, logvar = result
    return logits, x, mean, logvar


if __name__ == "__main__":
    main()
