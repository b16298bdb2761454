"""JAX as a contender: the whole step in one compiled function that is given its buffers for good."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from peers.contender import ADAM, LEARNING_RATE, Array, Problem, Trainer, join_heads, split_heads

__all__ = ["JaxContender"]

Layers = list[tuple[jax.Array, jax.Array]]
State = tuple[Layers, Layers, Layers, jax.Array]
tree_map = jax.tree_util.tree_map


def negative_elbo(layers: Layers, x: jax.Array, eps: jax.Array) -> jax.Array:
    """The loss, for weights (fan_in, fan_out)."""
    depth = len(layers) // 2 - 1
    h = x
    for W, b in layers[:depth]:
        h = jax.nn.relu(h @ W + b)
    W, b = layers[depth]
    mu, logvar = jnp.split(h @ W + b, 2, axis=1)
    z = mu + jnp.exp(0.5 * logvar) * eps
    h = z.reshape(-1, z.shape[-1])  # one product for all samples
    for W, b in layers[depth + 1 : -1]:
        h = jax.nn.relu(h @ W + b)
    W, b = layers[-1]
    logits = (h @ W + b).reshape(len(eps), *x.shape)
    cross_entropy = (jax.nn.softplus(logits) - x * logits).sum()
    kl = 0.5 * (jnp.square(mu) + jnp.exp(logvar) - 1 - logvar).sum()
    return (cross_entropy / len(eps) + kl) / len(x)


loss_and_gradients = jax.jit(jax.value_and_grad(negative_elbo))


@partial(jax.jit, donate_argnums=0)
def train(state: State, x: jax.Array, eps: jax.Array) -> tuple[State, jax.Array]:
    """One step of Adam, its equations as in the paper."""
    layers, m, v, count = state
    loss, gradients = jax.value_and_grad(negative_elbo)(layers, x, eps)
    beta1, beta2, epsilon = ADAM["beta1"], ADAM["beta2"], ADAM["epsilon"]
    count = count + 1
    m = tree_map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
    v = tree_map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
    # 1 - beta^t: in float32 the plain form has lost half its digits at t = 1
    correction1, correction2 = (-jnp.expm1(count * math.log(beta)) for beta in (beta1, beta2))

    def move(theta: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return theta - LEARNING_RATE * (m / correction1) / (jnp.sqrt(v / correction2) + epsilon)

    return (tree_map(move, layers, m, v), m, v, count), loss


class JaxContender(Trainer):
    """Parameters and moments are donated, so that XLA may update them in place.

    The number of threads is what XLA finds in the cores that the process may use.
    """

    def __init__(self, problem: Problem, threads: int) -> None:
        jax.config.update("jax_enable_x64", problem.x.dtype == np.float64)
        self.about = f"JAX {jax.__version__}, XLA on {jax.default_backend()}"
        self.problem, self.start = problem, join_heads(problem.weights)
        self.x, self.eps = jnp.array(problem.x), jnp.array(problem.eps)
        self.restart()

    def restart(self) -> None:
        """The initial weights and moments of zero, in new buffers: the old ones were given away."""
        layers = tree_map(jnp.array, self.start)
        zeros = [tree_map(jnp.zeros_like, layers) for _ in range(2)]
        self.state: Any = (layers, *zeros, jnp.zeros((), self.x.dtype))
        self.wait()

    def step(self) -> None:
        """Forward, backward and Adam, begun."""
        self.state, _ = train(self.state, self.x, self.eps)

    def wait(self) -> None:
        """Until the last step has ended."""
        jax.block_until_ready(self.state)

    def loss_and_grad(self) -> tuple[float, dict[str, Array]]:
        """Of the same loss, in a compiled function of its own."""
        loss, gradients = loss_and_gradients(self.state[0], self.x, self.eps)
        return float(loss), self._named(gradients)

    def parameters(self) -> dict[str, Array]:
        """The present ones."""
        return self._named(self.state[0])

    def _named(self, layers: Layers) -> dict[str, Array]:
        """Copies, by vae_np's names."""
        return split_heads([(np.array(W), np.array(b)) for W, b in layers], self.problem.size)
