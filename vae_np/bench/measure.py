"""Times a training step beside its matrix products alone and beside the same step on the formulas.

    step        forward, backward and Adam on compiled kernels
    products    the step's matrix products alone: NumPy's, dense, into buffers that are made once
    numpy       the step on the formulas, ``backend="numpy"``

They take turns, warmed up, since machines are shared and their clocks wander; what counts is the ratios.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.bench.share import share_of_cores
from vae_np.formulas.likelihoods import Bernoulli, Likelihood
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.optim import Adam, AdamState
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step.engine import default_threads
from vae_np.model.vae import VAE
from vae_np.support import machine
from vae_np.support.checks import float_dtype, positive, real, whole
from vae_np.support.noise import standard_normal, stream

__all__ = ["DEFAULTS", "STAGES", "Case", "Result", "Timing", "default_cases", "facts", "measure"]

Array = NDArray[Any]
Call = Callable[[], object]

ROUNDS = 5
STAGES = 1 + 3 * (1 + ROUNDS)
"""How often `measure` tells its progress: the first step, and three turns in each round and in that which warms up."""
REST = 10
"""Turns, at most, that are waited for a BLAS's threads to sleep after a turn."""
DEFAULTS: tuple[tuple[int, tuple[int, ...], int, int], ...] = (
    (64, (64,), 2, 64),
    (784, (400,), 20, 128),
    (784, (200, 200), 50, 20),
)
"""Features, hidden widths, latent dimensions and batch of a small, a usual and a deep network."""


@dataclass(frozen=True)
class Case:
    """What is to be timed; ``ValueError``, ``TypeError`` or ``MemoryError`` if it makes no sense on this machine.

    ``density`` is the share of ones in binary data, for the Bernoulli likelihood; the others are given grey data,
    uniform in [0, 1). ``threads`` are those of the compiled step, what the sizes are worth if None, and NumPy's BLAS is
    held to as many.
    """

    features: int
    hidden: tuple[int, ...]
    latent: int
    batch: int
    samples: int = 1
    dtype: str = "float32"
    activation: str = "tanh"
    likelihood: Likelihood = field(default_factory=Bernoulli)
    density: float = 0.13
    threads: int | None = None

    def __post_init__(self) -> None:
        float_dtype(self.dtype)
        whole("batch", self.batch, at_least=1)
        whole("samples", self.samples, at_least=1)
        if not 0 <= real("density", self.density) <= 1:
            raise ValueError(f"density must lie in [0, 1]; got {self.density}")
        cores = machine.usable_cores()
        if self.threads is not None and whole("threads", self.threads, at_least=1) > cores:
            raise ValueError(f"threads must be at most {cores}, the cores there are; got {self.threads}")
        needed, there = self._bytes(), machine.memory()
        if there is not None and needed > there:
            raise MemoryError(f"{self} takes {needed / 1e9:.3g} GB; this machine has {there / 1e9:.3g} GB")

    def __str__(self) -> str:
        samples = f", S = {self.samples}" if self.samples > 1 else ""
        return "-".join(map(str, [self.features, *self.hidden, self.latent])) + f", batch {self.batch}{samples}"

    @property
    def architecture(self) -> Architecture:
        """Of the model; the decoder's hidden layers are the encoder's in reverse order."""
        hidden = tuple(self.hidden)
        return Architecture(self.features, hidden, self.latent, hidden[::-1], self.activation, self.likelihood)

    def layers(self) -> list[tuple[int, int, int]]:
        """Rows, fan_in and fan_out of each matrix product of the forward pass, the two heads as one of 2K units."""
        shapes = {name: shape for name, shape in self.architecture.shapes().items() if name.endswith(".W")}
        found = []
        for name, (fan_in, fan_out) in shapes.items():
            rows = self.batch * (self.samples if name.startswith("decoder") else 1)
            if name != "encoder.logvar":
                found.append((rows, fan_in, 2 * fan_out if name == "encoder.mu" else fan_out))
        return found

    def flop(self) -> int:
        """Of a step's products: forward, the weight's gradient and the input's, but for x."""
        return sum((4 if i == 0 else 6) * math.prod(layer) for i, layer in enumerate(self.layers()))

    def _bytes(self) -> int:
        """Memory that is needed at least: parameters, gradients, moments of two models, and what the layers put out."""
        parameters = sum(math.prod(shape) for shape in self.architecture.shapes().values())
        outputs = sum(rows * (fan_in + fan_out) for rows, fan_in, fan_out in self.layers())
        return np.dtype(self.dtype).itemsize * (10 * parameters + 3 * outputs)


class Timing(NamedTuple):
    """Milliseconds of a call: the median and the quartiles of so many calls."""

    median: float
    low: float
    high: float
    calls: int


@dataclass(frozen=True)
class Result:
    """What `measure` found. ``first_step`` is in milliseconds and includes compiling, or loading compiled code, where
    the process has not done so before; ``memory`` is bytes of all arrays of the compiled model, Adam and buffers;
    ``share`` is that of the cores before or after, whichever is less (`share.share_of_cores`)."""

    case: Case
    threads: int
    step: Timing
    products: Timing
    numpy: Timing
    first_step: float
    memory: int
    share: float

    @property
    def examples_per_second(self) -> float:
        """Of the compiled step."""
        return 1e3 * self.case.batch / self.step.median

    @property
    def step_over_products(self) -> float:
        """1 if all but the dense products cost nothing; sparse data can make it less."""
        return self.step.median / self.products.median

    @property
    def numpy_over_step(self) -> float:
        """How much faster the kernels are than the formulas."""
        return self.numpy.median / self.step.median

    @property
    def spread(self) -> float:
        """How far apart the quartiles are, in units of the median, at worst: much where other programs run."""
        return max((timing.high - timing.low) / timing.median for timing in (self.step, self.products, self.numpy))

    @property
    def gflops(self) -> float:
        """10^9 floating-point operations a second, of the products."""
        return self.case.flop() / self.products.median / 1e6

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; milliseconds."""
        c = self.case
        return {
            **{name: getattr(c, name) for name in ("features", "hidden", "latent", "batch", "samples", "dtype")},
            "activation": c.activation,
            "likelihood": c.likelihood.config(),
            "density": c.density if c.likelihood.name == "bernoulli" else None,
            "threads": self.threads,
            **{f"{name}_ms": getattr(self, name)._asdict() for name in ("step", "products", "numpy")},
            "first_step_ms": self.first_step,
            "memory_bytes": self.memory,
            "examples_per_second": self.examples_per_second,
            "step_over_products": self.step_over_products,
            "numpy_over_step": self.numpy_over_step,
            "gflops": self.gflops,
            "spread": self.spread,
            "share_of_cores": self.share,
        }


def default_cases(**options: Any) -> list[Case]:
    """`DEFAULTS` with these options; with the JIT off the first alone, since plain Python takes minutes for a step."""
    return [Case(*sizes, **options) for sizes in (DEFAULTS if COMPILED else DEFAULTS[:1])]


def facts(threads: int | None = None) -> dict[str, Any]:
    """`machine.facts` as they are while a case with that many threads is measured, and whether the JIT is on."""
    with machine.numpy_threads(threads):
        return machine.facts() | {"jit": COMPILED}


def measure(case: Case, seconds: float = 0.7, progress: Call = lambda: None) -> Result:
    """Time one case.

    Parameters
    ----------
    case : Case
    seconds : float
        Of timing for each of the three, in turns; warming up and pauses come on top.
    progress : callable
        Called `STAGES` times, after each turn.

    Examples
    --------
    >>> found = measure(Case(8, (4,), 2, batch=3), seconds=0.01)
    >>> found.step_over_products == found.step.median / found.products.median
    True
    """
    turn = positive("seconds", seconds) / ROUNDS
    x = _data(case)
    first_step = _turn(_step(_model(case), case, x), 0)[0]
    progress()
    vae, step, memory = _traced_step(case, x)
    calls = {"step": step, "products": _products(case), "numpy": _step(_model(case, "numpy"), case, x)}
    times: dict[str, list[float]] = {name: [] for name in calls}
    own = default_threads(machine.usable_cores(), vae.parameters.vector.size, case.batch * case.samples)
    threads = vae.threads or own
    share = share_of_cores(threads)
    with machine.numpy_threads(case.threads):
        for number in range(1 + ROUNDS):
            for name, call in calls.items():
                found = _turn(call, turn)
                times[name] += found if number else []  # the first round warms up
                machine.until_quiet(min(machine.LONGEST_SPIN, REST * turn))
                progress()
    timings = {name: _timing(found) for name, found in times.items()}
    share = min(share, share_of_cores(threads))
    return Result(case, threads, **timings, first_step=first_step, memory=memory, share=share)


def _turn(call: Call, seconds: float) -> list[float]:
    """The times of the calls that fit in, in milliseconds, without the first if there are others: it has no caches."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - began))
    return times[1:] or times


def _timing(times: list[float]) -> Timing:
    low, median, high = np.percentile(times, [25, 50, 75]).tolist()
    return Timing(median, low, high, len(times))


def _data(case: Case) -> Array:
    """0 and 1 for the Bernoulli likelihood, else grey, or what the likelihood makes of grey values."""
    x = stream(0, "benchx").random((case.batch, case.features), np.dtype(case.dtype).type)
    if case.likelihood.name == "bernoulli":
        return (x < case.density).astype(case.dtype)
    return case.likelihood.examples(x)


def _model(case: Case, backend: str = "numba") -> VAE:
    names = ("hidden", "latent", "activation", "likelihood", "dtype", "threads")
    return VAE(case.features, backend=backend, **{name: getattr(case, name) for name in names})


def _step(vae: VAE, case: Case, x: Array) -> Call:
    """A training step. Its learning rate is 0, so that every step does the same work on the same numbers."""
    eps = standard_normal(0, 1, (case.samples, case.batch, case.latent), vae.dtype)
    objective, adam = ELBO(), Adam(learning_rate=0.0)
    state = AdamState.zeros(vae.parameters.vector, adam)
    return lambda: vae.engine.train(x, eps, objective, 1.0, adam, state)


def _traced_step(case: Case, x: Array) -> tuple[VAE, Call, int]:
    """A model, its step, and the bytes of the arrays that they hold after one step, as NumPy tells them."""
    began = not tracemalloc.is_tracing()
    if began:
        tracemalloc.start()
    try:
        before = _array_bytes()
        vae = _model(case)
        step = _step(vae, case, x)
        step()
        return vae, step, _array_bytes() - before
    finally:
        if began:
            tracemalloc.stop()


def _array_bytes() -> int:
    only = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([only]).traces)


def _products(case: Case) -> Call:
    """All products of a step."""
    rng, dtype, buffers = stream(0, "benchw"), np.dtype(case.dtype), []
    for i, (rows, fan_in, fan_out) in enumerate(case.layers()):
        x, W = (rng.random(shape, dtype.type) for shape in ((rows, fan_in), (fan_in, fan_out)))
        buffers.append((x, W, np.empty((rows, fan_out), dtype), np.empty_like(W), np.empty_like(x) if i else None))

    def multiply() -> None:
        for x, W, y, dW, dx in buffers:
            np.dot(x, W, out=y)
            np.dot(x.T, y, out=dW)
            if dx is not None:
                np.dot(y, W.T, out=dx)

    return multiply
