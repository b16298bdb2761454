"""What a model is made of: architecture, parameters and engine, its checks of what it is given, its start, its file."""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.engine import Engine, FormulaEngine
from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.likelihoods.conditional import conditional, of_data
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors import Diagonal, Posterior
from vae_np.formulas.priors import Prior, Standard
from vae_np.formulas.scaling import FeatureMoments, Scaling, moments, standardising
from vae_np.model.archive import write_archive
from vae_np.model.conditional import joined
from vae_np.model.initialisers import initialise, start_own
from vae_np.model.inputs import check_float, check_widths
from vae_np.support import noise
from vae_np.support.checks import whole
from vae_np.support.errors import ConstantFeaturesWarning

__all__ = ["Model"]

Array = NDArray[Any]
SCALES = ("none", "standard")
MOST_THREADS = 1024


class Model:
    """`VAE` without its mathematics; the arguments are described there."""

    def __init__(
        self,
        n_features: int,
        *,
        hidden: Sequence[int] = (400,),
        latent: int = 20,
        activation: str = "tanh",
        likelihood: str | Likelihood | Mapping[str, Any] = "bernoulli",
        posterior: str | Posterior | Mapping[str, Any] = "diagonal",
        prior: str | Prior | Mapping[str, Any] = "standard",
        dtype: DTypeLike = "float64",
        backend: str = "numba",
        seed: int = 0,
        decoder_hidden: Sequence[int] | None = None,
        init: str = "glorot-uniform",
        threads: int | None = None,
        scale: str = "none",
        condition: int = 0,
    ) -> None:
        if np.dtype(dtype) not in (np.dtype("float32"), np.dtype("float64")):
            raise ValueError(f"dtype must be float32 or float64; got {np.dtype(dtype)}")
        condition = whole("condition", condition, at_least=0)
        self.architecture = Architecture(
            whole("n_features", n_features, at_least=1) + condition if condition else n_features,
            check_widths("hidden", hidden),
            latent,
            check_widths("hidden", hidden)[::-1]
            if decoder_hidden is None
            else check_widths("decoder_hidden", decoder_hidden),
            activation,
            conditional(chosen(Likelihood, likelihood), condition),
            chosen(Posterior, posterior),
            chosen(Prior, prior),
        )
        self.scale = self._checked_scale(scale)
        self.seed, self.init, self.backend = noise.check_seed(seed), init, backend
        self._parameters = _zeros(self.architecture, np.dtype(dtype))
        initialise(self.parameters, init, self.seed)
        start_own(self.parameters, self.architecture, self.seed)
        self.threads = None if threads is None else _threads(threads)
        self.engine = _make_engine(backend, self.architecture, self.parameters, self.threads)

    def __repr__(self) -> str:
        a = self.architecture
        given = f"+{a.condition}" if a.condition else ""
        ends = [f"{a.n_data}{given}", *a.hidden], [f"{a.latent}{given}", *a.decoder_hidden, a.n_data]
        widths = "-".join(map(str, [*ends[0], *ends[1]]))
        size = self.parameters.vector.size
        plain = type(a.posterior) is Diagonal and type(a.prior) is Standard
        latent = "" if plain else f", {a.posterior!r}, {a.prior!r}"
        return f"VAE({widths}, {a.activation}, {of_data(a.likelihood)!r}{latent}, {self.dtype}, {size} parameters)"

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine, whose buffers look into the parameters' memory."""
        return {name: value for name, value in self.__dict__.items() if name != "engine"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.engine = _make_engine(self.backend, self.architecture, self.parameters, self.threads)

    @property
    def parameters(self) -> Parameters:
        """A mapping of names to arrays that are views into ``parameters.vector``."""
        return self._parameters

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self.parameters.dtype

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z); of a conditional model `Conditional`, p(x|z, c) of rows [x, c]."""
        return self.architecture.likelihood

    @property
    def posterior(self) -> Posterior:
        """q(z|x)."""
        return self.architecture.posterior

    @property
    def prior(self) -> Prior:
        """p(z)."""
        return self.architecture.prior

    def check_data(self, x: ArrayLike, name: str = "x") -> Array:
        """X as a C-contiguous (N, D) array of the model's dtype within the likelihood's support, or an error."""
        array = self.check_float(name, x)
        self.likelihood.check(array, name)
        return array

    def check_float(self, name: str, x: ArrayLike) -> Array:
        """`check_data` without the support: what is only a probability until it is binarised passes."""
        array = check_float(name, x, self.architecture.n_features, self.dtype, self.architecture.condition)
        if array.ndim != 2:
            raise ValueError(f"{name} must have two dimensions, examples and features; it has shape {array.shape}")
        return array

    def rows(self, x: ArrayLike, condition: ArrayLike) -> Array:
        """The rows [x, c], (N, D + C), of a conditional model: what functions of models take for x."""
        return joined(self.architecture, self.dtype, x, condition)

    def given(self, x: ArrayLike, condition: ArrayLike | None) -> Array:
        """Checked rows as the networks see them."""
        return self.inside(self.check_data(x if condition is None else self.rows(x, condition)))

    @property
    def scaling(self) -> Scaling | None:
        """What ``scale="standard"`` has found, or None."""
        return self.architecture.scaling

    @scaling.setter
    def scaling(self, scaling: Scaling) -> None:
        if self.scale == "none":
            raise ValueError('the model has scale="none"; VAE(..., scale="standard") makes one with a scaling')
        if scaling.shift.shape != (self.architecture.n_data,):
            raise ValueError(f"the scaling has {len(scaling.shift)} features, the model {self.architecture.n_data}")
        self.architecture = dataclasses.replace(self.architecture, scaling=scaling)
        self.engine = _make_engine(self.backend, self.architecture, self.parameters, self.threads)

    def inside(self, x: Array) -> Array:
        """Checked data as the networks see them: standardised where the model does that."""
        if self.scale == "none":
            return x
        if self.scaling is None:
            raise ValueError(
                "the model's scaling is not known yet: fit finds it from the training data, or start_scaling(x) does"
            )
        return self.scaling.inside(x)

    def outside(self, u: Array) -> Array:
        """Back in the data's units."""
        return u if self.scaling is None else self.scaling.outside(u)

    def start_output_bias(self, x: ArrayLike) -> None:
        """Start where the decoder, whatever z, fits the data's mean: for Bernoulli, the output bias at the log-odds.

        A learned variance of the likelihood starts at the data's about its mean.
        """
        found = self._moments(x)
        if self.scaling is not None:  # its deviation, since its variance may overflow where the quotient's does not
            shift, scale = self.scaling.shift, self.scaling.scale
            found = found._replace(mean=(found.mean - shift) / scale, deviation=found.deviation / scale)
        mean, variance, likelihood = found.mean, found.variance, of_data(self.likelihood)
        self.parameters["decoder.out.b"][...] = likelihood.start(mean, variance)
        for name, value in likelihood.start_own(mean, variance).items():
            self.parameters[f"likelihood.{name}"][...] = value

    def start_scaling(self, x: ArrayLike, names: Sequence[str] | None = None) -> None:
        """Find shift and scale of ``scale="standard"``: each feature's mean and deviation over x, (N, D).

        A feature whose values are all one keeps the scale 1, and a ``UserWarning`` names it, by its number or by
        ``names``, of which one may stand for several columns that are one feature. Columns of a table's parts
        that do not admit every real number (`Columns`) are left as they are.
        """
        found = self._moments(x)
        real = of_data(self.likelihood).real(len(found.mean))
        self.scaling = standardising(found, real)
        if (constant := found.constant & real).any():
            warning = ConstantFeaturesWarning(
                np.flatnonzero(constant), len(found.mean) if names is None else len(set(names)), names
            )
            warnings.warn(warning, stacklevel=2)

    def _moments(self, x: ArrayLike) -> FeatureMoments:
        """The moments of checked data, a condition left out."""
        x = self.check_data(x)
        if len(x) == 0:
            raise ValueError("x has no examples to take a mean of")
        return moments(x[:, : self.architecture.n_data])

    def _checked_scale(self, scale: str) -> str:
        if scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}; got {scale!r}")
        support = self.likelihood.support
        if scale != "none" and not self.likelihood.real(self.architecture.n_features).any():
            raise ValueError(
                f"scale={scale!r} needs a likelihood of all real numbers, such as gaussian; {self.likelihood.name} has"
                f" the interval [{support[0]:g}, {support[1]:g}]"
            )
        return scale

    def config(self) -> dict[str, Any]:
        """All that makes the model but its parameters, JSON-able; ``VAE(**config)`` makes it again.

        ``ValueError`` or ``TypeError`` where it could not: see `doors.Named.checked_config`.
        """
        a = self.architecture
        return {
            "n_features": a.n_data,
            "hidden": list(a.hidden),
            "latent": a.latent,
            "decoder_hidden": list(a.decoder_hidden),
            "activation": a.activation,
            "likelihood": of_data(a.likelihood).checked_config(),
            "posterior": a.posterior.checked_config(),
            "prior": a.prior.checked_config(),
            "dtype": str(self.dtype),
            "init": self.init,
            "seed": self.seed,
            "scale": self.scale,
        } | ({"condition": a.condition} if a.condition else {})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, atomically; `vae_np.load` reads it."""
        write_archive(path, self.config(), self.parameters.vector, self.scaling)


def _zeros(architecture: Architecture, dtype: np.dtype[Any]) -> Parameters:
    """The parameters' memory, or an error that says which array is too large for it, and of what."""
    shapes = architecture.shapes()
    try:
        return Parameters(shapes, dtype=dtype)
    except (MemoryError, OverflowError, ValueError):
        name = max(shapes, key=lambda name: math.prod(shapes[name]))
        a, shape = architecture, shapes[name]
        raise MemoryError(
            f"there is no memory for {name}, {math.prod(shape)} numbers of shape {shape}, in a model with"
            f" latent={a.latent}, {a.posterior!r}, {a.prior!r}"
        ) from None


def _threads(threads: int) -> int:
    """Checked: all wait for each other many times a step, and thousands of them would look like a step that hangs."""
    if (threads := whole("threads", threads, at_least=1)) > MOST_THREADS:
        raise ValueError(f"threads must be at most {MOST_THREADS}; got {threads}")
    return threads


def _make_engine(backend: str, architecture: Architecture, parameters: Parameters, threads: int | None) -> Engine:
    """The engine of that name; numba is imported only for ``"numba"``."""
    if backend == "numpy":
        return FormulaEngine(architecture, parameters)
    if backend != "numba":
        raise ValueError(f"backend must be numba or numpy; got {backend!r}")
    from vae_np.kernels.step.engine import KernelEngine

    return KernelEngine(architecture, parameters, threads)
