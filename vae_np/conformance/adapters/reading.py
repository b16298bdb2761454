"""Which plan a program means, by the values that were seen: orders of heads, orientations, the activation.

Every relation is judged for itself: a layer's value by the input that it was given, z by the mu and logvar that were
made, so that one mistake spoils one relation and not the reading of all that comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import Plan
from vae_np.conformance.adapters.program import Observed
from vae_np.conformance.objective.forms import Form
from vae_np.conformance.objective.probes import Probe
from vae_np.conformance.objective.sampler import sampler_form
from vae_np.formulas.activations import ACTIVATIONS, Activation, get_activation
from vae_np.formulas.numerics import sigmoid

__all__ = ["LINKS", "Reading", "forward", "judged", "name_parts", "off", "read", "seen_of"]

Array = NDArray[Any]
CLOSE = 1e-9
"""Of the largest entry: what two float64 programs of one formula have in common, and two formulas do not."""
OURS = [name for name, kind in ACTIVATIONS.items() if kind.__module__ == Activation.__module__]
LINKS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda a: a,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "sigmoid twice": lambda a: sigmoid(sigmoid(a)),
}
"""What may follow the decoder's last layer."""


class Reading(NamedTuple):
    """A plan and what was seen by it."""

    plan: Plan
    weights: dict[str, Array]
    activation: str
    seen: dict[str, Array]
    """Stages as they were seen: z (N, K) and what comes after it without the axis of samples."""
    offs: dict[str, float]
    """How far each is from what the stage before it makes of it."""
    sampler: tuple[Form | None, float]
    """What z is made of, and the scale of its noise; None where it was not seen, or is of no known form."""


def off(given: Array, expected: Array) -> float:
    """The largest difference over the largest entry; infinite for other shapes and NaN."""
    if given.shape != expected.shape:
        return float("inf")
    found = float(np.max(np.abs(given - expected), initial=0.0)) / max(float(np.max(np.abs(expected), initial=0)), 1e-9)
    return found if np.isfinite(found) else float("inf")


def forward(plan: Plan, weights: Mapping[str, Array], activation: str, x: Array, eps: Array,
            seen: Mapping[str, Array]) -> dict[str, Array]:  # fmt: skip
    """The stages in order, each from the seen value of the one before it, or from ours where that was not seen."""
    h, found, act = x, {}, get_activation(activation)

    def stage(name: str, value: Array) -> Array:
        found[name] = value
        return seen.get(name, value)

    def layer(name: str, given: Array) -> Array:
        return given @ weights[f"{name}.W"] + weights[f"{name}.b"]

    for i in range(len(plan.hidden)):
        h = stage(f"encoder.{i}.h", act.forward(layer(f"encoder.{i}", h)))
    mu, logvar = (stage(name, layer(f"encoder.{name}", h)) for name in ("mu", "logvar"))
    h = stage("z", mu + np.exp(logvar / 2) * eps)
    for i in range(len(plan.decoder_hidden)):
        h = stage(f"decoder.{i}.h", act.forward(layer(f"decoder.{i}", h)))
    stage("raw", layer("decoder.out", h))
    return found


def read(
    plans: Iterable[Plan], tensors: Mapping[str, Array], observed: Observed, x: Array, eps: Array
) -> Reading | None:
    """The plan and the activation by which most of what was seen is explained; the most natural one of several.

    None if no plan has the sizes of x and eps.
    """
    best: tuple[float, Reading] | None = None
    for plan in plans:
        if (plan.features, plan.latent) != (x.shape[1], eps.shape[1]):
            continue
        weights = plan.weights(tensors)
        for activation in OURS:
            reading = _by(plan, weights, activation, observed, x, eps)
            score = _score(reading)
            if best is None or score > best[0] + 1e-9:
                best = score, reading
    return None if best is None else best[1]


def _by(plan: Plan, weights: dict[str, Array], activation: str, observed: Observed, x: Array, eps: Array) -> Reading:
    seen = seen_of(plan, observed)
    if not seen:
        seen = _from_parts(plan, weights, activation, observed, x, eps)
    return judged(Reading(plan, weights, activation, seen, {}, (None, 0.0)), x, eps)


def judged(reading: Reading, x: Array, eps: Array) -> Reading:
    """With every seen stage compared with what comes of the one before it."""
    plan, weights, activation, seen, *_ = reading
    made = forward(plan, weights, activation, x, eps, seen)
    offs = {name: off(seen[name], value) for name, value in made.items() if name in seen}
    sampler: tuple[Form | None, float] = (None, 0.0)
    if {"mu", "logvar", "z"} <= set(seen) and seen["z"].shape == eps.shape:
        sampler = sampler_form(seen["z"], Probe(x, x, seen["mu"], seen["logvar"], eps))
    return reading._replace(offs=offs, sampler=sampler)


def _score(reading: Reading) -> float:
    """Stages that are explained; a known mistake of the sampler is half of one, and names are worth a little."""
    score = float(sum(error <= CLOSE for error in reading.offs.values()))
    if reading.sampler[0] is not None and reading.offs.get("z", 0.0) > CLOSE:
        score += 0.5
    mu, logvar = (piece.tensor.lower() for piece in reading.plan.heads)
    hints = ("mu" in mu or "mean" in mu) + any(word in logvar for word in ("var", "std", "sig"))
    score += 0.1 * hints
    score -= 0.01 * (reading.activation == "identity")  # a layer without an activation is not what is meant
    return score - min(1.0, max(reading.offs.values(), default=0.0)) * 1e-3


def seen_of(plan: Plan, observed: Observed) -> dict[str, Array]:
    """The stages between the layers that were seen; none where no calls were."""
    calls = {call.layer.weight: call for call in observed.calls}
    if not calls:
        return {}
    mu, logvar = plan.heads
    given = [*plan.encoder[1:], mu.tensor] if plan.encoder else []
    seen = {f"encoder.{i}.h": calls[weight].given for i, weight in enumerate(given)}
    for name, piece in (("mu", mu), ("logvar", logvar)):
        seen[name] = piece.factor * calls[piece.tensor].made[..., piece.columns]
    seen["z"] = calls[plan.decoder[0]].given
    seen |= {f"decoder.{i}.h": calls[weight].given for i, weight in enumerate(plan.decoder[1:])}
    return seen | {"raw": calls[plan.decoder[-1]].made}


def _from_parts(plan: Plan, weights: dict[str, Array], activation: str, observed: Observed, x: Array,
                eps: Array) -> dict[str, Array]:  # fmt: skip
    """Of what was returned: for mu, logvar, z and raw the part that is nearest, if there is one of that shape.

    What came out before is taken out, so that the logits of probabilities stand for raw.
    """
    left, seen = dict(observed.parts), dict[str, Array]()
    for name in ("mu", "logvar", "z", "raw"):
        expected = forward(plan, weights, activation, x, eps, seen)[name]
        among = {key: value.reshape(len(x), -1) for key, value in left.items() if value.size == expected.size}
        if name == "raw":
            among |= {key: np.log(p) - np.log1p(-p) for key, p in among.items() if ((p > 0) & (p < 1)).all()}
        errors = {key: off(value, expected) for key, value in among.items()}
        key = min(errors, key=lambda key: errors[key], default=None)
        known: list[str] = []
        if name == "z" and {"mu", "logvar"} <= set(seen):  # by a known mistake, perhaps
            known = [k for k, z in among.items() if sampler_form(z, Probe(x, x, seen["mu"], seen["logvar"], eps))[0]]
            key = next(iter(known), key)
        if key is not None and (errors[key] <= CLOSE or name in ("mu", "logvar") or (name == "z" and known)):
            seen[name] = among[key]
            del left[key]
    return seen


def name_parts(parts: Mapping[str, Array], seen: Mapping[str, Array], x: Array) -> tuple[dict[str, str], str]:
    """The parts' keys by what they are: output, mu, logvar, sigma, variance, z; and the link of the output.

    A part is what it agrees with; one of the data's size that agrees with nothing is the output, of the link ``""``.
    """
    known: dict[str, Array] = {name: seen[name] for name in ("mu", "logvar", "z") if name in seen}
    if "logvar" in seen:
        known |= {"sigma": np.exp(seen["logvar"] / 2), "variance": np.exp(seen["logvar"])}
    found: dict[str, str] = {}
    link, others = "", []
    for key, value in parts.items():
        flat = value.reshape(len(x), -1) if value.ndim and len(value) == len(x) else value
        what = next((n for n, a in known.items() if n not in found and off(flat, a) <= CLOSE), None)
        if what is not None:
            found[what] = key
        elif flat.shape == x.shape and off(flat, x) > CLOSE:
            others.append((key, flat))
    for key, flat in others:
        linked = next((name for name, f in LINKS.items() if "raw" in seen and off(flat, f(seen["raw"])) <= CLOSE), "")
        if linked and not link:
            found["output"], link = key, linked
    if "output" not in found and others:
        found["output"] = others[0][0]
    return found, link
