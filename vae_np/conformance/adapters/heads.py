"""What follows the heads of mu and logvar before the sampler has them: nothing, a clamp, an activation.

A program's own weights put out ordinary numbers, which no clamp at +-10 notices. So here the heads get weights of 0
and biases of our choice: what they make is then known, and z tells what was made of it. With a noise of 0 z is the mean
that the sampler has, and with a noise of 1 it is larger by the deviation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.program import Observed, Program
from vae_np.conformance.adapters.reading import CLOSE, Reading, judged, seen_of
from vae_np.conformance.objective.followed import GRID, Followed, follow, follow_deviation
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import Probe
from vae_np.conformance.objective.sampler import sampler_form

__all__ = ["of_heads", "of_shared_head"]

Array = NDArray[Any]
NARROW = -60.0
"""A log-variance with which no noise shows beside the mean."""


def of_shared_head(program: Program, observed: Observed, features: int) -> None:
    """One head that is both mu and logvar.

    Raises
    ------
    NotDense
        If there is one, with the finding.
    """
    x = building.data(features)[: building.FIRST]
    drawn = {shape[-1] for shape in observed.drawn if shape}
    for head, after in zip(observed.calls, observed.calls[1:], strict=False):
        if head.made.shape != after.given.shape or head.made.shape != (len(x), head.made.shape[1]):
            continue
        if drawn and head.made.shape[1] not in drawn:  # a hidden layer: a noise of its width may not be broadcast
            continue
        eps = building.noise(head.made.shape[1])[0]
        calls = {call.layer.weight: call for call in program.forward(x, eps).calls}
        m, z = (calls[head.layer.weight].made, calls[after.layer.weight].given) if len(calls) > 1 else (eps, eps)
        form, _ = sampler_form(z, Probe(x, x, m, m, eps))
        if form is not None and form.id in NOISY:
            name = head.layer.weight
            found = Finding("heads-shared", "H", f"{name} is the head of mu and of logvar: both are the same numbers")
            raise NotDense(f"its networks have one head for mu and logvar, {name}", found)


NOISY = ("reparameterise", "std-is-variance", "std-is-logvar")
"""Samplers that take both heads."""


class _Probed(NamedTuple):
    """What came of a head's numbers, an entry for each of `GRID`."""

    of_z: Array | None
    """By z; None where it was not seen, or does not say."""
    of_part: Array | None
    """By what forward returns for the head."""


def of_heads(program: Program, reading: Reading, observed: Observed, named: Mapping[str, str], x: Array,
             eps: Array) -> tuple[Reading, list[Finding]]:  # fmt: skip
    """What follows the heads, and the reading with it: its mu and logvar are those that the sampler has.

    Raises
    ------
    NotDense
        If it is another function than those that are known: another parameterisation, which is no mistake.
    """
    mistaken = reading.offs.get("z", 0.0) > CLOSE and reading.sampler[0] is None
    mean = _probed(program, reading, named, "mu", x)
    if mistaken and observed.calls and mean.of_z is not None and np.ptp(mean.of_z) == 0:
        other = reading._replace(plan=reading.plan.exchanged())
        again = _probed(program, other, named, "mu", x)
        if again.of_z is not None and np.ptp(again.of_z) > 0:  # the mean is that of the other head
            weights, seen = other.plan.weights(program.tensors()), seen_of(other.plan, observed)
            reading, mean = judged(other._replace(weights=weights, seen=seen), x, eps), again
    findings: list[Finding] = []
    for head, probed in (("mu", mean), ("logvar", _probed(program, reading, named, "logvar", x))):
        found = _first(probed, head)
        if found is None:
            continue
        if not found.id:
            if mistaken:
                raise NotDense(found.says.format(head), *findings)
            continue
        findings.append(Finding(found.id, found.severity, found.says.format(head)))
        if observed.calls and found.of is not None:
            reading = judged(reading._replace(seen=reading.seen | {head: found.of(reading.seen[head])}), x, eps)
        elif found.of is None and reading.offs.get("z", 0.0) > CLOSE:
            raise NotDense("its deviation has a small number added, and that of vae_np has not", *findings)
    return reading, findings


def _first(probed: _Probed, head: str) -> Followed | None:
    """What is told by z, else by what is returned; None where nothing follows."""
    by_z = None
    if probed.of_z is not None:
        by_z = follow_deviation(GRID, probed.of_z) if head == "logvar" else follow(GRID, probed.of_z)
    return follow(GRID, probed.of_part) if by_z is None and probed.of_part is not None else by_z


def _probed(program: Program, reading: Reading, named: Mapping[str, str], head: str, x: Array) -> _Probed:
    """Each number in two places, which must agree; a program that fails at such numbers tells nothing."""
    if not all(reading.plan.pieces[f"encoder.{name}.b"] for name in ("mu", "logvar")):
        return _Probed(None, None)
    before = program.tensors()
    try:
        there, back = (_over(program, reading, named, head, x, values) for values in (GRID, GRID[::-1]))
    except (ValueError, NotDense):
        return _Probed(None, None)
    finally:
        program.write({name: before[name] for name in _touched(reading)})
    agreed = [_agreed(one, other) for one, other in zip(there, back, strict=True)]
    return _Probed(*agreed)


def _touched(reading: Reading) -> set[str]:
    pieces = reading.plan.pieces
    return {piece.tensor for head in ("mu", "logvar") for part in "Wb" for piece in pieces[f"encoder.{head}.{part}"]}


def _over(program: Program, reading: Reading, named: Mapping[str, str], head: str, x: Array,
          values: Array) -> tuple[Array | None, Array | None]:  # fmt: skip
    """By z the mean or the deviation, and the part, for each of the values."""
    plan, other = reading.plan, {"mu": "logvar", "logvar": "mu"}[head]
    k = plan.latent
    rest = NARROW if head == "mu" else 0.0
    by_z, by_part = [], []
    zeros: Array = np.zeros((1, 1))
    for start in range(0, len(values), k):
        bias = np.resize(values[start : start + k], k)
        ours: dict[str, Array] = {f"encoder.{name}.W": zeros for name in (head, other)}
        ours |= {f"encoder.{head}.b": bias, f"encoder.{other}.b": np.full(k, rest)}
        for name, value in ours.items():
            program.write(plan.written({name: value}, program.tensors()))
        shape = (len(x), k)
        still = program.forward(x, np.zeros(shape))
        z = _stage(still, reading, named, "z", shape)
        if head == "logvar" and z is not None:
            moved = _stage(program.forward(x, np.ones(shape)), reading, named, "z", shape)
            z = None if moved is None else moved - z
        by_z.append(z)
        by_part.append(_stage(still, reading, named, head, shape, returned=True))
    return _joined(by_z, len(values)), _joined(by_part, len(values))


def _stage(observed: Observed, reading: Reading, named: Mapping[str, str], name: str, shape: tuple[int, int],
           returned: bool = False) -> Array | None:  # fmt: skip
    """Of the first example, as it was seen, or as it was returned."""
    value = None if returned else seen_of(reading.plan, observed).get(name)
    if value is None and name in named:
        value = observed.parts.get(named[name])
    return None if value is None or value.size != shape[0] * shape[1] else value.reshape(shape)[0]


def _joined(parts: list[Array | None], count: int) -> Array | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found)[:count] if len(found) == len(parts) else None


def _agreed(there: Array | None, back: Array | None) -> Array | None:
    """A function of the number alone, whatever its place."""
    if there is None or back is None:
        return None
    alike = np.isclose(there, back[::-1], rtol=1e-9, atol=0, equal_nan=True)
    return there if alike.all() else None
