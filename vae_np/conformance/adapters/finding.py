"""What is found of a program before anything is compared: its sizes, its reading, what its sampler and layers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.heads import of_shared_head
from vae_np.conformance.adapters.mapping import Layer, NotDense, layers_of, plans
from vae_np.conformance.adapters.objective import Graded
from vae_np.conformance.adapters.program import Call, Observed, Program
from vae_np.conformance.adapters.reading import CLOSE, OURS, Reading, forward, off, read, seen_of
from vae_np.conformance.cases import Case
from vae_np.conformance.objective.naming import UNKNOWN, Finding
from vae_np.conformance.objective.probes import Probe
from vae_np.conformance.objective.sampler import FROZEN, OTHER_NOISE, unknown_sampler

__all__ = [
    "find", "make_telling", "of_activations", "of_gradients", "of_link", "of_sampler", "with_deviations",
]  # fmt: skip

Array = NDArray[Any]


def make_telling(program: Program, facts: list[str]) -> None:
    """Noise for tensors that are one number everywhere: a bias of 0 that is left out, or added twice, shows nothing.

    Raises
    ------
    ValueError
        If a weight is not finite.
    """
    tensors = program.tensors()
    if not tensors:
        raise NotDense("it has no parameters")
    flat = {}
    draw = np.random.Generator(np.random.Philox(3))
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
            raise ValueError(f"its weights are not finite: {name} is {value[at]} at {list(at)}")
        if value.size > 1 and np.ptp(value) == 0:
            flat[name] = (value + draw.normal(0, 0.1, value.shape)).astype(np.float32).astype(np.float64)
    if flat:
        program.write(flat)
        facts.append(f"these were one number everywhere, and got noise of 0.1 so that they show: {', '.join(flat)}")


def find(program: Program) -> tuple[Reading, Observed]:
    """The sizes by trial, and the reading by the values that were seen.

    Raises
    ------
    NotDense
        If its layers are no encoder, heads and decoder, or its activation is none of ours.
    ValueError
        If forward cannot be called, or returns nothing that can be told.
    """
    observed, features = _first_call(program)
    tensors = program.tensors()
    layers = [call.layer for call in observed.calls] or layers_of({name: a.shape for name, a in tensors.items()})
    of_shared_head(program, observed, features)
    twice = [layer.weight for i, layer in enumerate(layers) if any(layer.weight == o.weight for o in layers[:i])]
    if twice:
        raise NotDense(f"its networks are no chains of dense layers: {twice[0]} is used more than once")
    among = [plan for plan in plans(layers) if plan.features == features]
    if not among:
        shown = ", ".join(f"{layer.weight} {_says(layer)}" for layer in layers)
        raise NotDense(f"its dense layers are no encoder, heads of mu and logvar, and decoder: {shown}")
    drawn = {shape[-1] for shape in observed.drawn if shape}
    latent = next((plan.latent for plan in among if plan.latent in drawn), among[0].latent)
    x, eps = building.data(features)[: building.FIRST], building.noise(latent)[0]
    observed, again = program.forward(x, eps), program.forward(x, eps)
    if any(off(again.parts[name], value) > CLOSE for name, value in observed.parts.items()):
        raise ValueError("two calls of its forward with the same noise differ: it draws from a generator of its own")
    if not observed.parts:
        raise ValueError(
            "its forward returns no tensors: output, mu and logvar are expected, in a tuple, a dict or an object"
        )
    reading = read(among, tensors, observed, x, eps)
    if reading is not None and max(reading.offs.values(), default=0.0) > CLOSE:
        fuller = _with_biases(observed, tensors)
        fuller_plans = [plan for plan in plans([call.layer for call in fuller.calls]) if plan.features == features]
        other = read(fuller_plans, tensors, fuller, x, eps)
        if other is not None and max(other.offs.values(), default=0.0) <= CLOSE:
            return other, fuller
    first = reading.plan.encoder[0] if reading is not None and reading.plan.encoder else None
    changed = [call for call in observed.calls if call.layer.weight == first and off(call.given, x) > CLOSE]
    if changed:
        raise NotDense(f"its first layer, {first}, is not given x: its forward makes something else of it")
    if reading is None:
        raise ValueError(f"its forward draws noise of the shapes {list(observed.drawn)}, none of them {eps.shape}")
    return reading, observed


def _with_biases(observed: Observed, tensors: Mapping[str, Array]) -> Observed:
    """The calls with the biases that their weights' names promise, where none was seen to be added."""
    known = {layer.weight: layer.bias for layer in layers_of({name: a.shape for name, a in tensors.items()})}
    seen = {call.layer.bias for call in observed.calls}
    calls = []
    for call in observed.calls:
        bias = known.get(call.layer.weight)
        if call.layer.bias is None and bias is not None and bias not in seen:
            call = Call(call.layer._replace(bias=bias), call.given, call.made + tensors[bias].reshape(-1))
        calls.append(call)
    return observed._replace(calls=tuple(calls))


def _says(layer: Layer) -> str:
    rows, columns = layer.shape
    return f"{columns}->{rows}" if layer.turned else f"{rows}->{columns}"


def _first_call(program: Program) -> tuple[Observed, int]:
    """At the first number of features that forward takes."""
    problem: ValueError | None = None
    for features in program.sizes():
        try:
            observed = program.forward(building.data(features)[: building.FIRST], building.noise(1)[0])
        except ValueError as error:
            problem = problem or error
            continue
        return observed, features
    raise problem or NotDense("its networks are no chains of dense layers: it has no matrices")


def of_activations(reading: Reading, x: Array, eps: Array) -> list[Finding]:
    """A hidden layer that has no activation where others have one.

    Raises
    ------
    NotDense
        If an activation is none of ours, or not all layers have the same.
    """
    hidden = [name for name in reading.offs if name.endswith(".h")]
    wrong = [name for name in hidden if reading.offs[name] > CLOSE]
    found = []
    for name in wrong:
        others = {
            other: off(reading.seen[name], forward(reading.plan, reading.weights, other, x, eps, reading.seen)[name])
            for other in OURS
        }
        nearest = min(others, key=lambda other: others[other])
        layer = name.removesuffix(".h")
        if others[nearest] > CLOSE:
            raise NotDense(
                f"what follows {layer} is none of {', '.join(OURS)}:"
                f" the nearest, {nearest}, is off by {others[nearest]:.1e}"
            )
        if nearest != "identity":
            raise NotDense(
                f"{layer} has {nearest}, others {reading.activation}: vae_np has one activation for all layers"
            )
        says = f"nothing follows {layer}, where the other hidden layers have {reading.activation}"
        found.append(Finding("activation-missing", "H", says))
    return found


def of_sampler(program: Program, reading: Reading, observed: Observed, eps: Array) -> list[Finding]:
    """What z is, where it was seen and is not mu + exp(logvar / 2) eps."""
    if "z" not in reading.offs or reading.offs["z"] <= CLOSE:
        return []
    form, scale = reading.sampler
    if form is not None and form.severity == "right":
        return [Finding("eps-std-not-one", "H", f"the noise is multiplied by {scale:.6g}")]
    if form is not None:
        return [Finding(form.id, form.severity, f"z is {form.says}")]
    if not observed.drawn:
        return [_without_draws(program, reading, eps)]
    shape = observed.drawn[0]
    if shape != eps.shape:
        shared = shape == eps.shape[1:]
        says = f"noise of the shape {shape} is drawn for {eps.shape}"
        return [Finding("eps-shared-batch" if shared else "eps-ignored", "H", says)]
    seen = reading.seen
    if seen["z"].shape != eps.shape:
        return [Finding("sampler-shape", "H", f"z has the shape {seen['z'].shape}, not {eps.shape}")]
    return [unknown_sampler(seen["z"], Probe(eps, eps, seen["mu"], seen["logvar"], eps))]


def _without_draws(program: Program, reading: Reading, eps: Array) -> Finding:
    """A noise that nothing draws: one number, or what was drawn when the model was made."""
    noise = _noise_of(reading.seen)
    found = unknown_sampler(reading.seen["z"], Probe(eps, eps, reading.seen["mu"], reading.seen["logvar"], eps))
    if found.id == "eps-ignored" or noise.shape != eps.shape:
        return found
    x = building.data(reading.plan.features)[-len(eps) :]
    other = seen_of(reading.plan, program.forward(x, eps))
    if not {"mu", "logvar", "z"} <= other.keys() or off(_noise_of(other), noise) > 1e-6:
        return Finding(UNKNOWN, "H", OTHER_NOISE)
    rows = ", the same in every example" if found.id == "eps-shared-batch" else ""
    return Finding("eps-frozen", "H", FROZEN + rows)


def _noise_of(seen: Mapping[str, Array]) -> Array:
    found: Array = (seen["z"] - seen["mu"]) / np.exp(seen["logvar"] / 2)
    return found


def of_link(link: str) -> list[Finding]:
    """An output that was made a probability twice."""
    twice = Finding("double-sigmoid", "H", "the output is the sigmoid of a sigmoid of the decoder's last layer")
    return [twice] if link == "sigmoid twice" else []


def of_gradients(case: Case, answers: Mapping[str, Array], scales: tuple[float, float]) -> list[Finding]:
    """A path that was cut, by the derivatives of the heads' biases: d mu is a (d mu through z) + b mu / N.

    ``scales`` are a and b of the program's loss, 1 and beta where it is right.
    """
    mu, logvar = (case.expected[name].nearest for name in ("mu", "logvar"))
    (a, b), beta, found = scales, float(case.settings["beta"]), []
    for head, slope in (("mu", mu), ("logvar", 0.5 * np.expm1(logvar))):
        name = f"d_encoder.{head}.b"
        through, of_kl = case.expected[name].nearest - beta * slope.mean(axis=0), b * slope.mean(axis=0)
        expected = a * through + of_kl
        if name not in answers or off(answers[name], expected) <= CLOSE:
            continue
        if off(answers[name], of_kl) <= CLOSE:
            says = f"z is detached from {head}: no gradient goes through the sample"
            found.append(Finding("no-reparam", "H", says))
        elif off(answers[name], a * through) <= CLOSE:
            says = f"the KL's derivative does not reach {head}: what the loss is given is detached"
            found.append(Finding("kl-no-derivative", "H", says))
    return found


def with_deviations(
    reading: Reading, graded: Graded | None, findings: Sequence[Finding], named: Mapping[str, str]
) -> tuple[Reading, list[Finding], dict[str, str]]:
    """The same, but where sampler and KL both take the second head for the logarithm of the deviation: a convention."""
    kl = None if graded is None else graded.loss.kl.form
    form = reading.sampler[0]
    takes_sigma = graded is not None and "sigma" in graded.loss.order and "variance" in named
    of_logarithm = kl is not None and kl.id == "kl-logvar-as-logstd"
    if kl is None or not (takes_sigma or of_logarithm) or form is None or form.id != "std-is-variance":
        return reading, list(findings), dict(named)
    plan = reading.plan.with_deviations()
    doubled = {name: 2 * a if name.startswith("encoder.logvar") else a for name, a in reading.weights.items()}
    seen = reading.seen | {"logvar": 2 * reading.seen["logvar"]}
    says = "the second head is the logarithm of the deviation, in the sampler and in the KL: ours is twice theirs"
    known = (form.id,) if takes_sigma else (kl.id, form.id)
    kept = [finding for finding in findings if finding.id not in known]
    kept.append(Finding("head-is-log-std", "dialect", says))
    new = {"logvar": "logstd", "variance": "sigma"}  # what was taken for the variance is the deviation
    called = {new.get(what, what): key for what, key in named.items() if what != "sigma"}
    return reading._replace(plan=plan, weights=doubled, seen=seen), kept, called
