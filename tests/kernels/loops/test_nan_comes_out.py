"""NaN in any input of a kernel comes out; so does infinity of a likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from columns import columns
from kernel_cases import FLOATS, LIKELIHOODS, kernel_of, likelihood_case

from vae_np.formulas import optim
from vae_np.formulas.likelihoods import DiscretisedLogistic
from vae_np.kernels.loops import activation, adam, latent
from vae_np.kernels.loops.sums import BLOCK


def kernel_calls(dtype) -> dict[str, tuple]:
    """A call a kernel: the function, its inputs and its other arguments (kinds before the inputs, outputs after)."""
    n, d, samples = 5, 19, 2
    one = lambda *shape: np.full(shape, 0.5, dtype)  # noqa: E731
    rows, cube, row, weight = one(n, d), one(samples, n, d), one(d), one(samples, n)

    def call(function, inputs, outputs=(), before=(), in_place=()):
        """Inputs whose names are in ``in_place`` are outputs too."""
        return function, before, inputs, outputs, in_place

    def sums():
        return columns(2 * d, dtype=dtype)

    calls = {}
    for name, kind in activation.KINDS.items():
        tile = (0, n, 0, d)
        calls[name] = call(activation.forward, {"a": rows, "b": row}, (one(n, d), *tile), (kind,), ("a",))
        inputs = {"dh": rows, "kept": rows} if name != "identity" else {"dh": rows}
        after = tile if name != "identity" else (rows, *tile)
        calls[name + "'"] = call(activation.backward, inputs, after, (kind,), ("dh",))
    inputs = {"mu": rows, "mu_b": row, "logvar": rows, "logvar_b": row, "eps": cube}
    calls["latent.forward"] = call(latent.forward, inputs, (one(n, d), one(n, d), one(samples, n, d), 0, n))
    inputs = {"dz": cube, "eps": cube, "mu": rows, "logvar": rows, "sigma": rows, "dkl": rows}
    calls["latent.backward"] = call(latent.backward, inputs, (one(n, d), one(n, d), sums(), 0, n))
    inputs = {"z": cube, "eps": cube, "logvar": rows}
    calls["latent.densities"] = call(latent.densities, inputs, (one(samples, n), one(samples, n), one(BLOCK), 0, n))
    inputs = {"dz": cube, "z": cube, "prior": weight, "path": weight}
    calls["prior_backward"] = call(latent.prior_backward, inputs, (0, n), (), ("dz",))
    inputs = {"rest": weight, "direct": weight, "eps": cube, "sigma": rows}
    outputs = (one(n, d), one(n, d), sums(), 0, n)
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
    if isinstance(likelihood, DiscretisedLogistic) and value == np.inf and argument in ("raw", "b"):
        pytest.skip("an infinite mean gives the highest level its whole probability")
    for index in (0, -1):
        case = likelihood_case(likelihood, dtype, 3, 19, 2, 0)
        array = getattr(case, argument)
        if argument == "own":
            if not array:
                pytest.skip("it has no arrays of its own")
            array = next(iter(array.values()))
        array.flat[index] = value
        raw = case.raw.copy()
        log_p, gradient = kernel_of(likelihood, case)
        with np.errstate(all="ignore"):
            gradient(case.b)
        finite = np.isfinite(case.raw).all() if argument == "weight" else np.isfinite(case.out).all()
        case.raw[:] = raw
        assert not finite, f"{argument}[{index}] = {value} vanished"
        if argument != "weight":
            case.out[:] = 0
            with np.errstate(all="ignore"):
                log_p(case.b)
            assert not np.isfinite(case.out).all(), f"{argument}[{index}] = {value} vanished from the value"
