"""The right computation of a case, made of rules that a mistake may replace one by one.

`RULES` has every rule by its name. `stages` computes a case by some rules: the right ones, or those that `changed` has
made of them. The vectors hold the right ones to 50 digits (a test): so what a mistake changes is the mistake alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.mistakes import densities, optimiser, surroundings
from vae_np.conformance.mistakes.tape import Node, exp, gradients, log, of, unary, where
from vae_np.formulas.activations import get_activation
from vae_np.formulas.numerics import phi

__all__ = ["RULES", "Context", "Rule", "changed", "stages"]

Array = NDArray[Any]
Rule = Callable[..., Any]
Rules = Mapping[str, Rule]


@dataclass(frozen=True)
class Context:
    """What a rule may ask: the settings, the sizes, and where in the training it is."""

    settings: Mapping[str, Any]
    n: int
    d: int
    k: int
    dataset: int
    """Examples of the whole data set: N but in training."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def beta(self) -> float:
        """The KL's weight."""
        return float(self.settings.get("beta", 1))


def _activation(c: Context, a: Node) -> Node:
    f = get_activation(c.settings["activation"])
    h = f.forward(a.value)
    return Node(h, [(a, lambda g: f.backward(g, a.value, h))])


def _log_normal(r: Node, s: Any) -> Node:
    """log N of what lies r deviations from the mean."""
    return (r * r + s + densities.LOG_2PI) * -0.5


def kl(c: Context, mu: Node, s: Node) -> Node:
    """1/2 (mu^2 + e^s - 1 - s), an entry a dimension."""
    return (mu * mu + unary(phi, np.expm1, s)) * 0.5


def log_mean_exp(c: Context, log_w: Node) -> Node:
    """log 1/S sum_s e^(log w_s)."""
    largest = log_w.value.max(axis=0)
    return log(exp(log_w - largest).mean(axis=0)) + largest


def bounded(c: Context, entries: Node, kind: str = "") -> Node:
    """The KL of each example with free bits: see data/FORMAT.md."""
    least, kind = float(c.settings["free_bits"]), kind or c.settings["free_bits_kind"]
    if kind == "per-dimension":
        mean = entries.mean(axis=0)
        return where(mean.value > least, mean, least).sum() + np.zeros(c.n)
    of_example = entries if kind == "per-entry" else entries.sum(axis=1)
    found = where(of_example.value > least, of_example, least)
    return found.sum(axis=1) if kind == "per-entry" else found


def _bound(c: Context, p: Any) -> Node:
    """Of each example; p has ll, kl, entries, log_prior, log_posterior."""
    if c.settings["objective"] == "iwae":
        found: Node = c.extra["rules"]["log_mean_exp"](c, c.extra["rules"]["log_w"](c, p))
        return found
    divergence = c.extra["rules"]["bounded"](c, p.entries) if "free_bits" in c.settings else p.kl
    return p.ll.mean(axis=0) - c.beta * divergence


RULES: dict[str, Rule] = {
    "dense": lambda c, h, W, b: h @ W + b,
    "activation": _activation,
    "head": lambda c, s: s,
    "mean_head": lambda c, mu: mu,
    "deviation": lambda c, s: exp(s * 0.5),
    "noise": lambda c, eps: eps,
    "sample": lambda c, mu, sigma, eps: mu + sigma * eps,
    "decoded": lambda c, z, mu: z,
    "data": lambda c, x: x,
    "density": densities.density,
    "density_sum": lambda c, entries: entries.sum(axis=-1),
    "kl": kl,
    "kl_sum": lambda c, entries: entries.sum(axis=-1),
    "log_prior": lambda c, z: _log_normal(z, 0.0).sum(axis=-1),
    "log_posterior": lambda c, z, mu, s: _log_normal((z - mu) * exp(s * -0.5), s).sum(axis=-1),
    "log_w": lambda c, p: p.ll + p.log_prior - p.log_posterior,
    "log_mean_exp": log_mean_exp,
    "bounded": bounded,
    "bound": _bound,
    "loss": lambda c, p: -p.bound.mean(),
    "report": lambda c, found: found,
    **optimiser.RULES,
    **surroundings.RULES,
}
"""Every rule; each takes the `Context` first."""


def changed(*changes: Mapping[str, Callable[[Rule], Rule]]) -> dict[str, Rule]:
    """The rules after these changes, each a function from the rule before to the one after it."""
    rules = dict(RULES)
    for change in changes:
        for name, wrap in change.items():
            rules[name] = wrap(rules[name])
    return rules


def stages(case: Case, rules: Rules = RULES, dtype: Any = np.float64, steps: int | None = None) -> dict[str, Array]:
    """Every stage of the case by these rules; of the steps of Adam the first ``steps``, or all."""
    with np.errstate(all="ignore"):  # a mistake may well overflow
        if case.kind != "model":
            return dict(_FUNCTIONS[case.kind](case.of(dtype), case.settings, rules))
        found, _ = _model(case, rules, case.inputs["x"], case.inputs["eps"], case.of(dtype), len(case.inputs["x"]))
        if steps != 0 and case.training is not None:
            found |= _train(case, rules, dtype, steps)
        return found


def _model(case: Case, rules: Rules, x: Array, eps: Array, theta: Mapping[str, Array], dataset: int
           ) -> tuple[dict[str, Array], dict[str, Array]]:  # fmt: skip
    """All stages of a batch, and the gradients by the parameters' names."""
    dtype = theta["encoder.mu.W"].dtype
    k = theta["encoder.mu.b"].size
    c = Context(case.settings, len(x), x.shape[1], k, dataset, {"rules": rules})
    nodes = {name: Node(value) for name, value in theta.items() if "." in name}
    found = _forward(c, rules, x.astype(dtype), eps.astype(dtype), nodes)
    of_stage = [found[name] for name in ("raw", "z", "mu", "logvar")]
    slopes = gradients(found["loss"], [*of_stage, *nodes.values()])
    named = dict(zip([*("raw", "z", "mu", "logvar"), *nodes], slopes, strict=True))
    values = {name: node.value for name, node in found.items()} | {f"d_{name}": g for name, g in named.items()}
    return rules["report"](c, values), {name: named[name] for name in nodes}


def _forward(c: Context, rules: Rules, x: Array, eps: Array, theta: Mapping[str, Node]) -> dict[str, Node]:
    found: dict[str, Node] = {}

    def chain(h: Node, room: str) -> Node:
        for i in range(sum(name.startswith(f"{room}.") and name[len(room) + 1].isdigit() for name in theta) // 2):
            h = rules["activation"](c, rules["dense"](c, h, theta[f"{room}.{i}.W"], theta[f"{room}.{i}.b"]))
            found[f"{room}.{i}.h"] = h
        return h

    h = chain(Node(x), "encoder")
    mu = rules["mean_head"](c, rules["dense"](c, h, theta["encoder.mu.W"], theta["encoder.mu.b"]))
    s = rules["head"](c, rules["dense"](c, h, theta["encoder.logvar.W"], theta["encoder.logvar.b"]))
    z = of(rules["sample"](c, mu, rules["deviation"](c, s), rules["noise"](c, eps)))
    z = z if z.value.ndim == 3 else z + np.zeros_like(eps)
    found |= {"mu": mu, "logvar": s, "z": z}
    h = chain(of(rules["decoded"](c, z, mu)), "decoder")
    found["raw"] = raw = rules["dense"](c, h, theta["decoder.out.W"], theta["decoder.out.b"])
    entries = rules["density"](c, rules["data"](c, x), raw, theta.get("likelihood.logvar"))
    found["log_likelihood"] = ll = rules["density_sum"](c, entries)
    divergences = rules["kl"](c, mu, s)
    found["kl"] = rules["kl_sum"](c, divergences)
    found["log_prior"] = rules["log_prior"](c, z)
    found["log_posterior"] = rules["log_posterior"](c, z, mu, s)
    p = SimpleNamespace(ll=ll, kl=found["kl"], entries=divergences, densities=entries)
    p.log_prior, p.log_posterior = found["log_prior"], found["log_posterior"]
    found["bound"] = p.bound = rules["bound"](c, p)
    found["loss"] = rules["loss"](c, p)
    return found


def _train(case: Case, rules: Rules, dtype: Any, count: int | None) -> dict[str, Array]:
    """The parameters after each step, of the first ``count`` or all."""
    found: dict[str, Array] = {}
    t = case.training
    assert t is not None
    theta = {name: value for name, value in case.of(dtype).items() if "." in name}
    memory = optimiser.Memory(rules, t.settings, theta)
    first = t.eps[0]
    for step, (rows, eps) in enumerate(zip(t.rows[:count], t.eps[:count], strict=True), start=1):
        noise = rules["step_noise"](eps, first)
        _, g = _model(case, rules, t.x[list(rows)], noise, theta, len(t.x))
        theta = memory.step(theta, g, step)
        found |= {f"step {step}: {name}": value for name, value in theta.items()}
    return found


def _kl_alone(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Rules) -> dict[str, Array]:
    mu, s = Node(inputs["mu"]), Node(inputs["logvar"])
    c = Context(settings, *_sizes(mu.value))
    value = rules["kl_sum"](c, rules["kl"](c, mu, s))
    d_mu, d_logvar = gradients(value, [mu, s])
    return rules["report"](c, {"kl": value.value, "d_mu": d_mu, "d_logvar": d_logvar})


def _sizes(a: Array) -> tuple[int, int, int, int]:
    return len(a), a.shape[1], a.shape[1], len(a)


def _reparameterise(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Rules) -> dict[str, Array]:
    mu, s = Node(inputs["mu"]), Node(inputs["logvar"])
    c = Context(settings, *_sizes(mu.value))
    z = of(rules["sample"](c, mu, rules["deviation"](c, s), rules["noise"](c, inputs["eps"][None])))
    z = z.sum(axis=0) if z.value.ndim == 3 else z
    d_mu, d_logvar = gradients(z, [mu, s], inputs["d_z"])
    return {"z": z.value, "d_mu": d_mu, "d_logvar": d_logvar}


def _likelihood(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Rules) -> dict[str, Array]:
    raw, own = Node(inputs["raw"]), inputs.get("likelihood.logvar")
    nodes = {"raw": raw} | ({} if own is None else {"likelihood.logvar": Node(own)})
    c = Context(settings, *_sizes(inputs["x"]))
    value = rules["density"](c, rules["data"](c, inputs["x"]), raw, nodes.get("likelihood.logvar"))
    slopes = gradients(value, list(nodes.values()))
    return {"log_density": value.value} | {f"d_{name}": g for name, g in zip(nodes, slopes, strict=True)}


def _log_mean_exp_alone(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Rules) -> dict[str, Array]:
    log_w = Node(inputs["log_w"])
    value = rules["log_mean_exp"](Context(settings, *_sizes(log_w.value)), log_w)
    return {"bound": value.value, "weights": gradients(value, [log_w])[0]}


_FUNCTIONS: dict[str, Callable[..., Mapping[str, Array]]] = {
    "kl": _kl_alone,
    "reparameterise": _reparameterise,
    "likelihood": _likelihood,
    "log-mean-exp": _log_mean_exp_alone,
    "adam": optimiser.alone,
    "optimiser": optimiser.of_tensors,
    **surroundings.FUNCTIONS,
}
