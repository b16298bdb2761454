"""The elementary functions against mpmath, in ULP; compiled, and with NUMBA_DISABLE_JIT=1."""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from mpmath import mp, mpf

from vae_np.kernels.compiler import decorators
from vae_np.kernels.compiler.decorators import COMPILED, kernel
from vae_np.kernels.math import elementary

DTYPES = (np.float64, np.float32)
LIMIT = 4  # ULP
TINIEST = {np.float64: -1074, np.float32: -149}
LARGEST = {np.float64: 1023, np.float32: 127}
DIGITS = {np.float64: 53, np.float32: 24}
WHOLE = (-math.inf, math.inf)


def target_features() -> list[str]:
    """What Numba compiles for: what the processor has, unless the environment names something else."""
    features = numba.config.CPU_FEATURES
    return (llvm.get_host_cpu_features().flatten() if features is None else features).split(",")


# ---- the oracle: definitions, in mpmath only, with as many more digits as they cancel ----


def definition(f: Callable[[mpf], mpf], at_zero: float | None = None) -> Callable[[mpf], mpf]:
    def exact(x: mpf) -> mpf:
        if x == 0 and at_zero is not None:
            return mpf(at_zero)
        with mp.workdps(60 + (max(0, -mp.mag(x)) * 3 // 5 if x else 0)):
            return f(x)

    return exact


def exact_ndtr(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1000 else mpf(x > 0)


def exact_pdf(x: mpf) -> mpf:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) if abs(x) < 1000 else mpf(0)


class Function(NamedTuple):
    """What is true of one function: its value, its domain, and where its formula changes."""

    exact: Callable[[mpf], mpf]
    turns: tuple[float, ...] = ()
    domain: tuple[float, float] = WHOLE
    terms: Callable[[mpf, mpf], mpf] = lambda x, value: value  # size that the error is relative to


HALF_LN2, ROOT = math.log(2) / 2, math.sqrt(2)
FUNCTIONS = {
    "exp": Function(mp.exp, (HALF_LN2, 3 * HALF_LN2, 709.78, 88.72, -708.4, -87.3)),
    "exp_down": Function(mp.exp, (-HALF_LN2, -708.4, -745.1, -87.3, -103.9), (-math.inf, 0)),
    "expm1": Function(mp.expm1, (HALF_LN2, -HALF_LN2, 3 * HALF_LN2, -37.4, -17, 709.78, 88.72)),
    "log": Function(mp.log, (1, ROOT, 1 / ROOT, 2.0**-1022, 2.0**-126), (0, math.inf)),
    "log1p": Function(mp.log1p, (ROOT - 1, 1 / ROOT - 1, 1, -1), (-1, math.inf)),
    "softplus": Function(definition(lambda a: mp.log1p(mp.exp(a))), (0, -37, 37, -17, 17)),
    "sigmoid": Function(lambda a: 1 / (1 + mp.exp(-a)) if a > -9999 else mp.exp(a), (-708.4, -87.3)),
    "tanh": Function(definition(mp.tanh), (0.6, -0.6, 9, 19)),
    "ndtr": Function(exact_ndtr, (0, -14.2, -13, -38.4, -37.5, -1.25, 8)),
    "normal_pdf": Function(exact_pdf, (14.2, -13, 38.4, -37.5)),
    "phi": Function(definition(lambda s: mp.exp(s) - 1 - s, 0), (1.25, -1.25, 88.72, 709.78)),
    "log_expm1_over": Function(
        definition(lambda a: mp.log(mp.expm1(a) / a) if a < 9999 else a - mp.log(a), 0),
        (3, -3),
        terms=lambda a, value: max(a, 0) + abs(value - max(a, 0)),
    ),
    "mean_expm1": Function(
        definition(lambda a: -1 / mp.expm1(-a) - 1 / a if a < 9999 else 1 - 1 / a, 0.5),
        (2, -2, 3.7, -3.7),
    ),
}


def ulp(got: float, exact: mpf, size: mpf, dtype: type) -> float:
    """|got - exact| in spacings of the correctly rounded value (of the terms' size); inf for NaN."""
    overflow = mp.ldexp(2 - mpf(2) ** -DIGITS[dtype], LARGEST[dtype])  # from here on inf is right
    if math.isinf(got) or math.isnan(got):
        return 0.0 if got * exact > 0 and abs(exact) >= overflow else math.inf
    exponent = mp.mag(size) - DIGITS[dtype] if size else TINIEST[dtype]
    unit = mp.ldexp(1, int(max(exponent, TINIEST[dtype])))
    return float(abs(mpf(float(got)) - exact) / unit)


def worst_ulp(name: str, got: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """The largest error in ULP, and where it is."""
    f, dtype = FUNCTIONS[name], x.dtype.type
    worst, where = -1.0, math.nan
    with mp.workdps(50):
        for value, point in zip(got.tolist(), x.tolist(), strict=True):
            exact = f.exact(mpf(point))
            error = ulp(value, exact, f.terms(mpf(point), exact), dtype)
            if not error <= worst:
                worst, where = error, point
    return worst, where


def points(name: str, dtype: type, n: int) -> np.ndarray:
    """Every magnitude, where the function varies, and where its formula changes; both signs."""
    rng = np.random.default_rng(list(name.encode()))
    low, high, top = (-300, 308, 745) if dtype is np.float64 else (-44.8, 38.5, 104)
    magnitudes = [
        10 ** rng.uniform(low, high, n),
        10 ** rng.uniform(-8, 0, n),
        10 ** rng.uniform(-2, 2, n),
        rng.uniform(0, 2, n),
        rng.uniform(0, 40, n),
        rng.uniform(0, top, n),
        np.ldexp(1.0, rng.integers(-149, 127, n // 10)),
    ]
    parts = [sign * m for m in magnitudes for sign in (1, -1)]
    for turn in FUNCTIONS[name].turns:
        steps = np.arange(-3, 4) * float(np.spacing(dtype(turn)))
        parts += [turn + steps, turn + 0.01 * rng.uniform(-1, 1, n // 10)]
    with np.errstate(over="ignore", under="ignore"):
        x = np.concatenate(parts).astype(dtype)
    first, last = FUNCTIONS[name].domain
    return x[(x > first) & (x < last)]


def loop(function: Callable[[float], float]) -> Callable[[np.ndarray, np.ndarray], None]:
    @kernel
    def over_array(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return over_array


LOOPS = {name: loop(getattr(elementary, name)) for name in FUNCTIONS}


def evaluate(name: str, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    LOOPS[name](x, out)
    return out


def test_every_public_function_has_an_oracle():
    assert sorted(FUNCTIONS) == sorted(elementary.__all__)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [40, *[pytest.param(200, marks=pytest.mark.slow)] * COMPILED])  # of each of 11 families
def test_error_is_at_most_4_ulp(n, name, dtype):
    x = points(name, dtype, n)
    worst, where = worst_ulp(name, evaluate(name, x), x)
    print(f"{name} {dtype.__name__}: {worst:.2f} ULP at {where!r}, {x.size} points")
    assert worst <= LIMIT, f"{name}({where!r}) is wrong by {worst:.1f} ULP in {dtype.__name__}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("exp", lambda x: np.exp(x) * (1 + 8 * np.finfo(x.dtype).eps)),
        ("expm1", lambda x: np.exp(x) - 1),
        ("log1p", lambda x: np.log(1 + x)),
        ("sigmoid", lambda x: 1 - 1 / (1 + np.exp(x))),
        ("normal_pdf", lambda x: np.exp(-x * x / 2) * x.dtype.type(1 / math.sqrt(2 * math.pi))),
        ("phi", lambda x: np.expm1(x) - x),
        ("tanh", lambda x: np.where(abs(x) < 9, np.tanh(x), np.nan)),
    ],
)
def test_the_check_notices_a_planted_mistake(name, wrong, dtype):
    x = points(name, dtype, 40)
    with np.errstate(all="ignore"):
        worst, _ = worst_ulp(name, wrong(x).astype(dtype), x)
    assert worst > LIMIT


INF, NAN = math.inf, math.nan
SPECIAL = {
    "exp": {-INF: 0, INF: INF, 0.0: 1, 1e30: INF, -1e30: 0},
    "exp_down": {-INF: 0, 0.0: 1, -1e30: 0},
    "expm1": {-INF: -1, INF: INF, 1e30: INF, -1e30: -1},
    "log": {0.0: -INF, -1.0: NAN, -1e-42: NAN, -INF: NAN, INF: INF, 1.0: 0},
    "log1p": {-1.0: -INF, -1.5: NAN, -INF: NAN, INF: INF},
    "softplus": {-INF: 0, INF: INF, -1e30: 0, 1e30: 1e30},
    "sigmoid": {-INF: 0, INF: 1, 0.0: 0.5, -1e30: 0, 1e30: 1},
    "tanh": {-INF: -1, INF: 1, -1e30: -1, 1e30: 1},
    "ndtr": {-INF: 0, INF: 1, 0.0: 0.5, -1e30: 0, 1e30: 1},
    "normal_pdf": {-INF: 0, INF: 0, -1e30: 0, 1e30: 0},
    "phi": {-INF: INF, INF: INF, 0.0: 0, -1e30: 1e30, 1e30: INF},
    "log_expm1_over": {-INF: -INF, INF: INF, 1e30: 1e30},
    "mean_expm1": {-INF: 0, INF: 1, 0.0: 0.5},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values_are_exact_and_nan_gives_nan(name, dtype):
    x = np.array([*SPECIAL[name], NAN, -NAN] * 9, dtype=dtype)  # long enough for the vector loop
    expected = np.array([*SPECIAL[name].values(), NAN, NAN] * 9, dtype=dtype)
    np.testing.assert_array_equal(evaluate(name, x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_down_has_the_bits_of_exp(dtype):
    x = np.append(points("exp_down", dtype, 200), np.linspace(-760, 0, 4001, dtype=dtype))
    np.testing.assert_array_equal(evaluate("exp_down", x), evaluate("exp", x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "log_expm1_over"])
def test_zero_keeps_its_sign(name, dtype):
    out = evaluate(name, np.array([0.0, -0.0] * 9, dtype=dtype))
    np.testing.assert_array_equal(out, 0)
    np.testing.assert_array_equal(np.signbit(out), [False, True] * 9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision_stays_in_single_precision(name):
    value = getattr(elementary, name)(np.float32(0.7))
    assert isinstance(value, float if COMPILED else np.float32)  # Numba returns Python numbers
    assert float(value) == float(np.float32(value))


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
@pytest.mark.skipif("+avx2" not in target_features(), reason="Numba does not compile for AVX2 here")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_loop_over_an_array_is_vectorised(name, dtype):
    compiled, arrays = LOOPS[name], (np.ones(8, dtype=dtype), np.empty(8, dtype=dtype))
    compiled(*arrays)
    if compiled.stats.cache_hits:  # what comes from the disk cannot be looked into
        compiled = numba.njit(**decorators._KERNEL)(compiled.py_func)
        compiled(*arrays)
    (code,) = [code for (x, _), code in compiled.inspect_asm().items() if x.dtype == numba.from_dtype(np.dtype(dtype))]
    suffix = "pd" if dtype is np.float64 else "ps"
    packed = re.findall(rf"\bv(?:mul|fm|fnm)\w*{suffix}\s.*%[yz]mm", code)
    assert len(packed) > 5, f"{len(packed)} packed multiplications"
    assert not re.search(r"\b(?:expf?|logf?|log1pf?|expm1f?|tanhf?|erfcf?)@", code)
