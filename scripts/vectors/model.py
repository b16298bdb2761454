"""A whole VAE in many digits: the forward pass stage by stage, every derivative by the tape, ten steps of Adam.

Sizes are distinct odd primes, so that no mistake of an axis fits by chance. Every number that goes in is a multiple of
1/1024 of at most eleven bits: the same in float64, float32 and bfloat16's wider siblings, and short in decimal.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import mpmath as mp
from functions import ACTIVATIONS, LIKELIHOODS, exp, kl, log_normal
from tape import Var, gradients, log_mean_exp, total

__all__ = ["Net", "adam_steps", "derivatives", "draw", "forward", "inputs", "leaves", "nested", "objective"]

Nested = Any
"""A `Var`, or lists of it: an array."""


class Net(NamedTuple):
    """What a case's model is."""

    likelihood: str
    activation: str
    features: int = 7
    hidden: tuple[int, ...] = (11,)
    latent: int = 5
    decoder_hidden: tuple[int, ...] = (13,)
    beta: str = "0.375"
    objective: str = "elbo"
    samples: int = 1
    free_bits: str = ""
    free_bits_kind: str = ""

    def settings(self) -> dict[str, Any]:
        """As the case has them; what is empty is left out."""
        found = {name: value for name, value in self._asdict().items() if value != ""}
        return found | ({"sigma": "0.75"} if self.likelihood == "gaussian-fixed" else {})

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every parameter by its name; W is (fan_in, fan_out)."""
        wide = self.features * (2 if self.likelihood == "gaussian-heteroscedastic" else 1)
        layers = []
        for i, (a, b) in enumerate(pairs(self.features, *self.hidden)):
            layers.append((f"encoder.{i}", a, b))
        layers += [(f"encoder.{head}", (self.features, *self.hidden)[-1], self.latent) for head in ("mu", "logvar")]
        for i, (a, b) in enumerate(pairs(self.latent, *self.decoder_hidden)):
            layers.append((f"decoder.{i}", a, b))
        layers.append(("decoder.out", (self.latent, *self.decoder_hidden)[-1], wide))
        for name, a, b in layers:
            yield f"{name}.W", (a, b)
            yield f"{name}.b", (b,)
        own = {"gaussian-learned": 1, "gaussian-per-feature": self.features}.get(self.likelihood)
        if own:
            yield "likelihood.logvar", (own,)


def pairs(*sizes: int) -> Iterator[tuple[int, int]]:
    """Of each layer, what goes in and what comes out."""
    return itertools.pairwise(sizes)


def draw(generator: random.Random, shape: Sequence[int], scale: float) -> Nested:
    """Normal numbers of this deviation, rounded to multiples of 1/1024 and never 0."""
    if shape:
        return [draw(generator, shape[1:], scale) for _ in range(shape[0])]
    whole = max(-2047, min(2047, round(1024 * generator.gauss(0, scale))))
    return mp.mpf(whole or 1) / 1024


def inputs(net: Net, generator: random.Random, rows: int) -> tuple[Nested, dict[str, Nested]]:
    """x, with binary and grey columns and one of 1/2 (wilder ones for a Gaussian), and all parameters off zero."""
    x = []
    for _ in range(rows):
        grey = [mp.mpf(generator.randint(1, 1023)) / 1024 for _ in range(net.features)]
        row = [mp.mpf(round(v)) if d % 3 == 0 else mp.mpf("0.5") if d % 5 == 4 else v for d, v in enumerate(grey)]
        x.append([2 * v - 1 for v in row] if net.likelihood.startswith("gaussian") else row)
    theta = {}
    for name, shape in net.shapes():
        theta[name] = draw(generator, shape, 0.25 if len(shape) == 1 else 0.9 / shape[0] ** 0.5)
    return x, theta


def nested(values: Nested) -> Nested:
    """Numbers as `Var`, in the same lists."""
    return [nested(value) for value in values] if isinstance(values, list) else Var(values)


def leaves(values: Nested) -> Iterator[Var]:
    """All entries, in the order of the rows."""
    if isinstance(values, list):
        for value in values:
            yield from leaves(value)
    else:
        yield values


def filled(values: Nested, numbers: Iterator[Any]) -> Nested:
    """The same lists with other numbers."""
    return [filled(value, numbers) for value in values] if isinstance(values, list) else next(numbers)


def dense(x: list[Var], W: Nested, b: list[Var]) -> list[Var]:
    """x W + b."""
    return [total([x[i] * W[i][j] for i in range(len(x))] + [b[j]]) for j in range(len(b))]


def forward(net: Net, x: Nested, eps: Nested, theta: dict[str, Nested]) -> dict[str, Nested]:
    """All stages; eps is (samples, rows, latent), and so are z, raw and log_likelihood a list a sample."""
    rows, f = len(x), ACTIVATIONS[net.activation]
    stages: dict[str, Nested] = {}

    def layers(name: str, inputs: list[list[Var]], count: int) -> list[list[list[Var]]]:
        found = [inputs]
        for i in range(count):
            a = [dense(row, theta[f"{name}.{i}.W"], theta[f"{name}.{i}.b"]) for row in found[-1]]
            found.append([[f(value) for value in row] for row in a])
        return found

    hidden = layers("encoder", [[Var(value) for value in row] for row in x], len(net.hidden))
    for i, h in enumerate(hidden[1:]):
        stages[f"encoder.{i}.h"] = h
    for head in ("mu", "logvar"):
        stages[head] = [dense(row, theta[f"encoder.{head}.W"], theta[f"encoder.{head}.b"]) for row in hidden[-1]]
    mu, logvar = stages["mu"], stages["logvar"]
    sigma = [[exp(s * mp.mpf("0.5")) for s in row] for row in logvar]
    stages["z"] = [
        [[mu[n][k] + sigma[n][k] * eps[s][n][k] for k in range(net.latent)] for n in range(rows)]
        for s in range(net.samples)
    ]
    decoded = [layers("decoder", z, len(net.decoder_hidden)) for z in stages["z"]]
    for i in range(len(net.decoder_hidden)):
        stages[f"decoder.{i}.h"] = [d[i + 1] for d in decoded]
    W, b = theta["decoder.out.W"], theta["decoder.out.b"]
    stages["raw"] = [[dense(row, W, b) for row in d[-1]] for d in decoded]
    own, p_x = theta.get("likelihood.logvar", []), LIKELIHOODS[net.likelihood]
    stages["log_likelihood"] = [[total(p_x(x[n], raw[n], own)) for n in range(rows)] for raw in stages["raw"]]
    stages["kl"] = [kl(mu[n], logvar[n]) for n in range(rows)]
    stages |= _densities(eps, stages)
    return stages


def _densities(eps: Nested, stages: dict[str, Nested]) -> dict[str, Nested]:
    """log p(z) and log q(z|x) of each sample and example; q's path goes through z."""
    log_prior, log_posterior = [], []
    for z in stages["z"]:
        log_prior.append([total(log_normal(value, Var(0)) for value in row) for row in z])
        log_posterior.append(
            [
                total(
                    log_normal((value - m) * exp(s * mp.mpf("-0.5")), s)
                    for value, m, s in zip(row, stages["mu"][n], stages["logvar"][n], strict=True)
                )
                for n, row in enumerate(z)
            ]
        )
    return {"log_prior": log_prior, "log_posterior": log_posterior}


def objective(net: Net, stages: dict[str, Nested]) -> tuple[list[Var], Var]:
    """The bound of each example, and the loss: minus its mean over the batch.

    elbo: 1/S sum_s log p(x|z_s) - beta KL. iwae: log 1/S sum_s w_s, w = p(x|z) p(z) / q(z|x) (Burda et al. 2016).
    Free bits bound the KL from below: see `bounded`.
    """
    bounds = []
    for n, divergence in enumerate(stages["kl"]):
        if net.objective == "iwae":
            terms = zip(stages["log_likelihood"], stages["log_prior"], stages["log_posterior"], strict=True)
            bounds.append(log_mean_exp([likelihood[n] + prior[n] - q[n] for likelihood, prior, q in terms]))
        else:
            mean = total(likelihood[n] for likelihood in stages["log_likelihood"]) / net.samples
            if net.free_bits:
                divergence = bounded(net, stages, n)
            bounds.append(mean - divergence * mp.mpf(net.beta))
    return bounds, -total(bounds) / len(bounds)


def bounded(net: Net, stages: dict[str, Nested], n: int) -> Var:
    """The KL of example n with free bits lambda, by one of three conventions.

    per-dimension: sum_k max(lambda, mean over the batch of KL_nk), the same for each example (Kingma et al. 2016).
    per-entry: sum_k max(lambda, KL_nk). total: max(lambda, sum_k KL_nk).
    """
    least, rows = mp.mpf(net.free_bits), list(zip(stages["mu"], stages["logvar"], strict=True))

    def above(value: Var) -> Var:
        return value if value.value > least else Var(least)

    entries = [[kl([m], [s]) for m, s in zip(*row, strict=True)] for row in rows]
    if net.free_bits_kind == "per-dimension":
        means = [total(row[k] for row in entries) / len(rows) for k in range(net.latent)]
        return total(above(mean) for mean in means)
    if net.free_bits_kind == "per-entry":
        return total(above(entry) for entry in entries[n])
    return above(total(entries[n]))


def derivatives(loss: Var, arrays: dict[str, Nested]) -> dict[str, Nested]:
    """d loss / d each entry, in the arrays' shapes."""
    found = iter(gradients(loss, [leaf for values in arrays.values() for leaf in leaves(values)]))
    return {name: filled(values, found) for name, values in arrays.items()}


def adam_steps(net: Net, x: Nested, theta: dict[str, Nested], plan: list[tuple[list[int], Nested]],
               settings: dict[str, str]) -> Iterator[dict[str, Nested]]:  # fmt: skip
    """All parameters after each step of Adam (Kingma & Ba 2015, algorithm 1) on the rows and the noise of ``plan``.

    With ``clip_norm`` c in the settings the gradient, of all parameters together, is multiplied by min(1, c / norm).
    """
    rate, beta1, beta2, epsilon = (mp.mpf(settings[name]) for name in ("learning_rate", "beta1", "beta2", "epsilon"))
    m = {name: [mp.mpf(0)] * len(list(leaves(values))) for name, values in theta.items()}
    v = {name: list(values) for name, values in m.items()}
    for t, (rows, eps) in enumerate(plan, start=1):
        variables = {name: nested(values) for name, values in theta.items()}
        _, loss = objective(net, forward(net, [x[n] for n in rows], eps, variables))
        after, slopes, factor = {}, derivatives(loss, variables), mp.mpf(1)
        if "clip_norm" in settings:
            norm = mp.sqrt(mp.fsum(g * g for gradient in slopes.values() for g in leaves(gradient)))
            factor = min(factor, mp.mpf(settings["clip_norm"]) / norm)
        for name, gradient in slopes.items():
            stepped = []
            for i, (value, whole) in enumerate(zip(leaves(theta[name]), leaves(gradient), strict=True)):
                g = factor * whole
                m[name][i] = beta1 * m[name][i] + (1 - beta1) * g
                v[name][i] = beta2 * v[name][i] + (1 - beta2) * g * g
                deviation = mp.sqrt(v[name][i] / (1 - beta2**t)) + epsilon
                stepped.append(value - rate * (m[name][i] / (1 - beta1**t)) / deviation)
            after[name] = filled(theta[name], iter(stepped))
        theta = after
        yield theta
