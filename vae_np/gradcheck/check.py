"""The gradient of a whole model, judged tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas import elbo
from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.parameters import Parameters
from vae_np.gradcheck.coefficients import what_it_looks_like
from vae_np.gradcheck.numeric import central_difference, complex_step
from vae_np.model.vae import VAE
from vae_np.support.noise import stream

__all__ = ["Report", "Row", "check_model"]

Array = NDArray[Any]


SMALL = 1500
"""Up to so many parameters every coordinate is checked, beyond it random directions."""


LIMITS = {"complex step": {"float64": 1e-12, "float32": 2e-5}, "central difference": {"float64": 1e-8, "float32": 2e-5}}
"""The largest error that passes, relative to the tensor's largest gradient."""


METHODS = tuple(LIMITS)


@dataclass(frozen=True)
class Row:
    """One tensor under one method. ``error`` and ``uncertainty`` are relative to the tensor's largest gradient."""

    tensor: str
    method: str
    checked: int
    error: float
    uncertainty: float
    limit: float
    ok: bool
    worst: str


@dataclass(frozen=True)
class Report:
    """What `check_model` found."""

    rows: tuple[Row, ...]
    loss: float
    facts: tuple[str, ...] = ()
    """What wrong gradients of another implementation look like, all tensors together."""

    @property
    def ok(self) -> bool:
        """Whether every row passed."""
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        return self.table()

    def table(self) -> str:
        """A line a row, for people."""
        lines = [f"{'tensor':<20} {'method':<20} {'checked':>8} {'largest error':>14}  verdict"]
        for row in self.rows:
            verdict = "ok" if row.ok else f"FAILED (limit {row.limit:.0e}): {row.worst}"
            lines.append(f"{row.tensor:<20} {row.method:<20} {row.checked:>8} {row.error:>14.1e}  {verdict}")
        return "\n".join([*lines, *self.facts])

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"ok": self.ok, "loss": self.loss, "facts": list(self.facts), "rows": [asdict(row) for row in self.rows]}


def check_model(
    vae: VAE,
    x: ArrayLike,
    eps: ArrayLike,
    beta: float = 1.0,
    *,
    objective: str | Objective = "elbo",
    gradients: Mapping[str, Array] | None = None,
    methods: Sequence[str] = METHODS,
    every_coordinate: bool | None = None,
    directions: int = 4,
    seed: int = 0,
) -> Report:
    """Check the gradient of a whole model, tensor by tensor, by both methods.

    Parameters
    ----------
    vae, x, eps, beta, objective
        As in `VAE.loss_and_grad`, whose gradient is judged. The numerical derivatives are those of the formulas' loss
        in float64, whatever the model's backend and dtype.
    gradients : mapping of name to array, optional
        Judge these instead: those of another implementation, or a planted mistake.
    methods : sequence of str
        Of "complex step" and "central difference".
    every_coordinate : bool, optional
        Whether to check each entry, or ``directions`` seeded random directions for each tensor; if left out, each entry
        of models of up to `SMALL` parameters.
    directions : int
    seed : int
        Of the directions.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If the objective's gradient is another estimate than the derivative of its loss, as that of "reinforce" is.
    """
    goal = get_objective(objective)
    if not getattr(goal, "differentiates", True):
        raise ValueError(
            f"the gradient of {goal.name} is an estimate that is right in the mean, not the derivative of its loss at"
            " these samples: vae_np.estimators.measure holds it to the exact gradient"
        )
    loss, own = vae.loss_and_grad(x, eps, beta, objective=objective)
    if unknown := set(methods) - set(METHODS):
        raise ValueError(f"methods must be of {', '.join(METHODS)}; got {', '.join(sorted(unknown))}")
    judged = own if gradients is None else gradients
    _check_shapes(judged, vae.parameters)
    f = _loss_of(vae, vae.inside(vae.check_data(x)), np.asarray(eps), beta, goal)
    theta = vae.parameters.vector.astype(np.float64)
    layout = vae.parameters.like(theta)
    rows = []
    each = theta.size <= SMALL if every_coordinate is None else every_coordinate
    for method in methods:
        numeric = _complex if method == "complex step" else _differences
        limit = LIMITS[method][str(vae.dtype)]
        for name in layout:
            gradient = np.asarray(judged[name], np.float64)
            found = []
            for place, direction in _directions(layout, name, 0 if each else directions, seed):
                value, uncertainty = numeric(f, theta, direction.vector)
                found.append((place, float((gradient * direction[name]).sum()), value, uncertainty))
            rows.append(_row(name, method, limit, gradient, found, gradients is not None))
    facts: tuple[str, ...] = ()
    if gradients is not None and not all(row.ok for row in rows):
        facts = what_it_looks_like(judged, vae, np.asarray(x), np.asarray(eps), beta, goal)
    return Report(tuple(rows), loss, facts)


def _check_shapes(judged: Mapping[str, Array], parameters: Parameters) -> None:
    """``ValueError`` unless there is a gradient for each parameter, of its shape, and no other."""
    if missing := [name for name in parameters if name not in judged]:
        raise ValueError(f"there is no gradient for {', '.join(missing)}")
    if unknown := [name for name in judged if name not in parameters]:
        raise ValueError(f"there is no parameter {', '.join(unknown)}")
    for name, view in parameters.items():
        shape = np.shape(judged[name])
        if shape != view.shape:
            hint = "; W is (fan_in, fan_out): transpose it" if shape == view.shape[::-1] else ""
            raise ValueError(f"gradient {name} must have shape {view.shape}; it has {shape}{hint}")


def _complex(f: Callable[[Array], Any], x: Array, direction: Array) -> tuple[float, float]:
    return complex_step(f, x, direction), 0.0


STEPS = (0.1, 1e-2, 1e-3, 1e-4, 1e-5)
"""The first differences: a large one is the more exact, a small one steps over none of a ReLU's kinks."""


def _differences(f: Callable[[Array], Any], x: Array, direction: Array) -> tuple[float, float]:
    """`central_difference` by the largest first step that is sure to 1e-9, else by the surest.

    The kinks of a model with many units are everywhere: steps of 0.1 cross some, and no row of the tableau is smooth.
    """
    found, noise = [], 1e-11 * max(1.0, abs(float(f(x))))
    for h in STEPS:
        found.append(central_difference(f, x, direction, h=h))
        if found[-1][1] <= 1e-9 * abs(found[-1][0]) + noise:
            break
    return min(found, key=lambda pair: math.inf if math.isnan(pair[1]) else pair[1])


def _loss_of(vae: VAE, x: Array, eps: Array, beta: float, objective: Objective) -> Callable[[Array], Any]:
    """The loss as a function of the flat vector, real or complex."""
    x64 = x.astype(np.float64)
    eps64 = eps.astype(np.float64).reshape(-1, len(x), vae.architecture.latent)

    def loss(vector: Array) -> Any:
        terms, _ = elbo.forward(vae.parameters.like(vector), x64, eps64, vae.architecture)
        return objective(terms, beta).value

    return loss


def _directions(layout: Parameters, name: str, count: int, seed: int) -> Iterator[tuple[str, Parameters]]:
    """Where one tensor is checked: ``count`` random directions of length about 1, or for 0 each coordinate."""
    shape = layout[name].shape
    if count == 0:
        for index in np.ndindex(shape):
            unit = layout.zeros_like()
            unit[name][index] = 1
            yield f"{name}{list(index)}", unit
        return
    for i in range(count):
        random = layout.zeros_like()
        draw = stream(seed, "gradchk", list(layout).index(name), i).standard_normal(shape)
        random[name][...] = draw / math.sqrt(draw.size)
        yield f"{name}, random direction {i}", random


def _row(name: str, method: str, limit: float, gradient: Array, found: list[tuple[str, float, float, float]],
         theirs: bool) -> Row:  # fmt: skip
    """The largest error of one tensor; what is not a number is the largest."""
    # coordinates give the tensor's gradient again; of directions the numbers themselves are all there is
    scale = max([abs(value) for _, _, value, _ in found] + [np.finfo(np.float64).tiny])
    errors = [abs(analytic - value) / scale for _, analytic, value, _ in found]
    uncertainty = max(u for *_, u in found) / scale
    worst = max(range(len(errors)), key=lambda i: math.inf if math.isnan(errors[i]) else errors[i])
    place, analytic, value, _ = found[worst]
    # an estimate that is itself too coarse to judge by is a failure, never a licence
    ok = errors[worst] <= limit and uncertainty <= 100 * limit
    words = ("yours", "right") if theirs else ("analytic", "numeric")
    text = f"{place}: {words[0]} {analytic:.17g}, {words[1]} {value:.17g}"
    return Row(name, method, len(found), errors[worst], uncertainty, limit, ok, text)
