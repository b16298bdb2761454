"""The table of what is checked: each formula beside its oracle, its arguments, and the error that is allowed.

A `Quantity` is evaluated at points (one array an argument) and held to the oracle there, by `tests/test_formulas.py`
with its bounds and by `scripts/accuracy.py`, which prints what it finds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracles
import strategies
import ulp

from vae_np.formulas import activations, gaussian, numerics, optim
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian

Array = np.ndarray
Points = Callable[[Any, int, int], list[Array]]


@dataclass(frozen=True)
class Quantity:
    """A formula of arrays, its scalar oracle, its points for (dtype, n, seed), and the worst ULP allowed (f64, f32)."""

    name: str
    formula: Callable[..., Array] | None
    """None where only a compiled kernel computes it in this form."""
    oracle: Callable[..., Any]
    points: Points
    bound: tuple[float, float] = (4, 4)
    note: str = ""
    headroom: float = 1.0
    kernel: str = ""
    """The compiled elementary function; what is fused is in tests/kernels/fused.py, by the quantity's name."""
    derivative_of: str = ""
    """The name of the quantity of which this is the derivative, and with respect to which argument."""
    argument: int = 0
    tolerance: float = 1e-13
    """Of the complex step: SciPy's complex erfcx is good to 13 digits."""


@dataclass(frozen=True)
class Finding:
    """The worst error, in ULP, and the arguments at which it occurred."""

    error: float
    where: tuple[float, ...]
    n: int

    def __str__(self) -> str:
        return f"{self.error:.2f} at {', '.join(f'{v:.9g}' for v in self.where)}"


def targets(quantity: Quantity, points: list[Array]) -> list[Any]:
    """The oracle's values at the points."""
    return [quantity.oracle(*map(float, point)) for point in zip(*points, strict=True)]


def measure(
    function: Callable[..., Array], quantity: Quantity, points: list[Array], exact: list[Any] | None = None
) -> Finding:
    """The worst error of a function over the points, against the quantity's oracle (or its values, if they are had)."""
    with np.errstate(all="ignore"):
        values = np.asarray(function(*points))
    dtype = points[0].dtype
    if values.dtype != dtype or values.shape != points[0].shape:
        raise AssertionError(f"{quantity.name}: {dtype} {points[0].shape} became {values.dtype} {values.shape}")
    exact = targets(quantity, points) if exact is None else exact
    error, where = ulp.worst(values, exact, dtype, quantity.headroom)
    return Finding(error, tuple(float(p[where]) for p in points), len(values))


# ---- points ----


def real(limit64: float = math.inf, limit32: float = math.inf) -> Points:
    """All magnitudes up to a limit."""

    def points(dtype, n, seed):
        limit = limit64 if np.dtype(dtype) == np.float64 else limit32
        return [strategies.magnitudes(dtype, max(16, n // 3), seed, limit)]

    return points


def above(limit64: float, limit32: float) -> Points:
    """All magnitudes from a limit on."""

    def points(dtype, n, seed):
        a = real()(dtype, n, seed)[0]
        return [a[a >= (limit64 if np.dtype(dtype) == np.float64 else limit32)]]

    return points


def below(limit64: float, limit32: float) -> Points:
    """All magnitudes below a limit, and a few just below it."""

    def points(dtype, n, seed):
        limit = limit64 if np.dtype(dtype) == np.float64 else limit32
        a = real()(dtype, n, seed)[0]
        near = limit - np.random.default_rng(seed).uniform(0, 2, n // 4)
        return [np.concatenate([a[a < limit], near.astype(dtype)])]

    return points


def product(*limits: tuple[float, float]) -> Points:
    """Independent arguments, each of all magnitudes up to its limit for (float64, float32)."""

    def points(dtype, n, seed):
        columns = [real(*limit)(dtype, n, seed + i)[0] for i, limit in enumerate(limits)]
        return strategies.paired(columns, n, seed)

    return points


def pixel_and(limit64: float = math.inf, limit32: float = math.inf) -> Points:
    """A pixel x and a raw output a."""

    def points(dtype, n, seed):
        a, x = strategies.paired([*real(limit64, limit32)(dtype, n, seed), strategies.unit_interval(dtype, n)], n, seed)
        return [x, a]

    return points


def near_the_mean(dtype, n, seed) -> list[Array]:
    """(z, mu, s): half with a z that is some deviations from mu, half with independent values."""
    generator = np.random.default_rng(seed)
    s, mu, z = strategies.paired([real(*LOGVAR)(dtype, n, seed)[0], *product(WIDE, WIDE)(dtype, n, seed)], n, seed)
    eps = generator.standard_normal(len(s)) * 10.0 ** generator.uniform(-3, 2, len(s))
    with np.errstate(over="ignore"):
        close = (mu + np.exp(s / 2) * eps).astype(dtype)
    return [np.where((generator.random(len(s)) < 0.5) & np.isfinite(close), close, z).astype(dtype), mu, s]


WIDE = (1e150, 1e18)
LOGVAR = (1400.0, 170.0)
"""Limits of log-variances: e^(s/2) and e^(-s/2) are finite there, though e^s and e^-s are not."""

# ---- formulas in the form f(*arrays) -> array of their shape ----


def columns(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of (N, K) arrays that sums over K, on one column."""
    return lambda *args: function(*[a[:, None] for a in args])


def matrices(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of (N, K) arrays to such an array, on one column."""
    return lambda *args: function(*[a[:, None] for a in args])[:, 0]


def slope(name: str) -> Callable[[Array], Array]:
    """The derivative of an activation, from its backward function at a cotangent of 1."""
    activation = activations.ACTIVATIONS[name]
    return lambda a: activation.backward(np.ones_like(a), a, activation.forward(a))


def learned(x: Array, m: Array, s: Array) -> Array:
    """The Gaussian likelihood with its log-variances as own parameters."""
    return Gaussian("learned").log_density(x, m, {"logvar": s})


def heteroscedastic(part: int) -> Callable[..., Array]:
    """A half of the heteroscedastic Gaussian's gradient."""
    likelihood = Gaussian("heteroscedastic")
    return lambda x, m, s: likelihood.gradient(x[:, None], np.stack([m, s], axis=-1))[0][:, part]


def ones_backward(function: Callable[..., tuple[Array, ...]], part: int) -> Callable[..., Array]:
    """One result of a backward function of (cotangent (N,), *(N, K))."""
    return lambda *args: function(np.ones_like(args[0]), *[a[:, None] for a in args])[part][:, 0]


def adam_points(dtype, n, seed) -> list[Array]:
    """(theta, g, m, v): all magnitudes, but g and m 0 rather than subnormal."""
    theta, g, m, v = product(*[WIDE] * 4)(dtype, n, seed)
    tiny = np.finfo(dtype).tiny / np.finfo(dtype).eps
    g, m = (np.where(np.abs(a) < tiny, 0, a).astype(dtype) for a in (g, m))
    return [theta, g, m, np.square(v)]


def adam_formula(**settings: Any) -> Callable[..., Array]:
    """theta after one step of Adam."""

    def formula(theta, g, m, v):
        return optim.adam_step(theta, g, optim.AdamState(m, v, None, oracles.STEP - 1), optim.Adam(**settings))[0]

    return formula


SQUARED = "e^(-s/2), in NumPy up to 2.5 in float32, enters squared"
GREY = "of the terms' sum: a grey x cancels; x = 0 and x = 1 do not"
CANCELS = "of the terms' sum"
NUMPY = "in float32: NumPy's exp and log are off by up to 2.5"
ERFCX = "SciPy's erfcx is off by up to 7"
SUBNORMAL = "of the smallest subnormal: Phi(a), rounded to it, is multiplied by a"
ADAM = "of the terms' sum abs(theta) + abs(move), where the move's two terms, m and g, count each"
FROM_H = "of the terms' sum: computed from h, in which the tail is already rounded"

ACTIVATION_ROWS = [
    Quantity("tanh", activations.tanh, oracles.tanh, real(), kernel="tanh"),
    Quantity("tanh'", slope("tanh"), oracles.tanh_derivative, real(), note=FROM_H, derivative_of="tanh"),
    Quantity("relu", activations.relu, oracles.relu, real(), (0, 0)),
    Quantity("relu'", slope("relu"), oracles.relu_derivative, real(), (0, 0), derivative_of="relu"),
    Quantity("softplus", numerics.softplus, oracles.softplus, real(), kernel="softplus"),
    Quantity("softplus'", slope("softplus"), oracles.softplus_derivative, real(), derivative_of="softplus"),
    Quantity("sigmoid", numerics.sigmoid, oracles.sigmoid, real(), kernel="sigmoid"),
    Quantity("sigmoid'", slope("sigmoid"), oracles.sigmoid_derivative, real(), note=FROM_H, derivative_of="sigmoid"),
    Quantity("elu", activations.elu, oracles.elu, real()),
    Quantity("elu'", slope("elu"), oracles.elu_derivative, real(), note=FROM_H, derivative_of="elu"),
    Quantity("gelu", activations.gelu, oracles.gelu, above(-37, -12.5), (10, 6), note=ERFCX, tolerance=1e-12),
    Quantity(
        "gelu'",
        slope("gelu"),
        oracles.gelu_derivative,
        above(-37, -12.5),
        (10, 6),
        note=CANCELS + "; " + ERFCX,
        derivative_of="gelu",
        tolerance=1e-12,
    ),
    Quantity("gelu, far tail", activations.gelu, oracles.gelu, below(-37, -12.5), (60, 20), note=SUBNORMAL),
    Quantity("gelu', far tail", slope("gelu"), oracles.gelu_derivative, below(-37, -12.5), (60, 20), note=SUBNORMAL),
    Quantity("identity", activations.identity, oracles.identity, real(), (0, 0)),
    Quantity("identity'", slope("identity"), oracles.one, real(), (0, 0), derivative_of="identity"),
]

SPECIAL_ROWS = [
    Quantity("phi(s) = e^s - 1 - s", numerics.phi, oracles.phi, real(), kernel="phi"),
    Quantity(
        "normal density",
        numerics.normal_pdf,
        oracles.normal_pdf,
        real(),
        (4, 6),
        note=NUMPY,
        kernel="normal_pdf",
        derivative_of="normal distribution",
        tolerance=1e-12,
    ),
    Quantity(
        "normal distribution", numerics.normal_cdf, oracles.normal_cdf, real(), (10, 6), note=ERFCX, kernel="ndtr"
    ),
    Quantity(
        "log((e^a - 1) / a)",
        numerics.log_expm1_over,
        oracles.continuous_bernoulli_normaliser,
        real(),
        (4, 6),
        note=NUMPY,
        kernel="log_expm1_over",
    ),
    Quantity(
        "e^a / (e^a - 1) - 1/a",
        numerics.expm1_mean,
        oracles.continuous_bernoulli_mean,
        real(),
        kernel="mean_expm1",
        derivative_of="log((e^a - 1) / a)",
    ),
    Quantity(
        "log-mean-exp of 4",
        lambda *a: numerics.log_mean_exp(np.stack(a)),
        oracles.log_mean_exp,
        product(*[WIDE] * 4),
        note=CANCELS,
    ),
]

GAUSSIAN_ROWS = [
    Quantity("KL", matrices(gaussian.kl_terms), oracles.kl_term, product(WIDE, (math.inf,) * 2), headroom=2),
    Quantity(
        "KL, d/dmu",
        lambda mu, s: gaussian.kl_backward(np.ones_like(mu), mu, s)[0],
        oracles.kl_term_mu,
        product(WIDE, LOGVAR),
        (0, 0),
        derivative_of="KL",
    ),
    Quantity(
        "KL, d/dlogvar",
        lambda mu, s: gaussian.kl_backward(np.ones_like(mu), mu, s)[1],
        oracles.kl_term_logvar,
        product(WIDE, (math.inf,) * 2),
        headroom=2,
        derivative_of="KL",
        argument=1,
    ),
    Quantity(
        "z = mu + e^(s/2) eps",
        matrices(gaussian.reparameterise),
        oracles.reparameterise,
        product(WIDE, LOGVAR, WIDE),
        note=CANCELS,
    ),
    Quantity(
        "z, d/dlogvar",
        lambda mu, s, eps: gaussian.reparameterise_backward(np.ones_like(mu), s, eps)[1],
        oracles.reparameterise_logvar,
        product(WIDE, LOGVAR, WIDE),
        derivative_of="z = mu + e^(s/2) eps",
        argument=1,
    ),
    Quantity(
        "log N(z; mu, e^s)",
        columns(gaussian.log_normal),
        oracles.log_normal,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
    ),
    Quantity(
        "log N, d/dz",
        ones_backward(gaussian.log_normal_backward, 0),
        oracles.log_normal_z,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="log N(z; mu, e^s)",
    ),
    Quantity(
        "log N, d/dmu",
        ones_backward(gaussian.log_normal_backward, 1),
        oracles.log_normal_mu,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="log N(z; mu, e^s)",
        argument=1,
    ),
    Quantity(
        "log N, d/dlogvar",
        ones_backward(gaussian.log_normal_backward, 2),
        oracles.log_normal_logvar,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
        derivative_of="log N(z; mu, e^s)",
        argument=2,
    ),
    Quantity("log N(z; 0, 1)", columns(gaussian.log_standard_normal), oracles.log_standard_normal, real(), headroom=2),
    Quantity(
        "log N(z; 0, 1), d/dz",
        lambda z: gaussian.log_standard_normal_backward(np.ones_like(z), z[:, None])[:, 0],
        oracles.log_standard_normal_z,
        real(),
        (0, 0),
        derivative_of="log N(z; 0, 1)",
    ),
]

LIKELIHOOD_ROWS = [
    Quantity("Bernoulli", Bernoulli().log_density, oracles.bernoulli, pixel_and()),
    Quantity(
        "Bernoulli, d/da",
        lambda x, a: Bernoulli().gradient(x, a)[0],
        oracles.bernoulli_a,
        pixel_and(),
        note=GREY,
        derivative_of="Bernoulli",
        argument=1,
    ),
    Quantity(
        "continuous Bernoulli",
        ContinuousBernoulli().log_density,
        oracles.continuous_bernoulli,
        pixel_and(),
        (4, 6),
        note=f"{CANCELS}; {NUMPY}",
    ),
    Quantity(
        "continuous Bernoulli, d/da",
        lambda x, a: ContinuousBernoulli().gradient(x, a)[0],
        oracles.continuous_bernoulli_a,
        pixel_and(),
        note=GREY,
        derivative_of="continuous Bernoulli",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood",
        learned,
        oracles.gaussian,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
    ),
    Quantity(
        "Gaussian likelihood, d/dm",
        heteroscedastic(0),
        oracles.gaussian_m,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="Gaussian likelihood",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood, d/ds",
        heteroscedastic(1),
        oracles.gaussian_s,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
        derivative_of="Gaussian likelihood",
        argument=2,
    ),
]

ELEMENTARY_ROWS = [
    Quantity("exp", np.exp, oracles.exp, real(), kernel="exp"),
    Quantity("expm1", np.expm1, oracles.expm1, real(), kernel="expm1"),
    Quantity("log", np.log, oracles.log, lambda *args: [np.unique(np.abs(real()(*args)[0]))[1:]], kernel="log"),
    Quantity("log1p", np.log1p, oracles.log1p, lambda *args: [(p := real()(*args)[0])[p > -1]], kernel="log1p"),
]

ADAM_ROWS = [
    Quantity("Adam's step", adam_formula(), oracles.adam, adam_points, (6, 6), note=ADAM),
    Quantity(
        "Adam's step, epsilon-hat and decay",
        adam_formula(epsilon_hat=True, weight_decay=0.01),
        oracles.adam_reordered,
        adam_points,
        (6, 6),
        note=ADAM,
    ),
]

KERNEL_ROWS = [
    Quantity("sigma = e^(s/2)", None, oracles.deviation, real(*LOGVAR)),
    Quantity("log q(z), from eps", None, oracles.log_posterior, product(WIDE, LOGVAR), note=CANCELS, headroom=2),
    Quantity("log q(z), from eps, d/dmu", None, oracles.log_posterior_mu, product(WIDE, LOGVAR)),
    Quantity(
        "log q(z), from eps, d/dlogvar",
        None,
        oracles.log_posterior_logvar,
        product(WIDE, LOGVAR),
        note=CANCELS,
        headroom=2,
    ),
]
"""What the kernels compute from the noise, where the formulas take z."""

QUANTITIES = ELEMENTARY_ROWS + SPECIAL_ROWS + ACTIVATION_ROWS + GAUSSIAN_ROWS + LIKELIHOOD_ROWS + ADAM_ROWS
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES + KERNEL_ROWS}


@functools.cache
def grid(name: str, dtype: type, n: int) -> tuple[list[Array], list[Any]]:
    """The quantity's points, and the oracle's values there."""
    points = BY_NAME[name].points(dtype, n, 1)
    return points, targets(BY_NAME[name], points)
