"""The kernels of activations and of the latent stage against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from columns import columns, value_of
from kernel_cases import FLOATS, halves, normal, search
from sums import assert_sums

from vae_np.formulas import activations, gaussian
from vae_np.kernels.loops import activation, latent
from vae_np.kernels.loops.sums import BLOCK, column_sums


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", activation.KINDS)
def test_an_activation_adds_its_bias_and_goes_back_as_its_formula(name, dtype):
    @search
    def compare(n, d, samples, seed):
        a, b, dh = normal(seed, dtype, (n, d), (d,), (n, d), size=3)
        formula, kind = activations.get_activation(name), activation.KINDS[name]
        h, kept = a.copy(), np.empty_like(a)
        tiles = [(0, n, 0, d // 2), (0, n // 3, d // 2, d), (n // 3, n, d // 2, d)]  # all of it, in three parts
        for tile in tiles:
            activation.forward(kind, h, b, kept, *tile)
        kept = kept if name == "gelu" else h
        expected = formula.forward(a + b)
        assert_sums("h", h, expected, np.abs(expected) + (np.abs(a + b) if name == "gelu" else 0))
        da = dh.copy()
        for tile in tiles:
            activation.backward(kind, da, kept, *tile)
        expected = formula.backward(dh, a + b, expected)
        size = np.abs(dh) * (2 + np.abs(a + b) if name == "gelu" else 2)
        assert_sums("da", da, expected, size)
        sums = columns(d, dtype=dtype)
        for tile in halves(d):
            column_sums(da, sums, *tile)
        assert_sums("db", value_of(sums), expected.sum(axis=0), size.sum(axis=0))

    compare()


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_latent_stage_is_its_formulas(dtype):
    @search
    def compare(n, d, samples, seed):
        rows, cube = (n, d), (samples, n, d)
        mu, logvar, mu_b, logvar_b, eps = normal(seed, dtype, rows, rows, (d,), (d,), cube, size=2)
        dz, dkl, weights, path = normal(seed + 1, dtype, cube, rows, (3, samples, n), (samples, n))
        m, s = mu.copy(), logvar.copy()
        sigma, kl, z = np.empty_like(m), np.empty_like(m), np.empty_like(eps)
        for part in halves(n):
            latent.forward(m, mu_b, s, logvar_b, eps, sigma, kl, z, *part)
        assert_sums("mu", m, mu + mu_b, 0)
        assert_sums("logvar", s, logvar + logvar_b, 0)
        assert_sums("kl", kl, gaussian.kl_terms(m, s), np.abs(kl))
        assert_sums("z", z, gaussian.reparameterise(m, s, eps), np.abs(m) + sigma * np.abs(eps))

        prior, posterior = np.empty((2, samples, n), dtype)
        for part in halves(n):
            latent.densities(z, eps, s, prior, posterior, np.empty(BLOCK, dtype), *part)
        assert_sums("log p(z)", prior, gaussian.log_standard_normal(z), (z * z + 2).sum(axis=-1))
        size = (eps * eps + np.abs(s) + 2).sum(axis=-1)
        assert_sums("log q(z)", posterior, gaussian.log_normal_at_noise(eps, s), size)

        new, (a, b, _) = dz.copy(), weights
        for part in halves(n):
            latent.prior_backward(new, z, a, path, *part)
        expected = path[..., None] * (dz + gaussian.log_standard_normal_backward(a, z))
        size = np.abs(dz) + np.abs(a)[..., None] * np.abs(z)
        assert_sums("dz", new, expected, np.abs(path)[..., None] * size)

        dmu, dlogvar = np.empty_like(m), np.empty_like(m)
        for part in halves(n):
            latent.backward(dz, eps, m, s, sigma, dkl, dmu, dlogvar, columns(2 * d, dtype=dtype), *part)
        kl_parts, z_parts = gaussian.kl_backward(dkl, m, s), gaussian.reparameterise_backward(dz, s, eps)
        sizes = [np.abs(dz).sum(axis=0), (np.abs(dz * eps) * sigma).sum(axis=0)]
        for name, got, one, other, size in zip(
            ("dmu", "dlogvar"), (dmu, dlogvar), kl_parts, z_parts, sizes, strict=True
        ):
            assert_sums(name, got, one + other, np.abs(one) + size)

        before = [a.copy() for a in (dmu, dlogvar)]
        for part in halves(n):
            latent.posterior_backward(a, b, eps, sigma, dmu, dlogvar, columns(2 * d, dtype=dtype), *part)
        direct = gaussian.log_normal_at_noise_backward(a, b, eps, s)
        rest = np.abs(a)[..., None]
        sizes = [rest * np.abs(eps) / sigma, rest * eps * eps + np.abs(b)[..., None]]
        for i, name in enumerate(["dmu", "dlogvar"]):
            size = sizes[i].sum(axis=0) + np.abs(before[i])
            assert_sums("direct " + name, (dmu, dlogvar)[i], before[i] + direct[i], size)

    compare()
