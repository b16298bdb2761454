"""Every gradient estimator beside the exact gradient."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from vae_np.estimators import measure, target
from vae_np.estimators.targets import what_of
from vae_np.formulas.objectives import get_objective
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE
from vae_np.plots.studies import estimator_spread
from vae_np.study.finding import Finding
from vae_np.support.checks import whole
from vae_np.support.errors import NotConvergedWarning

__all__ = ["ESTIMATORS", "check_samples", "estimators"]

ESTIMATORS = (
    "elbo", "elbo-sampled", "stl", "reinforce", "reinforce:baseline=leave-one-out", "iwae", "dreg", "vimco", "rws",
    "rws-dreg", "miwae:groups=2", "piwae:groups=2", "ciwae:share=0.5", "renyi:alpha=0.5",
)  # fmt: skip


def check_samples(samples: int) -> None:
    """``ValueError`` unless every estimator can have so many: an even number."""
    for name in ESTIMATORS:
        get_objective(name).check_samples(whole("samples", samples, at_least=1))


def estimators(vae: VAE, x: ArrayLike, *, samples: int = 2, estimates: int = 2000, seed: int = 0,
               tell: Callable[[str], None] | None = None) -> Finding:  # fmt: skip
    """Bias and deviation of each estimator's gradient for encoder and decoder, over so many estimates.

    The exact gradient is `estimators.target`, where its quadrature is possible (S K <= 4) and converges; else there is
    no bias to tell, and the norm is that of the estimates' own mean.

    Parameters
    ----------
    vae : VAE
        In float64.
    x : array, shape (N, D)
    samples : int
        S, an even number.
    estimates, seed : int
    tell : callable, optional
        Called with the name of each estimator before it is measured: some seconds each, where there are 4 noises.
    """
    check_samples(samples)
    rows: list[dict[str, Any]] = []
    without = []
    exacts: dict[str, tuple[Parameters | None, float]] = {}  # some share theirs
    for name in ESTIMATORS:
        if tell is not None:
            tell(name)
        after = what_of(name)
        if after not in exacts:
            exacts[after] = _target(vae, x, after, samples)
        exact, error = exacts[after]
        found = measure(vae, x, name, samples, estimates=estimates, seed=seed, exact=exact)
        for row in found.rows():
            if row.name in ("encoder", "decoder"):
                if error > row.deviation / math.sqrt(estimates):
                    row = row._replace(worst=math.nan)
                    without.append(name)
                rows.append({"estimator": name, **row._asdict()})
    lines = [
        f"S = {samples} samples, {estimates:,} estimates of the gradient of the mean bound; biases in units of their"
        " standard error",
        "",
        f"{'':34} {'encoder':>32} {'decoder':>36}",
        f"{'estimator':34} {'norm':>10} {'deviation':>10} {'bias':>10}   {'norm':>12} {'deviation':>10} {'bias':>10}",
    ]
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        words = [f"{row['norm']:10.3g} {row['deviation']:10.3g} {_bias(row)}" for row in (first, second)]
        lines.append(f"{first['estimator']:34} {words[0]}   {words[1]:>34}")
    lines += [
        "",
        "norm: of the exact gradient, without one of the estimates' mean",
        "deviation: of one estimate, root mean square over the entries; bias: the worst entry's, some 3 where none is",
        "rws, rws-dreg: the encoder descends KL(p(z|x) || q), and reaches its gradient as S grows: the bias is real",
    ]
    if without:
        why = "takes S K <= 4" if samples * vae.architecture.latent > 4 else "has not converged"
        names = list(dict.fromkeys(without))
        which = "all" if len(names) == len(ESTIMATORS) else ", ".join(names)
        lines += textwrap.wrap(f"no bias is told of {which}: the exact gradient's quadrature {why}", 120)
    values = {"samples": samples, "estimates": estimates, "rows": rows}
    return Finding(lines, values, lambda path: estimator_spread(rows, path))


def _target(vae: VAE, x: ArrayLike, name: str, samples: int) -> tuple[Parameters | None, float]:
    """The exact gradient, if it is to be had, and by what it may be off."""
    if samples * vae.architecture.latent > 4:
        return None, math.inf
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NotConvergedWarning)
        found = target(vae, x, name, samples, tolerance=1e-5, most=2**18)
    return found, max(
        (one.message.error for one in caught if isinstance(one.message, NotConvergedWarning)), default=0.0
    )


def _bias(row: dict[str, Any]) -> str:
    return f"{'-':>10}" if row["worst"] != row["worst"] else f"{row['worst']:7.1f} se"
