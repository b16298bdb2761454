"""What the kernels fuse, each as a function of arrays like its formula: by the names of the table of quantities.

A kernel of rows is given one row (its vector loop), and where it sums over features also one column (a sum of one).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import oracles
from columns import columns

from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.optim import Adam
from vae_np.kernels.compiler.decorators import kernel
from vae_np.kernels.loops import activation, adam, latent, likelihoods
from vae_np.kernels.loops.sums import BLOCK
from vae_np.kernels.math import elementary

Array = np.ndarray
Function = Callable[..., Array]


def room(a: Array) -> Array:
    """For a block's terms."""
    return np.empty(BLOCK, a.dtype)


def elementary_loop(name: str) -> Function:
    """The compiled elementary function over an array."""
    function = getattr(elementary, name)

    def loop(a, out):
        for i in range(a.size):
            out[i] = function(a[i])

    loop = kernel(loop)

    def over(a: Array) -> Array:
        out = np.empty_like(a)
        loop(a, out)
        return out

    return over


def activated(name: str, a: Array) -> tuple[Array, Array]:
    """h and what is kept for the slope, of one row."""
    h, kept = a[None].copy(), a[None].copy()
    activation.forward(activation.KINDS[name], h, np.zeros_like(a), kept, 0, 1, 0, len(a))
    return h, kept if name == "gelu" else h


def forward(name: str) -> Function:
    """An activation."""
    return lambda a: activated(name, a)[0][0]


def slope(name: str) -> Function:
    """Its derivative: the backward kernel at a cotangent of 1, on what the forward kernel kept."""

    def function(a: Array) -> Array:
        dh = np.ones_like(a[None])
        activation.backward(activation.KINDS[name], dh, activated(name, a)[1], 0, 1, 0, len(a))
        return dh[0]

    return function


def latent_forward(part: str) -> Function:
    """sigma, kl or z of (mu, s, eps)."""

    def function(mu: Array, s: Array, eps: Array | None = None) -> Array:
        out = {name: np.empty_like(mu[None]) for name in ("sigma", "kl")} | {"z": np.empty_like(mu[None, None])}
        eps = np.zeros_like(mu) if eps is None else eps
        none = np.zeros_like(mu)
        latent.forward(mu[None].copy(), none, s[None].copy(), none, eps[None, None], *out.values(), 0, 1)
        return out[part].reshape(-1)

    return function


def latent_backward(mu: Array, s: Array, sigma: Array, eps: Array, dz: float, dkl: float) -> tuple[Array, Array]:
    """Dmu and dlogvar for constant cotangents."""
    dmu, dlogvar = (np.empty_like(mu) for _ in range(2))
    rows = [np.ascontiguousarray(a[None]) for a in (mu, s, sigma, np.full_like(mu, dkl), dmu, dlogvar)]
    latent.backward(
        np.full_like(mu, dz)[None, None], eps[None, None], *rows, columns(2 * len(mu), dtype=mu.dtype), 0, 1
    )
    return rows[4][0], rows[5][0]


def kl_slope(part: int) -> Function:
    """KL's gradient."""
    return lambda mu, s: latent_backward(mu, s, np.ones_like(mu), np.zeros_like(mu), 0, 1)[part]


def z_slope(mu: Array, s: Array, eps: Array) -> Array:
    """z's derivative with respect to s."""
    return latent_backward(mu, np.zeros_like(mu), sigma(s), eps, 1, 0)[1]


def sigma(s: Array) -> Array:
    """e^(s/2)."""
    return latent_forward("sigma")(np.zeros_like(s), s)


def densities(z: Array, eps: Array, s: Array) -> tuple[Array, Array]:
    """log p(z) and log q(z), a dimension each."""
    prior, posterior = np.empty((2, 1, len(z)), z.dtype)
    latent.densities(z[None, :, None], eps[None, :, None], s[:, None], prior, posterior, room(z), 0, len(z))
    return prior[0], posterior[0]


def dz(z: Array) -> Array:
    """log p(z)'s derivative with respect to z."""
    out, one = np.zeros_like(z)[None, None], np.ones((1, 1), z.dtype)
    latent.prior_backward(out, z[None, None], one, one, 0, 1)
    return out[0, 0]


def direct(part: int) -> Function:
    """log q's direct derivative with respect to mu and s."""

    def function(eps: Array, s: Array) -> Array:
        out = np.zeros((2, 1, len(s)), s.dtype)
        one = np.ones((1, 1), s.dtype)
        latent.posterior_backward(
            one, one, eps[None, None], sigma(s)[None], *out, columns(2 * len(s), dtype=s.dtype), 0, 1
        )
        return out[part, 0]

    return function


def likelihood_value(kind: likelihoods.Bernoulli | likelihoods.ContinuousBernoulli) -> Function:
    """log p of each feature, as of rows with one feature."""

    def function(x: Array, a: Array) -> Array:
        out, raw = np.empty_like(a), a[:, None].copy()
        likelihoods.value(kind, raw, np.zeros(1, a.dtype), x[:, None], out, room(a), 0, len(a))
        np.testing.assert_array_equal(raw[:, 0], a)
        return out

    return function


def likelihood_value_with_gradient(kind: likelihoods.Bernoulli | likelihoods.ContinuousBernoulli) -> Function:
    """The same from the kernel of the gradient."""

    def function(x: Array, a: Array) -> Array:
        out, one = np.empty_like(a), np.ones_like(a)
        rows = a[:, None].copy(), np.zeros_like(a[:1]), x[:, None]
        likelihoods.gradient(kind, *rows, one, out, room(a), 0, len(a))
        return out

    return function


def likelihood_slope(kind: likelihoods.Bernoulli | likelihoods.ContinuousBernoulli) -> Function:
    """d/da of each feature of one row."""

    def function(x: Array, a: Array) -> Array:
        raw, one = a[None].copy(), np.ones(1, a.dtype)
        likelihoods.gradient(kind, raw, np.zeros_like(a), x[None], one, one.copy(), room(one), 0, 1)
        return raw[0]

    return function


def inverse(s: Array) -> Array:
    """e^(-s/2) in two parts, (2, D)."""
    out = np.empty((2, len(s)))
    likelihoods.inverse_deviation(s, *out)
    return out


def reciprocal(sigma: Array) -> Array:
    """1/sigma in two parts, (2, D)."""
    return np.array([likelihoods.reciprocal(float(v)) for v in sigma]).T


def of_features(s: Array, scale: Array | None, floor: float) -> likelihoods.Gaussian:
    """A Gaussian's arrays: what `prepare.gaussian` makes."""
    logvar, slope, ds = s.copy(), np.ones(len(s)), np.empty((1, len(s)), s.dtype)
    found = np.ascontiguousarray(inverse(s) if scale is None else scale)
    if floor:
        likelihoods.floored(logvar, floor, logvar, *found, slope)
    return likelihoods.Gaussian(logvar, *found, ds, slope)


def gaussian_value(floor: float = 0.0) -> Function:
    """log p with a deviation a feature."""

    def function(x: Array, m: Array, s: Array, scale: Array | None = None) -> Array:
        out, none = np.empty_like(m), np.zeros(1, m.dtype)
        for i in range(len(m)):
            j = slice(i, i + 1)
            kind = of_features(s[j], None if scale is None else scale[:, j], floor)
            likelihoods.value(kind, m[j, None].copy(), none, x[j, None], out[j], room(m), 0, 1)
        return out

    return function


def gaussian_slope(part: int, floor: float = 0.0) -> Function:
    """d/dm or d/ds of each feature of one row."""

    def function(x: Array, m: Array, s: Array, scale: Array | None = None) -> Array:
        raw, one = m[None].copy(), np.ones(1, m.dtype)
        kind = of_features(s, scale, floor)
        likelihoods.gradient(kind, raw, np.zeros_like(m), x[None], one, one.copy(), room(one), 0, 1)
        ds = np.empty_like(m)
        likelihoods.own_gradient(kind, ds, columns(len(ds), dtype=ds.dtype))
        return (raw[0], ds)[part]

    return function


def of_sigma(function: Function) -> Function:
    """The same where sigma is a number."""
    return lambda x, m, sigma: function(x, m, logvar_of(sigma), np.ascontiguousarray(reciprocal(sigma)))


def logvar_of(sigma: Array) -> Array:
    """What the likelihood says s is."""
    return np.array([Gaussian(float(v)).logvar for v in sigma], sigma.dtype)


def from_decoder(floor: float) -> likelihoods.Heteroscedastic | likelihoods.FlooredHeteroscedastic:
    """The kind of (m, s)."""
    return likelihoods.FlooredHeteroscedastic(floor, 2 * math.log(floor)) if floor else likelihoods.Heteroscedastic()


def heteroscedastic_value(floor: float = 0.0) -> Function:
    """log p from (m, s)."""

    def function(x: Array, m: Array, s: Array) -> Array:
        out, raw = np.empty_like(m), np.stack([m, s], axis=1)
        likelihoods.value(from_decoder(floor), raw, np.zeros(2, m.dtype), x[:, None], out, room(m), 0, len(m))
        return out

    return function


def heteroscedastic_slope(part: int, floor: float = 0.0) -> Function:
    """d/dm or d/ds of each feature of one row."""

    def function(x: Array, m: Array, s: Array) -> Array:
        raw, one = np.concatenate([m, s])[None], np.ones(1, m.dtype)
        kind = from_decoder(floor)
        likelihoods.gradient(kind, raw, np.zeros_like(raw[0]), x[None], one, one.copy(), room(one), 0, 1)
        return raw[0, part * len(m) : (part + 1) * len(m)]

    return function


def adam_step(**settings: float) -> Function:
    """theta after one step, by the kernel without and, with v_max = 0, with AMSGrad."""

    def function(theta: Array, g: Array, m: Array, v: Array) -> Array:
        optimizer = Adam(**settings)
        numbers = np.array([*adam.settings_of(optimizer), oracles.STEP, optimizer.rate(oracles.STEP)])
        constants = tuple(map(theta.dtype.type, adam.constants_of(numbers, 1.0, theta.dtype.type(0))))
        one, other = theta.copy(), theta.copy()
        adam.step(one, g, m.copy(), v.copy(), constants)
        adam.amsgrad_step(other, g, m.copy(), v.copy(), np.zeros_like(v), constants)
        np.testing.assert_array_equal(one, other)
        return one

    return function


FLOOR = float(oracles.FLOOR)
NAMES = ["tanh", "relu", "softplus", "sigmoid", "elu", "gelu", "identity"]
BERNOULLI, CONTINUOUS = likelihoods.Bernoulli(), likelihoods.ContinuousBernoulli()
FUSED: dict[str, tuple[Function, ...]] = {
    **{name: (forward(name),) for name in NAMES},
    **{f"{name}'": (slope(name),) for name in NAMES},
    "gelu, far tail": (forward("gelu"),),
    "gelu', far tail": (slope("gelu"),),
    "KL": (latent_forward("kl"),),
    "KL, d/dmu": (kl_slope(0),),
    "KL, d/dlogvar": (kl_slope(1),),
    "sigma = e^(s/2)": (sigma,),
    "z = mu + e^(s/2) eps": (latent_forward("z"),),
    "z, d/dlogvar": (z_slope,),
    "log N(z; 0, 1)": (lambda z: densities(z, np.zeros_like(z), np.zeros_like(z))[0],),
    "log N(z; 0, 1), d/dz": (dz,),
    "log q(z), from eps": (lambda eps, s: densities(np.zeros_like(eps), eps, s)[1],),
    "log q(z), from eps, d/dmu": (direct(0),),
    "log q(z), from eps, d/dlogvar": (direct(1),),
    "Bernoulli": (likelihood_value(BERNOULLI), likelihood_value_with_gradient(BERNOULLI)),
    "Bernoulli, d/da": (likelihood_slope(BERNOULLI),),
    "continuous Bernoulli": (likelihood_value(CONTINUOUS), likelihood_value_with_gradient(CONTINUOUS)),
    "continuous Bernoulli, d/da": (likelihood_slope(CONTINUOUS),),
    "Gaussian likelihood": (gaussian_value(), heteroscedastic_value()),
    "Gaussian likelihood, d/dm": (gaussian_slope(0), heteroscedastic_slope(0)),
    "Gaussian likelihood, d/ds": (gaussian_slope(1), heteroscedastic_slope(1)),
    "Gaussian likelihood, sigma a number": (of_sigma(gaussian_value()),),
    "Gaussian likelihood, sigma a number, d/dm": (of_sigma(gaussian_slope(0)),),
    "Gaussian likelihood with a floor": (gaussian_value(FLOOR), heteroscedastic_value(FLOOR)),
    "Gaussian likelihood with a floor, d/dm": (gaussian_slope(0, FLOOR), heteroscedastic_slope(0, FLOOR)),
    "Gaussian likelihood with a floor, d/ds": (gaussian_slope(1, FLOOR), heteroscedastic_slope(1, FLOOR)),
    "Adam's step": (adam_step(),),
    "Adam's step, epsilon-hat and decay": (adam_step(epsilon_hat=True, weight_decay=0.01),),
}
