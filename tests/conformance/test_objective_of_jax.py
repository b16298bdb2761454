"""check_objective on JAX's functions, jitted and vmapped, with keys; only where jax is installed."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from vae_np.conformance import check_objective

jax = pytest.importorskip("jax", exc_type=ImportError)
jnp, random = jax.numpy, jax.random
draw = jax.random.normal


def kl(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - jnp.exp(logvar))


@jax.jit
def of_logits(logits, x, mean, logvar):
    rec = jax.nn.softplus(logits) - x * logits
    return (rec.sum(1) + kl(mean, logvar).sum(1)).mean()


@jax.vmap
def of_each(recon, x, mu, logvar):
    return -jnp.sum(x * jnp.log(recon) + (1 - x) * jnp.log1p(-recon)) + kl(mu, logvar).sum()


@jax.jit
def averaged(logits, x, mean, logvar):
    return (jax.nn.softplus(logits) - x * logits).mean() + kl(mean, logvar).sum(1).mean()


def detached(logits, x, mu, logvar):
    return of_logits(logits, x, jax.lax.stop_gradient(mu), jax.lax.stop_gradient(logvar))


@jax.jit
def reparameterize(rng, mean, logvar):
    return mean + jnp.exp(0.5 * logvar) * random.normal(rng, logvar.shape)


def key_last(mu, logvar, key):
    return mu + jnp.exp(0.5 * logvar) * draw(key, mu.shape, dtype=mu.dtype)


def of_keys(key, mu, logvar):
    one = lambda key, m, s: m + jnp.exp(s / 2) * jax.random.normal(key, m.shape)  # noqa: E731
    return jax.vmap(one)(jax.random.split(key, len(mu)), mu, logvar)


def of_one_key(key, mu, logvar):
    one = lambda key, m, s: m + jnp.exp(s / 2) * jax.random.normal(key, m.shape)  # noqa: E731
    return jax.vmap(one, in_axes=(None, 0, 0))(key, mu, logvar)


@functools.partial(jax.jit, static_argnames="scale")
def scaled(key, mu, logvar, scale=0.5):
    return mu + jnp.exp(0.5 * logvar) * scale * random.normal(key, mu.shape)


def variance(key, mu, logvar):
    return mu + jnp.exp(logvar) * random.normal(key, mu.shape)


def stopped(key, mu, logvar):
    return jax.lax.stop_gradient(reparameterize(key, mu, logvar))


def given(mu, logvar, eps):
    return mu + jnp.exp(0.5 * logvar) * eps


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (of_logits, []),
        (of_each, []),
        (averaged, ["rec-mean-over-pixels"]),
        (detached, ["kl-no-derivative"]),
    ],
)
def test_a_loss_is_graded_by_jax_grad(loss, expected):
    report = check_objective(loss)
    assert [finding.id for finding in report.findings] == expected, report
    assert "by JAX" in str(report)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (reparameterize, []),
        (key_last, []),
        (of_keys, []),
        (given, []),
        (of_one_key, ["eps-shared-batch"]),
        (scaled, ["eps-std-not-one"]),
        (variance, ["std-is-variance"]),
        (stopped, ["no-reparam"]),
    ],
)
def test_a_sampler_with_a_key_is_graded_with_its_noise_replaced(sampler, expected):
    report = check_objective(sampler=sampler)
    assert [finding.id for finding in report.findings] == expected, report


def test_what_was_compiled_before_is_graded_as_it_is_written():
    jax.config.update("jax_enable_x64", True)
    try:
        zeros = jnp.asarray(np.zeros((3, 5)))
        own = jax.jit(lambda key, mu, logvar: mu + jnp.exp(0.5 * logvar) * random.normal(key, mu.shape))
        before = own(random.PRNGKey(0), zeros, zeros)
        assert not check_objective(sampler=own).findings
        np.testing.assert_array_equal(before, own(random.PRNGKey(0), zeros, zeros))
    finally:
        jax.config.update("jax_enable_x64", False)


def test_jax_is_as_before_afterwards():
    before = reparameterize(random.PRNGKey(3), jnp.zeros((2, 3)), jnp.zeros((2, 3)))
    x64 = jax.config.jax_enable_x64
    check_objective(of_logits, reparameterize)
    after = reparameterize(random.PRNGKey(3), jnp.zeros((2, 3)), jnp.zeros((2, 3)))
    np.testing.assert_array_equal(before, after)
    assert jax.config.jax_enable_x64 == x64
    assert random.normal is draw
