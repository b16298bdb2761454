"""VAEs of JAX as people write them, and their losses; imported where jax, flax and optax are installed."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import nnx
from jax import random

D, H, K = 7, 11, 5


class Encoder(nn.Module):
    latents: int

    @nn.compact
    def __call__(self, x):
        h = nn.Dropout(0.5, deterministic=False)(nn.relu(nn.Dense(H, name="fc1")(x)))
        return nn.Dense(self.latents, name="fc2_mean")(h), nn.Dense(self.latents, name="fc2_logvar")(h)


class Decoder(nn.Module):
    features: int

    @nn.compact
    def __call__(self, z):
        return nn.Dense(self.features, name="fc2")(nn.relu(nn.Dense(H, name="fc1")(z)))


def reparameterize(rng, mean, logvar):
    return mean + random.normal(rng, logvar.shape) * jnp.exp(0.5 * logvar)


class VAE(nn.Module):
    """Nested modules, a key as an argument; jitted."""

    latents: int = K
    features: int = D

    def setup(self):
        self.encoder, self.decoder = Encoder(self.latents), Decoder(self.features)

    def sample(self, rng, mean, logvar):
        return reparameterize(rng, mean, logvar)

    @functools.partial(nn.jit, static_argnums=())
    def __call__(self, x, z_rng):
        mean, logvar = self.encoder(x)
        return self.decoder(self.sample(z_rng, mean, logvar)), mean, logvar


class OfVariance(VAE):
    def sample(self, rng, mean, logvar):
        return mean + random.normal(rng, logvar.shape) * jnp.exp(logvar)


class Detached(VAE):
    def sample(self, rng, mean, logvar):
        return jax.lax.stop_gradient(reparameterize(rng, mean, logvar))


class OneNoise(VAE):
    def sample(self, rng, mean, logvar):
        return mean + random.normal(rng, (self.latents,)) * jnp.exp(0.5 * logvar)


class Linear(VAE):
    """Its decoder's hidden layer has no activation."""

    def setup(self):
        self.encoder, self.decoder = Encoder(self.latents), nn.Sequential([nn.Dense(H), nn.Dense(self.features)])


class Streams(nn.Module):
    """A stream of keys, a dict, probabilities, one layer for both heads, 784 features."""

    @nn.compact
    def __call__(self, x, train: bool):
        assert train
        mu, logvar = jnp.split(nn.Dense(2 * K)(jnp.tanh(nn.Dense(H)(x.reshape(len(x), -1)))), 2, axis=-1)
        z = mu + jnp.exp(logvar / 2) * random.normal(self.make_rng("reparam"), mu.shape)
        return {"recon": nn.sigmoid(nn.Dense(784)(jnp.tanh(nn.Dense(H)(z)))), "logvar": logvar, "mu": mu}


class Pictures(nn.Module):
    @nn.compact
    def __call__(self, x, rng):
        h = nn.relu(nn.Conv(4, (3, 3))(x)).reshape(len(x), -1)
        mu, logvar = nn.Dense(K)(h), nn.Dense(K)(h)
        return nn.Dense(784)(reparameterize(rng, mu, logvar)), mu, logvar


class OfNnx(nnx.Module):
    def __init__(self, din, hidden, latent, rngs: nnx.Rngs):
        self.enc, self.dec = nnx.Linear(din, hidden, rngs=rngs), nnx.Linear(latent, hidden, rngs=rngs)
        self.mu, self.logvar = nnx.Linear(hidden, latent, rngs=rngs), nnx.Linear(hidden, latent, rngs=rngs)
        self.out, self.drop = nnx.Linear(hidden, din, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)
        self.rngs = rngs

    def noise(self, shape):
        return random.normal(self.rngs.noise(), shape)

    def __call__(self, x):
        h = nnx.elu(self.drop(self.enc(x)))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + jnp.exp(0.5 * logvar) * self.noise(mu.shape)
        return self.out(nnx.elu(self.dec(z))), mu, logvar


class OfRngs(OfNnx):
    def noise(self, shape):
        return self.rngs.noise.normal(shape)


# ---- functions of a parameter tree


def init_params(key, input_dim, hidden_dim, latent_dim):
    sizes = [(input_dim, hidden_dim), (hidden_dim, latent_dim), (hidden_dim, latent_dim), (latent_dim, hidden_dim),
             (hidden_dim, input_dim)]  # fmt: skip
    keys = random.split(key, len(sizes))
    return [(0.3 * random.normal(k, size), jnp.zeros(size[1])) for k, size in zip(keys, sizes, strict=True)]


@jax.jit
def forward(params, x, key):
    enc, mu, logvar, dec, out = params

    def dense(layer, h):
        return jnp.dot(h, layer[0]) + layer[1]

    h = jnp.tanh(dense(enc, x))
    m, s = dense(mu, h), dense(logvar, h)
    z = m + jnp.exp(s / 2) * random.normal(key, m.shape)
    return dense(out, jnp.tanh(dense(dec, z))), m, s


def of_one(params, x, eps):
    """Of one example: columns, each weight before what it is multiplied with, the noise given."""
    h = jnp.tanh(params["We"] @ x + params["be"])
    m, s = params["Wm"] @ h + params["bm"], params["Ws"] @ h + params["bs"]
    z = m + jnp.exp(s / 2) * eps
    return params["Wo"] @ jnp.tanh(params["Wd"] @ z + params["bd"]) + params["bo"], m, s


def tree_of_one():
    sizes = {"e": (H, D), "m": (K, H), "s": (K, H), "d": (H, K), "o": (D, H)}
    keys = random.split(random.PRNGKey(0), len(sizes))
    params = {f"W{n}": 0.3 * random.normal(k, size) for k, (n, size) in zip(keys, sizes.items(), strict=True)}
    return params | {f"b{name}": jnp.ones(size[0]) for name, size in sizes.items()}


# ---- losses and optimisers


def loss_of_params(params, batch, z_rng):
    """It calls the model itself, as a step of training does."""
    logits, mean, logvar = VAE(latents=K, features=D).apply({"params": params}, batch, z_rng)
    return loss(logits, batch, mean, logvar)


@jax.jit
def half_of_params(params, x, key):
    logits, mean, logvar = forward(params, x, key)
    return halved(logits, x, mean, logvar)


def sum_of_model(model, x):
    logits, mean, logvar = model(x)
    return summed(logits, x, mean, logvar)


def kl(mean, logvar):
    return -0.5 * jnp.sum(1 + logvar - jnp.square(mean) - jnp.exp(logvar))


def cross_entropy(logits, x):
    return -jnp.sum(x * nn.log_sigmoid(logits) + (1 - x) * nn.log_sigmoid(-logits))


@jax.jit
def loss(logits, x, mean, logvar):
    return jax.vmap(cross_entropy)(logits, x).mean() + jax.vmap(kl)(mean, logvar).mean()


def summed(logits, x, mean, logvar):
    return cross_entropy(logits, x) + kl(mean, logvar)


def halved(logits, x, mean, logvar):
    return jax.vmap(cross_entropy)(logits, x).mean() + 0.5 * jax.vmap(kl)(mean, logvar).mean()


def averaged(logits, x, mean, logvar):
    return jax.vmap(cross_entropy)(logits, x).mean() / x.shape[-1] + jax.vmap(kl)(mean, logvar).mean()


def squares(recon, x, mean, logvar):
    return {"rec": jnp.sum((recon - x) ** 2) / 2 / len(x), "loss": jnp.sum((recon - x) ** 2) / 2 / len(x)
            + kl(mean, logvar) / len(x)}  # fmt: skip


def of_probabilities(recon, x, mu, logvar):
    return (-jnp.sum(x * jnp.log(recon) + (1 - x) * jnp.log1p(-recon)) + kl(mu, logvar)) / len(x)


def clipped():
    return optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.01, weight_decay=0.1))


def amsgrad(params):
    return optax.amsgrad(0.01, b1=0.8, b2=0.99)


def inside(params):
    return optax.adam(0.01, eps=0.0, eps_root=1e-8)


class Handwritten:
    """Adam with its epsilon before the correction, or without the correction."""

    def __init__(self, lr=0.01, corrected=True):
        self.lr, self.corrected = lr, corrected

    def init(self, params):
        zeros = jax.tree_util.tree_map(jnp.zeros_like, params)
        return 0, zeros, zeros

    def update(self, grads, state, params):
        t, m, v = state
        t += 1
        m = jax.tree_util.tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree_util.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        one, two = (1 - 0.9**t, 1 - 0.999**t) if self.corrected else (1, 1)
        step = jax.tree_util.tree_map(lambda m, v: -self.lr * m / one / (jnp.sqrt(v / two) + 1e-8), m, v)
        return step, (t, m, v)
