"""Whole kernels against their formulas, at awkward sizes; NaN in any input comes out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_np.formulas import activations, gaussian, likelihoods, optim
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops import activation, adam, latent
from vae_np.kernels.loops import likelihoods as kernels
from vae_np.kernels.step.kinds import kind_of
from vae_np.support.errors import NonFiniteError

FLOATS = [np.float64, np.float32]
SIZES = st.sampled_from([1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 37] if COMPILED else [1, 2, 3, 7])
LIKELIHOODS = [
    likelihoods.Bernoulli(),
    likelihoods.ContinuousBernoulli(),
    *(likelihoods.Gaussian(sigma) for sigma in (0.7, "learned", "per-feature", "heteroscedastic")),
]


def search(test):
    """Hypothesis, the same examples every time."""
    examples = 25 if COMPILED else 8
    test = given(n=SIZES, d=SIZES, samples=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))(test)
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)(test)


def normal(seed: int, dtype, *shapes: tuple[int, ...], size: float = 1.0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [np.asarray(size * generator.standard_normal(shape), dtype) for shape in shapes]


def assert_close(name: str, got, formula, size, ulps: float = 16) -> None:
    """|got - formula| <= ulps eps size, where size is the sum of the terms' absolute values."""
    assert got.dtype == formula.dtype, f"{name} is {got.dtype}, the formula {formula.dtype}"
    bound = ulps * np.finfo(got.dtype).eps * np.broadcast_to(size, got.shape)
    error = np.abs(got - formula)
    excess = np.where(error <= bound, 0, np.where(np.isnan(error), np.inf, error))
    worst = np.unravel_index(np.argmax(excess), got.shape)
    assert (error <= bound).all(), f"{name}{worst}: kernel {got[worst]!r}, formula {formula[worst]!r}"


def test_the_comparison_fails_on_nan_and_on_a_small_difference():
    one = np.ones(3)
    assert_close("y", one, one, one)
    for wrong in (one * np.nan, one * (1 + 1e-14), np.array([1, 1, 2.0])):
        with pytest.raises(AssertionError, match="y"):
            assert_close("y", wrong, one, one)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", activation.KINDS)
def test_an_activation_adds_its_bias_and_goes_back_as_its_formula(name, dtype):
    @search
    def compare(n, d, samples, seed):
        a, b, dh = normal(seed, dtype, (n, d), (d,), (n, d), size=3)
        formula, kind = activations.ACTIVATIONS[name], activation.KINDS[name]
        h, kept = a.copy(), np.empty_like(a)
        tiles = [(0, n, 0, d // 2), (0, n // 3, d // 2, d), (n // 3, n, d // 2, d)]  # all of it, in three parts
        for tile in tiles:
            activation.forward(kind, h, b, kept, *tile)
        kept = kept if name == "gelu" else h
        expected = formula.forward(a + b)
        assert_close("h", h, expected, np.abs(expected) + (np.abs(a + b) if name == "gelu" else 0))
        da, parts = dh.copy(), np.full((3, d), np.nan, dtype)
        for tile, part in zip(tiles, parts, strict=True):
            activation.backward(kind, da, kept, part, *tile)
        db = parts.sum(axis=0)
        expected = formula.backward(dh, a + b, expected)
        size = np.abs(dh) * (2 + np.abs(a + b) if name == "gelu" else 2)
        assert_close("da", da, expected, size)
        assert_close("db", db, expected.sum(axis=0), size.sum(axis=0))

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
        assert_close("mu", m, mu + mu_b, 0)
        assert_close("logvar", s, logvar + logvar_b, 0)
        assert_close("kl", kl, gaussian.kl_terms(m, s), np.abs(kl))
        assert_close("z", z, gaussian.reparameterise(m, s, eps), np.abs(m) + sigma * np.abs(eps))

        prior, posterior = np.empty((2, samples, n), dtype)
        for part in halves(n):
            latent.densities(z, eps, s, prior, posterior, *part)
        assert_close("log p(z)", prior, gaussian.log_standard_normal(z), (z * z + 2).sum(axis=-1))
        size = (eps * eps + np.abs(s) + 2).sum(axis=-1)
        assert_close("log q(z)", posterior, gaussian.log_normal_at_noise(eps, s), size)

        new, (a, b, _) = dz.copy(), weights
        for part in halves(n):
            latent.prior_backward(new, z, a, path, *part)
        expected = path[..., None] * (dz + gaussian.log_standard_normal_backward(a, z))
        size = np.abs(dz) + np.abs(a)[..., None] * np.abs(z)
        assert_close("dz", new, expected, np.abs(path)[..., None] * size)

        dmu, dlogvar = np.empty_like(m), np.empty_like(m)
        parts = np.full((2, 2, d), np.nan, dtype)
        for part, sums in zip(halves(n), parts, strict=True):
            latent.backward(dz, eps, m, s, sigma, dkl, dmu, dlogvar, *sums, *part)
        db, db2 = parts.sum(axis=0)
        kl_parts, z_parts = gaussian.kl_backward(dkl, m, s), gaussian.reparameterise_backward(dz, s, eps)
        sizes = [np.abs(dz).sum(axis=0), (np.abs(dz * eps) * sigma).sum(axis=0)]
        for name, got, bias, one, other, size in zip(
            ("dmu", "dlogvar"), (dmu, dlogvar), (db, db2), kl_parts, z_parts, sizes, strict=True
        ):
            assert_close(name, got, one + other, np.abs(one) + size)
            assert_close(name + "'s sum", bias, (one + other).sum(axis=0), (np.abs(one) + size).sum(axis=0))

        before = [a.copy() for a in (dmu, dlogvar, db, db2)]
        for part, sums in zip(halves(n), parts, strict=True):
            latent.posterior_backward(a, b, eps, sigma, dmu, dlogvar, *sums, *part)
        db, db2 = parts.sum(axis=0)
        direct = gaussian.log_normal_at_noise_backward(a, b, eps, s)
        rest = np.abs(a)[..., None]
        sizes = [rest * np.abs(eps) / sigma, rest * eps * eps + np.abs(b)[..., None]]
        for i, name in enumerate(["dmu", "dlogvar"]):
            size = sizes[i].sum(axis=0) + np.abs(before[i])
            assert_close("direct " + name, (dmu, dlogvar)[i], before[i] + direct[i], size)
            got, size = (db, db2)[i], size.sum(axis=0) + np.abs(before[2 + i])
            assert_close(f"direct {name}'s sum", got, before[2 + i] + direct[i].sum(axis=0), size)

    compare()


def halves(n: int) -> list[tuple[int, int]]:
    """[0, n) in two ranges, the first perhaps empty."""
    return [(0, n // 2), (n // 2, n)]


def kernel_of(likelihood, case) -> tuple:
    """A likelihood's kernels as functions of a case: log p, and its gradient, the rows in two parts."""
    kind, d = kind_of(likelihood), case.x.shape[1]
    parts = np.full((2, case.db.size), np.nan, case.x.dtype)
    if isinstance(kind, kernels.GaussianKind):
        s, deviation = np.empty(d, case.x.dtype), np.empty((2, d))
        s[...] = likelihood.logvar if likelihood.logvar is not None else case.own["logvar"]
        kernels.inverse_deviation(s, *deviation)
        kind = kernels.Gaussian(s, *deviation, np.full((2, d), np.nan, case.x.dtype))

    def value(b):
        for part in halves(len(case.raw)):
            kernels.value(kind, case.raw, b, case.x, case.out, *part)

    def gradient(b):
        for t, part in enumerate(halves(len(case.raw))):
            kernels.gradient(kind, case.raw, b, case.x, case.weight, case.out, parts[t], t, *part)
        case.db[:] = parts.sum(axis=0)
        for view in case.down.values():
            kernels.own_gradient(kind, view.reshape(-1))

    return value, gradient


def formula_of(likelihood, case) -> tuple:
    """The same by the formula."""
    shape = (-1, *case.x.shape[:1], case.raw.shape[1])

    def value(b):
        case.raw += b
        case.out[:] = likelihood.log_density(case.x, case.raw.reshape(shape), case.own).sum(axis=-1).reshape(-1)

    def gradient(b):
        value(b)
        slope, own = likelihood.gradient(case.x, case.raw.reshape(shape), case.own)
        case.raw[:] = case.weight[:, None] * slope.reshape(case.raw.shape)
        case.db[:] = case.raw.sum(axis=0)
        for name, term in own.items():
            weighted = case.weight[:, None] * term.reshape(len(case.weight), -1)
            case.down[name][...] = weighted.sum(axis=0 if case.down[name].size > 1 else None)

    return value, gradient


def likelihood_case(likelihood, dtype, n, d, samples, seed) -> SimpleNamespace:
    """Inputs and empty outputs of a likelihood's kernels."""
    p = likelihood.raw_size(d)
    raw, b, weight = normal(seed, dtype, (samples * n, p), (p,), (samples * n,), size=2)
    x = np.random.default_rng(seed).choice([0.0, 1.0, 0.3, 0.9], (n, d)).astype(dtype)
    own = {name: normal(seed + 2, dtype, shape)[0] for name, shape in likelihood.own_shapes(d).items()}
    down = {name: np.full_like(a, np.nan) for name, a in own.items()}
    out = np.full(samples * n, np.nan, dtype)
    return SimpleNamespace(raw=raw, b=b, x=x, own=own, weight=weight, out=out, db=np.full_like(b, np.nan), down=down)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
def test_a_likelihood_is_its_formula(likelihood, dtype):
    @search
    def compare(n, d, samples, seed):
        k, f = (likelihood_case(likelihood, dtype, n, d, samples, seed) for _ in range(2))
        pairs = kernel_of(likelihood, k), formula_of(likelihood, f)
        terms = likelihood.log_density(f.x, (f.raw + f.b).reshape(samples, n, -1), f.own)
        size = (np.abs(terms) + 4).sum(axis=-1).reshape(-1)
        slope, own = likelihood.gradient(f.x, (f.raw + f.b).reshape(samples, n, -1), f.own)
        for value, _ in pairs:
            value(k.b)
        assert_close("raw", k.raw, f.raw, 0)
        assert_close("log p", k.out, f.out, size)
        k.out[:] = np.nan
        for _, gradient in pairs:
            gradient(np.zeros_like(k.b))
        size_raw = np.abs(f.weight)[:, None] * (np.abs(slope.reshape(f.raw.shape)) + 1)
        assert_close("log p beside its gradient", k.out, f.out, size)
        assert_close("raw's gradient", k.raw, f.raw, size_raw)
        assert_close("the bias's gradient", k.db, f.db, size_raw.sum(axis=0))
        for name, term in own.items():
            sizes = (np.abs(f.weight).reshape(samples, n, 1) * (np.abs(term) + 1)).sum(axis=(0, 1))
            size = sizes if f.down[name].size > 1 else sizes.sum()
            assert_close(name, k.down[name], f.down[name], size)

    compare()


VARIANTS = [
    {},
    {"amsgrad": True},
    {"epsilon_hat": True, "weight_decay": 0.1},
    {"clip_norm": 0.5, "beta1": 0.0},
    {"beta2": 0.5, "epsilon": 1e-3, "learning_rate": 0.5},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("settings_", VARIANTS, ids=str)
def test_adam_is_its_formula(settings_, dtype):
    rule = optim.Adam(**settings_)

    @search
    def compare(n, d, samples, seed):
        theta, g, m, v, v_max = normal(seed, dtype, *[(n * d,)] * 5)
        state = optim.AdamState(m, v * v, np.abs(v_max) if rule.amsgrad else None, seed % 30)
        other, theirs = theta.copy(), optim.AdamState.from_arrays(state.arrays())
        norm, expected = adam.update(rule, theta, g, state), rule.update(other, g, theirs)
        assert norm == pytest.approx(expected, rel=1e-6 if dtype is np.float32 else 1e-14)
        assert_close("theta", theta, other, np.abs(other) + 1)
        arrays, expected_arrays = state.arrays(), theirs.arrays()
        assert arrays.pop("step") == expected_arrays.pop("step")
        for name, array in arrays.items():
            assert_close(name, array, expected_arrays[name], np.abs(m) + np.abs(g) + v * v + g * g)

    compare()


@pytest.mark.parametrize("size", [1e-200, 1e-100, 0.0, 1e100])
def test_adam_leaves_norms_at_the_ends_of_the_range_to_its_formula(size):
    g = np.array([size, -size, 0.0])
    results = []
    for update in (lambda *a: adam.update(optim.Adam(), *a), optim.Adam().update):
        theta = np.ones(3)
        state = optim.AdamState.zeros(theta, optim.Adam())
        results.append([update(theta, g, state), *theta, state.step])
    assert results[0] == pytest.approx(results[1], rel=1e-15, abs=0)


@pytest.mark.parametrize("fault", ["amsgrad", "length", "dtype", "nan", "infinity", "a step of two"])
def test_adam_refuses_what_its_formula_refuses_and_changes_nothing(fault):
    theta, g, rule = np.ones(4), np.ones(4), optim.Adam(amsgrad=fault == "amsgrad")
    state = optim.AdamState.zeros(theta, optim.Adam())
    if fault == "length":
        g = np.ones(3)
    elif fault == "dtype":
        g = np.ones(4, np.float32)
    elif fault in ("nan", "infinity"):
        g[2] = np.nan if fault == "nan" else np.inf
    if fault == "a step of two":  # not refused, but no kernel is compiled for it
        theta = np.ones(8)[::2]
        assert adam.update(rule, theta, g, state) == 2
        np.testing.assert_allclose(theta, 1 - 1e-3, rtol=1e-7)
        return
    with pytest.raises((ValueError, TypeError, NonFiniteError)):
        adam.update(rule, theta, g, state)
    assert theta.tolist() == [1] * 4
    assert state.step == 0
    assert not state.m.any()


# ---- what is not finite ----


def kernel_calls(dtype) -> dict[str, tuple]:
    """A call a kernel: the function, its inputs and its other arguments (kinds before the inputs, outputs after)."""
    n, d, samples = 5, 19, 2
    one = lambda *shape: np.full(shape, 0.5, dtype)  # noqa: E731
    rows, cube, row, weight = one(n, d), one(samples, n, d), one(d), one(samples, n)

    def call(function, inputs, outputs=(), before=(), in_place=()):
        """Inputs whose names are in ``in_place`` are outputs too."""
        return function, before, inputs, outputs, in_place

    calls = {}
    for name, kind in activation.KINDS.items():
        tile = (0, n, 0, d)
        calls[name] = call(activation.forward, {"a": rows, "b": row}, (one(n, d), *tile), (kind,), ("a",))
        inputs = {"dh": rows, "kept": rows} if name != "identity" else {"dh": rows}
        after = (row, *tile) if name != "identity" else (rows, row, *tile)
        calls[name + "'"] = call(activation.backward, inputs, after, (kind,), ("dh",))
    inputs = {"mu": rows, "mu_b": row, "logvar": rows, "logvar_b": row, "eps": cube}
    calls["latent.forward"] = call(latent.forward, inputs, (one(n, d), one(n, d), one(samples, n, d), 0, n))
    inputs = {"dz": cube, "eps": cube, "mu": rows, "logvar": rows, "sigma": rows, "dkl": rows}
    calls["latent.backward"] = call(latent.backward, inputs, (one(n, d), one(n, d), one(d), one(d), 0, n))
    inputs = {"z": cube, "eps": cube, "logvar": rows}
    calls["latent.densities"] = call(latent.densities, inputs, (one(samples, n), one(samples, n), 0, n))
    inputs = {"dz": cube, "z": cube, "prior": weight, "path": weight}
    calls["prior_backward"] = call(latent.prior_backward, inputs, (0, n), (), ("dz",))
    inputs = {"rest": weight, "direct": weight, "eps": cube, "sigma": rows}
    outputs = (one(n, d), one(n, d), one(d), one(d), 0, n)
    calls["posterior_backward"] = call(latent.posterior_backward, inputs, outputs)
    for v_max in (False, True):
        inputs = {"theta": row, "g": row, "m": row, "v": row} | ({"v_max": row} if v_max else {})
        numbers = np.array([*adam.settings_of(optim.Adam()), 3, 1e-3])
        cast = np.dtype(dtype).type
        constants = tuple(map(cast, adam.constants_of(numbers, 1.0, cast(0))))
        function = adam.amsgrad_step if v_max else adam.step
        calls[f"adam {v_max}"] = call(function, inputs, (constants,), (), ("theta",))
    return calls


BROKEN = [(name, argument) for name, c in kernel_calls(np.float64).items() for argument in c[2]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "argument"), BROKEN)
def test_nan_in_any_input_of_a_kernel_comes_out(name, argument, dtype):
    size = kernel_calls(dtype)[name][2][argument].size
    for index in (0, size // 2, size - 1):  # within the vector loop and in what is left of it
        function, before, inputs, outputs, in_place = kernel_calls(dtype)[name]
        inputs = {k: a.copy() for k, a in inputs.items()}
        inputs[argument].flat[index] = np.nan
        function(*before, *inputs.values(), *outputs)
        results = [*[a for a in outputs if isinstance(a, np.ndarray)], *[inputs[k] for k in in_place]]
        assert any(np.isnan(a).any() for a in results), f"{name}: NaN in {argument}[{index}] vanished"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("argument", ["raw", "b", "x", "own", "weight"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
def test_nan_and_infinity_in_any_input_of_a_likelihood_come_out(likelihood, value, argument, dtype):
    for index in (0, -1):
        case = likelihood_case(likelihood, dtype, 3, 19, 2, 0)
        array = getattr(case, argument)
        if argument == "own":
            if not array:
                pytest.skip("it has no arrays of its own")
            array = array["logvar"]
        array.flat[index] = value
        raw = case.raw.copy()
        log_p, gradient = kernel_of(likelihood, case)
        with np.errstate(all="ignore"):
            gradient(case.b)
        case.raw[:] = raw
        finite = np.isfinite(case.db).all() if argument == "weight" else np.isfinite(case.out).all()
        assert not finite, f"{argument}[{index}] = {value} vanished"
        if argument != "weight":
            case.out[:] = 0
            with np.errstate(all="ignore"):
                log_p(case.b)
            assert not np.isfinite(case.out).all(), f"{argument}[{index}] = {value} vanished from the value"
