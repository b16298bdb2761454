"""What a loss and a sampler are asked with, and how the arguments of a loss are told apart.

The sizes are distinct odd primes, so that a factor of N, D or K names itself; nothing is 0, 1/2 or 1.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ROLES",
    "SECOND",
    "WEIGHTS",
    "D",
    "K",
    "N",
    "Probe",
    "of_log_variance",
    "orders",
    "probe",
    "role_of",
    "with_numbers",
]

Array = NDArray[Any]
N, D, K = 3, 7, 5
"""Examples, features, latent dimensions."""
ROLES = ("output", "x", "mu", "logvar")
NAMES = {
    "output": "recon recon_x x_recon xrecon reconstruction reconstructed reconstructed_x x_hat xhat x_reconst logits"
    " output outputs out pred prediction y_pred decoded probs x_logit x_logits recons x_pred",
    "x": "x target targets data input inputs y y_true images image original x_true batch inp",
    "mu": "mu mean z_mean m mus means latent_mean",
    "logvar": "logvar log_var z_log_var logvars log_variance z_logvar lv log_sigma_sq logsigma2 log_sigma2"
    " z_log_sigma_sq",
    "sigma": "sigma std stddev z_std sd",
    "logstd": "log_std logstd log_sigma logsigma log_scale log_stddev log_sd lnsigma z_log_std",
    "var": "var variance sigma2 sigma_sq sigmasq sigma_squared sig2 z_var",
    "z": "z zs z_sample z_samples latent latents latent_sample code",
}
"""What programs call them."""
WEIGHTS = {
    *("beta", "kl_weight", "kld_weight", "weight_kl", "w_kl", "kl_coef", "kl_coeff", "kl_beta", "beta_kl", "beta_vae"),
    *("kl_lambda", "kl_scale", "kld_w", "anneal"),
}
"""What they call beta, where the loss takes it."""
SECOND = ("logvar", "var", "sigma", "logstd")
"""What may stand beside mu."""
STEPS = {
    *("epoch", "epochs", "step", "steps", "global_step", "iteration", "iterations", "it", "iter", "n_iter"),
    *("current_epoch", "current_step", "epoch_num", "step_num", "num_iter"),
}
"""What they call how far the training is."""
LATE = 10**9
"""Such a step: a warm-up is over."""
_BY_NAME = {name: role for role, names in NAMES.items() for name in names.split()}


def role_of(name: str) -> str | None:
    """What an argument of this name usually is."""
    return _BY_NAME.get(name.lower())


class Probe(NamedTuple):
    """The arrays, float64: output and x (N, D), mu, logvar and eps (N, K)."""

    output: Array
    x: Array
    mu: Array
    logvar: Array
    eps: Array

    def of(self, order: tuple[str, ...]) -> list[Array]:
        """The arguments in this order; what stands for logvar is `of_log_variance`'s, and z is mu + sigma eps."""
        made = of_log_variance(self.logvar)
        made["z"] = self.mu + made["sigma"] * self.eps
        return [made[role] if role in made else getattr(self, role) for role in order]


def of_log_variance(logvar: Array) -> dict[str, Array]:
    """What a program may have in its place: the deviation, its logarithm, the variance."""
    return {"sigma": np.exp(logvar / 2), "logstd": logvar / 2, "var": np.exp(logvar)}


def probe(seed: int = 0, features: int = D, latent: int = K) -> Probe:
    """Grey x and outputs in (0.1, 0.9), which may be probabilities, logits or means; the rest of any sign."""
    draw = np.random.Generator(np.random.Philox(seed))
    output, x = (draw.uniform(0.1, 0.9, (N, features)) for _ in range(2))
    mu, logvar = draw.normal(0, 1, (N, latent)), draw.normal(-0.3, 0.8, (N, latent))
    return Probe(output, x, mu, logvar, draw.normal(0, 1, (N, latent)))


def orders(f: Callable[..., Any], given: tuple[str, ...] | None = None) -> Iterator[tuple[str, ...]]:
    """The orders in which the arguments of a loss may be meant: as given, by their names, else each that fits.

    Raises
    ------
    ValueError
        If it takes another number of arguments, or ``given`` names no role.
    """
    if given is not None:
        unknown = [role for role in given if role not in _BY_NAME.values()]
        if unknown:
            known = ", ".join((*ROLES, *SECOND[1:], "z"))
            raise ValueError(f"the arguments are some of {known}, beta, epoch or a number; got {unknown[0]!r}")
        if twice := next((role for i, role in enumerate(given) if role in given[:i]), None):
            raise ValueError(f"the arguments are each given once; {twice} is there twice")
        yield tuple(given)
        return
    names = _positional(f)
    roles = [role_of(name) for name in names]
    if all(roles) and len(set(roles)) == len(roles):
        yield tuple(str(role) for role in roles)
        if "logstd" in roles:  # the logarithm of the deviation may be called so, and be half of that of the variance
            yield tuple("logvar" if role == "logstd" else str(role) for role in roles)
        return
    if len(names) == 2 and "mu" in roles:
        yield from (tuple(role or second for role in roles) for second in SECOND)
    elif len(names) == 2:
        yield from itertools.permutations(("output", "x"))
    elif len(names) == 4:
        yield from itertools.permutations(ROLES)
        if roles.count(None) == 1 and {*roles, None} == {"output", "x", "mu", None}:
            yield from (tuple(role or second for role in roles) for second in SECOND[1:])
    else:
        left = iter([role for role in ROLES if role not in roles])
        filled = [role or next(left, "1") for role in roles] if len(names) > 1 else list(ROLES)
        raise ValueError(
            "a loss takes output, x, mu and logvar, in any order, or output and x alone; sigma, var or logstd for"
            " logvar, z, beta and epoch are known, too; these arguments are not told by their names:"
            f" {', '.join(names) or 'none'}; say what each is, or a number that it is given:"
            f" arguments={tuple(filled)!r}, on the command line --arguments {','.join(filled)}"
        )


def with_numbers(f: Callable[..., Any], beta: float, given: tuple[str, ...] | None
                 ) -> tuple[Callable[..., Any], tuple[str, ...] | None]:  # fmt: skip
    """A loss that takes beta, a step or another number, as one of arrays alone, and its arguments' roles.

    beta is the one that is meant, a step is one after any warm-up; ``given`` may have a number for another one.
    """
    f = _without_defaults(f, beta)
    names = list(given) if given is not None else _positional(f)
    numbers = {i: value for i, name in enumerate(names) if (value := _number(name, beta)) is not None}
    if not numbers:
        return f, given

    def bound(*arguments: Any) -> Any:
        left = iter(arguments)
        return f(*[numbers[i] if i in numbers else next(left) for i in range(len(names))])

    bound.__wrapped__ = f  # type: ignore[attr-defined]  # its module is f's
    needed = [p for name, p in inspect.signature(f).parameters.items() if name in _positional(f)]
    bound.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p for i, p in enumerate(needed) if i not in numbers]
    )
    return bound, None if given is None else tuple(name for i, name in enumerate(given) if i not in numbers)


def _without_defaults(f: Callable[..., Any], beta: float) -> Callable[..., Any]:
    """A loss whose beta or step has a default is given the one that is meant, and a late one, all the same."""
    parameters = inspect.signature(f).parameters.values()
    numbers = (int, float)
    usual = [p for p in parameters if isinstance(p.default, numbers) and not isinstance(p.default, bool)]
    later = {p.name: beta if p.name.lower() in WEIGHTS else LATE for p in usual
             if p.name.lower() in WEIGHTS | STEPS and p.kind is not inspect.Parameter.POSITIONAL_ONLY}  # fmt: skip
    if not later:
        return f

    def bound(*arguments: Any, **others: Any) -> Any:
        return f(*arguments, **later | others)

    bound.__wrapped__ = f  # type: ignore[attr-defined]  # its module is f's
    bound.__name__ = getattr(f, "__name__", "loss")
    bound.__signature__ = inspect.Signature([p for p in parameters if p.name not in later])  # type: ignore[attr-defined]
    return bound


def _number(name: str, beta: float) -> float | int | None:
    """What an argument of this name is given."""
    if name.lower() in WEIGHTS:
        return beta
    if name.lower() in STEPS:
        return LATE
    try:
        value = float(name)
    except ValueError:
        return None
    return int(value) if name.lstrip("+-").isdigit() else value


def _positional(f: Callable[..., Any]) -> list[str]:
    """The names of the arguments that must be given."""
    found = inspect.signature(f).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in found if p.kind in kinds and p.default is inspect.Parameter.empty]
