"""Every fused kernel against the oracle: at most 4 ULP at every magnitude, or what is said; the check must bite."""

from __future__ import annotations

import numpy as np
import pytest
from fused import FUSED, NAMES
from quantities import BY_NAME, grid, measure

from vae_np.kernels.compiler.decorators import COMPILED

FLOATS = [np.float64, np.float32]
N = 500 if COMPILED else 40  # 500 is what test_formulas asks for: the oracle's values are shared
LIMIT = 4
SUBNORMAL = {"gelu, far tail": 20, "gelu', far tail": 32}
"""Units of the smallest subnormal: Phi(a), rounded to it, is multiplied by a, up to 38.5."""


# 1/sigma is off by 3 ULP (e^(s/2), the share of the floor, the root, the quotient), and enters squared
WITH_FLOOR = dict.fromkeys((f"Gaussian likelihood with a floor{end}" for end in ("", ", d/dm", ", d/ds")), 8)


def check(name: str, function, dtype) -> None:
    """The one check."""
    points, exact = grid(name, dtype, N)
    finding = measure(function, BY_NAME[name], points, exact)
    limit = (SUBNORMAL | WITH_FLOOR).get(name, LIMIT)
    assert finding.error <= limit, f"{name}, {np.dtype(dtype).name}: {finding} ULP where {limit} are allowed"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FUSED)
def test_a_kernel_is_the_oracle_to_4_ulp_at_every_magnitude(name, dtype):
    for function in FUSED[name]:
        check(name, function, dtype)


def test_every_quantity_has_a_kernel_but_those_that_are_no_part_of_a_step():
    without = {name for name, quantity in BY_NAME.items() if name not in FUSED and not quantity.kernel}
    # the kernels take log q from the noise, and log-mean-exp is the objective's, over S N numbers
    assert without == {"log-mean-exp of 4", "log N(z; mu, e^s)"} | {f"log N, d/d{a}" for a in ("z", "mu", "logvar")}
    assert {f"{name}'" for name in NAMES} < set(FUSED)


def wrong(name: str, change):
    """The first kernel of that name with its result changed."""
    return lambda *points: np.asarray(change(FUSED[name][0](*points)), points[0].dtype)


def few_ulp(y):
    return y * (1 + 8 * np.finfo(y.dtype).eps)


def nan_somewhere(y):
    return np.where(np.arange(len(y)) == len(y) // 2, np.nan, y)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("change", [few_ulp, nan_somewhere, lambda y: -y, lambda y: np.clip(y, -1e3, 1e3) * 0.999999])
@pytest.mark.parametrize("name", [name for name in FUSED if name not in SUBNORMAL])
def test_the_check_finds_the_mistake(name, change, dtype):
    with pytest.raises(AssertionError, match="ULP where"):
        check(name, wrong(name, change), dtype)


@pytest.mark.skipif(not COMPILED, reason="a million steps of plain Python")
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here")
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_gaussian_likelihood_is_exact_to_4_ulp_at_many_points(dtype):
    """Its square doubles every error, so that the worst of a few hundred points says little."""
    generator, n = np.random.default_rng(3), 300_000
    s, m = generator.uniform(-20, 20, n).astype(dtype), generator.normal(0, 3, n).astype(dtype)
    x = (m + np.exp(s / 2) * generator.normal(0, 30, n)).astype(dtype)
    wide = s.astype(np.longdouble)
    inverse = np.exp(-wide)
    d = x.astype(np.longdouble) - m
    square = d * d * inverse
    exact = [-0.5 * (square + wide + np.log(2 * np.longdouble(np.pi))), d * inverse, 0.5 * (square - 1)]
    sizes = [0.5 * (square + np.abs(wide) + 2), np.abs(d * inverse), 0.5 * (square + 1)]
    for part, name in enumerate(["", ", d/dm", ", d/ds"]):
        for function in FUSED["Gaussian likelihood" + name][part == 0 :]:  # the value of fixed ones is slow to ask for
            error = np.abs(function(x, m, s) - exact[part]) / np.spacing(sizes[part].astype(dtype))
            worst = np.argmax(error)
            assert error[worst] <= LIMIT, f"{name} at {x[worst]}, {m[worst]}, {s[worst]}: {error[worst]:.2f} ULP"


@pytest.mark.parametrize(("x", "m", "s"), [(-3e131, 38.0, -744.0), (-10.0, -0.6, -949.0), (1e150, 0.0, -1400.0)])
def test_a_gaussian_likelihood_overflows_to_infinity_and_not_to_nan(x, m, s):
    point = [np.array([v] * 9) for v in (x, m, s)]
    exact = float(BY_NAME["Gaussian likelihood"].oracle(x, m, s).value)
    for function in FUSED["Gaussian likelihood"]:
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(function(*point), exact, rtol=1e-14)
    for function in FUSED["Gaussian likelihood, d/dm"]:
        with np.errstate(all="ignore"):
            assert not np.isnan(function(*point)).any()
