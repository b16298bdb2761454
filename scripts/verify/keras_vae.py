"""A Keras VAE in the shape of the well-known one: convolutions, a Sampling layer, the loss inside the model.

    vae-np verify scripts/verify/keras_vae.py:VAE

finds the loss that the model adds in its call and the layer that samples, and grades both, whatever backend Keras has;
the networks are convolutions, which vae_np has not. The same by their names:

    vae-np verify --loss scripts/verify/keras_vae.py:vae_loss --sampler scripts/verify/keras_vae.py:Sampling

All is right but for one thing, ``probability-clamp``: probabilities are held above 1e-7, as Keras's own cross-entropy
does, and beyond that they have no gradient. It trains on an .npy file: python keras_vae.py images.npy
"""

from __future__ import annotations

import argparse

import keras
import numpy as np
from keras import layers, ops


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        """A sample."""
        z_mean, z_log_var = inputs
        batch, dim = ops.shape(z_mean)
        epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


def reconstruction_loss(data, reconstruction):
    """The cross-entropy, summed over pixels, a mean over the batch."""
    axes = tuple(range(1, len(ops.shape(data))))
    probability = ops.clip(reconstruction, 1e-7, 1 - 1e-7)
    bce = -data * ops.log(probability) - (1 - data) * ops.log(1 - probability)
    return ops.mean(ops.sum(bce, axis=axes))


def kl_loss(z_mean, z_log_var):
    """The KL, summed over dimensions, a mean over the batch."""
    kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
    return ops.mean(ops.sum(kl, axis=1))


def vae_loss(data, reconstruction, z_mean, z_log_var):
    """The negative ELBO."""
    return reconstruction_loss(data, reconstruction) + kl_loss(z_mean, z_log_var)


class VAE(keras.Model):
    """Encoder and decoder of convolutions; the loss is added in `call`."""

    def __init__(self, latent_dim=2, **kwargs):
        super().__init__(**kwargs)
        conv = {"activation": "relu", "strides": 2, "padding": "same"}
        self.features = keras.Sequential(
            [layers.Conv2D(32, 3, **conv), layers.Conv2D(64, 3, **conv), layers.Flatten(), layers.Dense(16, "relu")]
        )
        self.z_mean, self.z_log_var, self.sampling = layers.Dense(latent_dim), layers.Dense(latent_dim), Sampling()
        self.decoder = keras.Sequential(
            [
                layers.Dense(7 * 7 * 64, activation="relu"),
                layers.Reshape((7, 7, 64)),
                layers.Conv2DTranspose(64, 3, **conv),
                layers.Conv2DTranspose(32, 3, **conv),
                layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same"),
            ]
        )

    def call(self, data):
        """The reconstruction."""
        h = self.features(data)
        z_mean, z_log_var = self.z_mean(h), self.z_log_var(h)
        reconstruction = self.decoder(self.sampling((z_mean, z_log_var)))
        self.add_loss(vae_loss(data, reconstruction, z_mean, z_log_var))
        return reconstruction


def main():
    """Train."""
    parser = argparse.ArgumentParser(description="VAE")
    parser.add_argument("images", help="an .npy file of shape (N, 28, 28), in [0, 1]")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    images = np.load(args.images).reshape(-1, 28, 28, 1).astype("float32")
    model = VAE()
    model.compile(optimizer=keras.optimizers.Adam())
    model.fit(images, epochs=args.epochs, batch_size=128)


if __name__ == "__main__":
    main()
