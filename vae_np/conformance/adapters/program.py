"""What a program is to the grading: its tensors, a forward pass that is watched, a loss, an optimiser.

`TorchProgram` is one, of a PyTorch module. Nothing here belongs to a framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import Layer, Piece, Plan

__all__ = [
    "Call", "Goal", "Mirrored", "Observed", "Program", "Returned", "Source", "is_finite", "is_square",
    "maximises", "up_to_failure",
]  # fmt: skip

Array = NDArray[Any]


class Call(NamedTuple):
    """A product of a layer's input with its weight, as it was seen in a forward pass."""

    layer: Layer
    given: Array
    """(N, fan_in)."""
    made: Array
    """(N, fan_out), with the bias where there is one."""


class Observed(NamedTuple):
    """A forward pass."""

    parts: Mapping[str, Array]
    """What it returned, by name or place: each with the examples first."""
    calls: tuple[Call, ...] = ()
    """In their order; none where the framework does not let them be seen."""
    drawn: tuple[tuple[int, ...], ...] = ()
    """The shapes of the noise that was drawn."""


class Returned(NamedTuple):
    """What a forward pass returned, and whether its layers are seen."""

    named: Mapping[str, str]
    """The parts' keys by what they are: output, mu, logvar, ..."""
    link: str
    """What follows the decoder's last layer, "" if it is not known."""
    sees: bool


class Source(NamedTuple):
    """Where an argument of the loss comes from in a forward pass."""

    part: str | None = None
    """What was returned under this name, or ..."""
    piece: Piece | None = None
    """... the value that this weight made, of these columns, or ..."""
    given_to: str | None = None
    """... what this weight was multiplied with."""


class Goal(NamedTuple):
    """A loss to call, and how what it returns becomes the mean over the batch of -ELBO."""

    function: Callable[..., Any]
    arguments: Sequence[tuple[str, Source | None]]
    """Roles in their order; ``x`` has no source."""
    factor: float = 1.0
    """Of what it returns."""
    batch: bool = False
    """Whether it is divided by the batch size as well."""
    offset: float = 0.0
    """Added then."""

    def scale(self, rows: int) -> float:
        """The factor of a batch of so many examples."""
        return self.factor / rows if self.batch else self.factor


class Program(Protocol):
    """Somebody's model."""

    framework: str
    """Its name, for the report."""

    def foreign(self) -> list[str]:
        """The kinds of its layers that are not dense."""

    def sizes(self) -> list[int]:
        """What D may be, the most likely first."""

    def tensors(self) -> dict[str, Array]:
        """Copies of all that is trained, by its names."""

    def write(self, tensors: Mapping[str, Array]) -> None:
        """Other values for some of them."""

    def forward(self, x: Array, eps: Array) -> Observed:
        """Of (N, D) with this noise (N, K); ``ValueError`` if it cannot be called so."""

    def own_loss(self, loss: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """The loss that is to be asked, after a forward pass: as it is given, or that which forward returned."""

    def objective(self, loss: Callable[..., Any], returned: Returned, plan: Plan
                  ) -> tuple[Callable[..., Any], Returned]:  # fmt: skip
        """A loss that calls the model itself, as one of what comes out, and what that is; another one as it is."""

    def slopes(self, goal: Goal, x: Array, eps: Array) -> tuple[float, dict[str, Array]]:
        """The loss and its derivatives by name, of the goal's scale."""

    def optimizer(self, make: Callable[..., Any] | None) -> Any:
        """A new one, by a function of the parameters, or the framework's Adam with a learning rate of 0.001."""

    def rule(self, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
        """The settings of our `Adam` that it has, numbers as texts; or None, and why it is none."""

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """The tensors after each step, of (x, eps); they are as before afterwards.

        No more after a step that makes NaN of them, or after which the loss fails.
        """


class Mirrored:
    """A program whose sampler subtracts its noise, given the other one: z is mu + sigma eps again."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def forward(self, x: Array, eps: Array) -> Observed:
        """See `Program.forward`."""
        return self._program.forward(x, -eps)

    def slopes(self, goal: Goal, x: Array, eps: Array) -> tuple[float, dict[str, Array]]:
        """See `Program.slopes`."""
        return self._program.slopes(goal, x, -eps)

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """See `Program.train`."""
        return self._program.train(goal, [(x, -eps) for x, eps in batches], optimizer)


def maximises(optimizer: Any) -> bool:
    """Whether it goes up what it is given, as PyTorch's do with ``maximize=True``."""
    groups = getattr(optimizer, "param_groups", None) or [{}]
    return bool(groups[0].get("maximize", False))


def is_finite(state: Mapping[str, Array]) -> bool:
    """Whether all weights are."""
    return all(bool(np.isfinite(value).all()) for value in state.values())


def up_to_failure(states: Sequence[Mapping[str, Array]]) -> list[Mapping[str, Array]]:
    """The states up to the first that is not finite, and that one: a loss of such weights may raise anything."""
    ends = (t for t, state in enumerate(states, 1) if not is_finite(state))
    return list(states[: next(ends, len(states))])


def is_square(n: int) -> bool:
    """Whether so many pixels are an image as high as it is wide."""
    return int(np.sqrt(n) + 0.5) ** 2 == n
