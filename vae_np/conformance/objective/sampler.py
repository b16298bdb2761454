"""A sampler: what z is made of, by the noise that it is given or draws, and whether a gradient goes through it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.followed import GRID, Followed, follow_deviation
from vae_np.conformance.objective.forms import SAMPLERS, Form
from vae_np.conformance.objective.frameworks import Framework, framework_of
from vae_np.conformance.objective.naming import UNKNOWN, Finding
from vae_np.conformance.objective.probes import Probe, of_log_variance, probe, role_of
from vae_np.formulas.numerics import normal_cdf

__all__ = ["FROZEN", "check_sampler", "sampler_form", "unknown_sampler"]

Array = NDArray[Any]
OTHER_NOISE = (
    "the sampler cannot be judged: it draws noise in a way that is out of reach here (a generator kept in an object,"
    " perhaps); give a sampler of mu, logvar and eps"
)


FROZEN = "the noise was drawn before it is called, once for all its calls"


def check_sampler(f: Callable[..., Any], findings: list[Finding], facts: list[str]) -> None:
    """What z is made of, by the noise that it is given or that it draws, and by its derivatives."""
    if not inspect.isroutine(f):  # a layer of Keras or PyTorch
        f = getattr(f, "call", getattr(f, "forward", f))
    at, framework = probe(), framework_of(f)
    drawn: list[tuple[int, ...]] = []
    if (made_of := _of_another(f, framework)) is not None:
        facts.append(made_of)
        return
    with framework.noise(at.eps, drawn, f):
        given, how_called = _arguments(f, framework.key())
        arrays = [at.mu, at.logvar] + ([at.eps] if given else [])
        z = framework.call(how_called, arrays)[0]
        shapes = list(drawn)
        slopes = framework.gradients(how_called, arrays)
        again = framework.call(how_called, arrays)[0]
    times = "once, of the shape" if len(shapes) == 1 else f"{len(shapes)} times, of the shapes"
    how = "its noise is given" if given else f"draws noise {times} {', '.join(map(str, shapes)) or 'none'}"
    facts.append(f"the sampler, by {framework.name}: {how}")
    if z.shape != at.mu.shape:
        findings.append(Finding("sampler-shape", "H", f"z has the shape {z.shape}, not {at.mu.shape}"))
        return
    if not given and shapes and shapes[0] != at.mu.shape:
        shape = shapes[0]
        says = f"noise of the shape {shape} is drawn for {at.mu.shape}: " + (
            "every example has the same" if shape == at.mu.shape[1:] else "entries share it"
        )
        findings.append(Finding("eps-shared-batch" if shape == at.mu.shape[1:] else "eps-ignored", "H", says))
        return
    form, scale = sampler_form(z, at)
    made = _made_of_log_variance(how_called, framework, given, f)
    if form is None and made is not None and not made.id:
        facts.append(f"not graded: the sampler: {made.says.format('logvar')}")
        return
    if made is not None and (made.id != "head-activation" or form is None):
        findings.append(Finding(made.id, made.severity, made.says.format("the log-variance in the sampler")))
    if form is None and made is not None:
        return
    if form is None:
        if not given and not shapes and not np.array_equal(z, again):
            raise ValueError(OTHER_NOISE)
        found = unknown_sampler(z, at)
        frozen = found.id != "eps-ignored" and not given and not shapes and _is_frozen(how_called, framework, z, at)
        findings.append(Finding("eps-frozen", "H", FROZEN) if frozen else found)
        return
    if form.severity != "right":
        findings.append(Finding(form.id, form.severity, f"z is {form.says}"))
    elif abs(scale + 1) <= 1e-9:
        facts.append("z is mu - exp(s/2) eps, of the same distribution")
    elif abs(scale - 1) > 1e-9:
        findings.append(Finding("eps-std-not-one", "H", f"the noise is multiplied by {scale:.6g}"))
    else:
        facts.append(f"z is {form.says}")
    _sampler_slopes(slopes, at, findings)


def _of_another(f: Callable[..., Any], framework: Framework) -> str | None:
    """That it is right for what its second argument is called, the deviation, its logarithm or the variance; else None.

    One that is right for the log-variance whatever its argument is called is judged as such.
    """
    at = probe()
    names = [name for name, p in inspect.signature(f).parameters.items() if p.default is p.empty]
    name = next((name for name in [n for n in names if n.lower() not in KEYS][1:2]), "")
    role = role_of(name)
    if role not in OTHERS and role != "logvar" and name and _fails(f, framework, at):
        role = "var"  # it has no such root, or logarithm, of a negative number
    if role not in OTHERS:
        return None
    words, second = OTHERS[role], of_log_variance(at.logvar)[role]
    try:
        with framework.noise(at.eps, [], f):
            given, how_called = _arguments(f, framework.key())
            arrays = [at.mu, second] + ([at.eps] if given else [])
            z, slopes = framework.call(how_called, arrays)[0], framework.gradients(how_called, arrays)
    except Exception:  # it is asked as a sampler of the log-variance, and says then what it wants
        return None
    form, scale = sampler_form(z, at) if z.shape == at.mu.shape else (None, 0.0)
    if (
        form is None
        or form.severity != "right"
        or abs(abs(scale) - 1) > 1e-9
        or not (slopes[0].any() and slopes[1].any())
    ):
        return None
    return f"the sampler, by {framework.name}: of the mean and {words}, {name}: z is mu + sigma eps"


OTHERS = {"sigma": "the deviation", "logstd": "the logarithm of the deviation", "var": "the variance"}
"""What the second argument may be besides the log-variance, by its role."""


def _fails(f: Callable[..., Any], framework: Framework, at: Probe) -> bool:
    """Whether what it gives is not finite where the second argument is negative."""
    try:
        with framework.noise(at.eps, [], f):
            given, how_called = _arguments(f, framework.key())
            z = framework.call(how_called, [at.mu, at.logvar] + ([at.eps] if given else []))[0]
    except Exception:  # it is asked again, and says then what it wants
        return False
    return not np.isfinite(z).all()


def _is_frozen(how_called: Callable[..., Any], framework: Framework, z: Array, at: Probe) -> bool:
    """Whether (z - mu) / sigma is the same whatever mu and sigma are."""
    other = probe(seed=1)
    again = framework.call(how_called, [other.mu, other.logvar])[0]
    noise, moved = ((a - b.mu) / np.exp(b.logvar / 2) for a, b in ((z, at), (again, other)))
    return bool(np.abs(noise - moved).max() <= 1e-6 * np.abs(noise).max())


def _made_of_log_variance(how_called: Callable[..., Any], framework: Framework, given: bool,
                          within: Callable[..., Any]) -> Followed | None:  # fmt: skip
    """What is made of hard log-variances before they are a deviation: a clamp, say."""
    at, found = probe(), []
    mean, noise = np.zeros_like(at.mu), np.ones_like(at.eps)
    try:
        with framework.noise(noise, [], within):
            for start in range(0, len(GRID), mean.size):
                values = np.resize(GRID[start : start + mean.size], mean.shape)
                z = framework.call(how_called, [mean, values] + ([noise] if given else []))[0]
                found.append(z.ravel())
    except Exception:  # it takes no such numbers: what it does with ordinary ones is told
        return None
    return follow_deviation(GRID, np.concatenate(found)[: len(GRID)])


def _arguments(f: Callable[..., Any], key: Any) -> tuple[bool, Callable[..., Any]]:
    """Whether it takes its noise, and f as a function of mu, logvar and perhaps eps.

    A key is given to an argument of such a name; one argument alone is the pair of mu and logvar.
    """
    required = [p for p in inspect.signature(f).parameters.values() if p.default is inspect.Parameter.empty]
    required = [p for p in required if p.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)]
    keys = [p.name.lower() in KEYS for p in required]
    others = len(required) - sum(keys)
    if others == 1:
        return False, lambda mu, logvar: f(*[key if is_key else (mu, logvar) for is_key in keys])

    def called(*arrays: Any) -> Any:
        left = iter(arrays)
        return f(*[key if is_key else next(left) for is_key in keys])

    return others == 3, called


KEYS = {"key", "rng", "prng", "seed", "rng_key", "prng_key", "random_key", "z_rng", "rngs", "subkey"}
"""What the state of a generator is called."""


def sampler_form(z: Array, at: Probe) -> tuple[Form | None, float]:
    """The form that z has, of the probe's mu, logvar and eps, and the number that its noise is multiplied by."""
    for form in SAMPLERS:
        move = form.value(at.mu, at.logvar, at.eps) - at.mu
        given = z - at.mu
        if not move.any():
            if np.abs(given).max() <= 1e-12:
                return form, 1.0
            continue
        scale = float(np.sum(move * given) / np.sum(move * move))
        if scale and np.abs(given - scale * move).max() <= 1e-10 * np.abs(given).max():
            if form.id != "reparameterise" and abs(scale - 1) > 1e-9:
                continue
            return form, scale
    return None, 0.0


def unknown_sampler(z: Array, at: Probe) -> Finding:
    """Noise that is the same number everywhere names itself."""
    noise = (z - at.mu) / np.exp(at.logvar / 2)
    if np.ptp(noise) <= 1e-10 * np.abs(noise).max():
        return Finding(
            "eps-ignored", "H", f"(z - mu) / sigma is {noise[0, 0]:.6g} everywhere: one number for all noise"
        )
    if np.ptp(noise, axis=0).max() <= 1e-10 * np.abs(noise).max():
        return Finding("eps-shared-batch", "H", "(z - mu) / sigma is the same in every example")
    if (ends := _uniform(noise, at.eps)) is not None:
        says = f"the noise is uniform between {ends[0]:.6g} and {ends[1]:.6g}, not normal"
        return Finding("eps-not-normal", "H", says)
    ratio = noise / at.eps
    return Finding(
        UNKNOWN,
        "H",
        f"no known sampler; (z - mu) / (sigma eps) goes from {ratio.min():.6g} to {ratio.max():.6g}, not 1",
    )


def _uniform(noise: Array, eps: Array) -> tuple[float, float] | None:
    """The ends of a noise that was drawn between them, for which the program was given Phi(eps)."""
    share = normal_cdf(eps)
    width, low = np.polyfit(share.ravel(), noise.ravel(), 1)
    alike = np.abs(noise - low - width * share).max() <= 1e-9 * np.abs(noise).max()
    return (round(float(low), 9) + 0.0, round(float(low + width), 9)) if alike else None


def _sampler_slopes(slopes: list[Array], at: Probe, findings: list[Finding]) -> None:
    """A path that was cut: z depends on mu and logvar, and its derivative says that it does not."""
    if findings and findings[-1].id in ("eval-mean-as-elbo", "eval-mu-plus-sigma"):
        return
    if not slopes[0].any() or not slopes[1].any():
        which = "mu" if not slopes[0].any() else "logvar"
        findings.append(Finding("no-reparam", "H", f"z is detached from {which}: no gradient goes through the sample"))
