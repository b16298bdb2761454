"""What follows the decoder's last layer at numbers that no ordinary input gives: a clamp of the probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.program import Program
from vae_np.conformance.adapters.reading import Reading
from vae_np.conformance.objective.naming import Finding
from vae_np.formulas.numerics import sigmoid

__all__ = ["of_output"]

Array = NDArray[Any]
LOGITS = np.linspace(-30, 30, 61)
CLOSE = 1e-9


def of_output(program: Program, reading: Reading, named: Mapping[str, str], link: str, x: Array) -> list[Finding]:
    """A clamp of what forward returns as the sigmoid of the last layer, while that puts out `LOGITS`.

    Parameters
    ----------
    program : Program
        Its weights are as before afterwards.
    reading : Reading
    named : mapping
        The parts' keys by what they are.
    link : str
        What follows the last layer at ordinary inputs.
    x : array, shape (N, D)
    """
    pieces, key = reading.plan.pieces, named.get("output")
    if link != "sigmoid" or key is None or not pieces["decoder.out.b"] or reading.plan.per_feature != 1:
        return []
    before = program.tensors()
    touched = {piece.tensor for part in "Wb" for piece in pieces[f"decoder.out.{part}"]}
    found = []
    try:
        for start in range(0, len(LOGITS), reading.plan.features):
            logits = np.resize(LOGITS[start:], reading.plan.features)
            for name, value in (("decoder.out.W", np.zeros((1, 1))), ("decoder.out.b", logits)):
                program.write(reading.plan.written({name: value}, program.tensors()))
            output = program.forward(x, np.zeros((len(x), reading.plan.latent))).parts[key]
            found.append(np.reshape(output, (len(x), -1))[0][: len(LOGITS) - start])
    except (ValueError, NotDense, KeyError):  # it takes no such numbers: what it does with ordinary ones is told
        return []
    finally:
        program.write({name: before[name] for name in touched})
    p, right = np.concatenate(found), sigmoid(LOGITS)
    low, high = float(p.min()), float(p.max())
    if p.shape != right.shape or np.abs(p - right).max() <= CLOSE or not low < high:
        return []
    if np.abs(p - np.clip(right, low, high)).max() > CLOSE:
        return []
    says = f"the decoder's probabilities are clamped to [{low:g}, {_near_one(high)}], with no gradient beyond"
    return [Finding("probability-clamp", "M", says)]


def _near_one(high: float) -> str:
    return "1" if high == 1 else f"1 - {1 - high:.3g}"
