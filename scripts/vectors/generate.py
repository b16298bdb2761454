"""Make the conformance vectors: every expected value in 50 digits, by code that shares nothing with vae_np.

    python scripts/vectors/generate.py [--out FOLDER] [--only ID,ID]

The same bits on every machine: mpmath and Python's own random numbers, no NumPy. Writes cases of whole models, cases of
single functions, and a manifest with the SHA-256 of both, into vae_np/conformance/data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import mpmath as mp

sys.path.insert(0, str(Path(__file__).resolve().parent))
from elementary import elementary
from model import Net, adam_steps, derivatives, draw, forward, inputs, leaves, nested, objective
from protocol import protocol
from tape import DIGITS, Var

FOLDER = Path(__file__).resolve().parents[2] / "vae_np" / "conformance" / "data"
VERSION = 1
"""Of the vectors: a case that was published never changes, and its id is never used again."""
STEPS = 10
ADAM = {"learning_rate": "1e-3", "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8"}
ROWS, ALL_ROWS = 3, 5
NETS: dict[str, tuple[Net, bool]] = {
    "bernoulli-tanh": (Net("bernoulli", "tanh"), True),
    "bernoulli-relu": (Net("bernoulli", "relu"), False),
    "bernoulli-sigmoid-3-samples": (Net("bernoulli", "sigmoid", samples=3), False),
    "bernoulli-gelu-deep": (Net("bernoulli", "gelu", hidden=(11, 3), decoder_hidden=(3, 13)), False),
    "bernoulli-identity-shallow": (Net("bernoulli", "identity", hidden=(), decoder_hidden=()), False),
    "continuous-bernoulli-softplus": (Net("continuous-bernoulli", "softplus"), True),
    "continuous-bernoulli-elu": (Net("continuous-bernoulli", "elu"), False),
    "gaussian-fixed-relu": (Net("gaussian-fixed", "relu", beta="1"), True),
    "gaussian-fixed-elu": (Net("gaussian-fixed", "elu"), False),
    "gaussian-learned-tanh": (Net("gaussian-learned", "tanh"), True),
    "gaussian-learned-gelu": (Net("gaussian-learned", "gelu", samples=3), False),
    "gaussian-per-feature-softplus": (Net("gaussian-per-feature", "softplus"), False),
    "gaussian-heteroscedastic-sigmoid": (Net("gaussian-heteroscedastic", "sigmoid"), True),
    "iwae-bernoulli-tanh": (Net("bernoulli", "tanh", beta="1", objective="iwae", samples=3), True),
    "iwae-gaussian-learned-relu": (Net("gaussian-learned", "relu", beta="1", objective="iwae", samples=17), False),
    "bernoulli-tanh-square": (Net("bernoulli", "tanh", hidden=(11, 11), decoder_hidden=(13, 13)), False),
    "free-bits-per-dimension": (Net("bernoulli", "tanh", free_bits="0.125", free_bits_kind="per-dimension"), False),
    "free-bits-per-entry": (Net("bernoulli", "tanh", free_bits="0.125", free_bits_kind="per-entry"), False),
    "free-bits-total": (Net("bernoulli", "tanh", free_bits="1", free_bits_kind="total"), False),
    "bernoulli-softplus-clipped": (Net("bernoulli", "softplus"), True),
}
"""The models, and whether a case has steps of Adam as well."""
CLIPPED = {"bernoulli-softplus-clipped": "1"}
"""Norms that gradients are clipped to."""


def models(only: set[str]) -> Iterator[dict[str, Any]]:
    """Each case of a whole model."""
    for seed, (name, (net, trains)) in enumerate(NETS.items(), start=100):
        if not only or f"model-{name}" in only:
            yield model_case(f"model-{name}", net, trains, random.Random(seed))


def model_case(name: str, net: Net, trains: bool, generator: random.Random) -> dict[str, Any]:
    """Inputs, every stage, the derivatives of the loss, and the way of the parameters."""
    x, theta = inputs(net, generator, ALL_ROWS)
    eps = draw(generator, (net.samples, ROWS, net.latent), 1.0)
    variables = {key: nested(values) for key, values in theta.items()}
    stages = forward(net, x[:ROWS], eps, variables)
    bounds, loss = objective(net, stages)
    expected = {**stages, "bound": bounds, "loss": loss}
    inner = {key: stages[key] for key in ("raw", "z", "mu", "logvar")}
    gradients = derivatives(loss, {**inner, **variables})
    expected |= {f"d_{key}": gradients[key] for key in [*inner, *variables]}
    case: dict[str, Any] = {"id": name, "kind": "model", "comment": "a whole model", "settings": net.settings()}
    case |= {"inputs": {"x": x[:ROWS], "eps": eps, **theta}, "expected": expected}
    if trains:
        rows = [[0, 1, 2], [3, 4]] * (STEPS // 2)
        plan = [(some, draw(generator, (net.samples, len(some), net.latent), 1.0)) for some in rows]
        clip = CLIPPED.get(name.removeprefix("model-"))
        rule = ADAM | ({"clip_norm": clip} if clip else {})
        after = list(adam_steps(net, x, theta, plan, rule))
        case["training"] = {
            "settings": rule,
            "x": x,
            "steps": [{"rows": some, "eps": noise} for some, noise in plan],
            "parameters": after,
        }
    return case


def written(value: Any) -> Any:
    """Lists of numbers as arrays in JSON; the rest as it is."""
    if isinstance(value, dict):
        return {key: written(entry) for key, entry in value.items()}
    if isinstance(value, (Var, mp.mpf)) or (isinstance(value, list) and _is_array(value)):
        return array(value)
    if isinstance(value, (list, tuple)):
        return [written(entry) for entry in value]
    return value


def _is_array(value: Any) -> bool:
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, (Var, mp.mpf))


def array(values: Any) -> dict[str, Any]:
    """Its shape, and its entries row by row: the nearest float64 in hex, and in decimal."""
    shape, inner = [], values
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0]
    numbers = [entry.value if isinstance(entry, Var) else entry for entry in leaves(values)]
    return {"shape": shape, "hex": [float(n).hex() for n in numbers], "decimal": [_decimal(n) for n in numbers]}


def _decimal(number: mp.mpf) -> str:
    """All digits of what a double holds, as every input; 25 of the rest."""
    if number == float(number):
        return str(Decimal(float(number)))
    return str(mp.nstr(number, 25, strip_zeros=True, min_fixed=-6, max_fixed=12))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER, help="a folder [vae_np/conformance/data]")
    parser.add_argument("--only", default="", help="ids of cases, with commas; no manifest then")
    args = parser.parse_args()
    mp.mp.dps = DIGITS
    only = set(filter(None, args.only.split(",")))
    args.out.mkdir(parents=True, exist_ok=True)
    single = (case for case in (*elementary(), *protocol()) if not only or case["id"] in only)
    files = {"model.json": models(only), "elementary.json": single}
    manifest: dict[str, Any] = {"vectors": VERSION, "digits": 50, "files": {}}
    for name, cases in files.items():
        lines = [json.dumps(written(case), separators=(",", ":")) for case in cases]
        text = '{"schema": 1, "cases": [\n' + ",\n".join(lines) + "\n]}\n"
        (args.out / name).write_text(text, encoding="ascii")
        manifest["files"][name] = {"cases": len(lines), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        print(f"{name}: {len(lines)} cases, {len(text):,} bytes", flush=True)
    if not only:
        (args.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
