"""What is said of a reconstruction or a KL that is not there, is for another output, or is none that is known."""

from __future__ import annotations

import numpy as np

from vae_np.conformance.objective.fitting import Loss, terms_of_kl
from vae_np.conformance.objective.forms import KLS, Form, gradient
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import Probe

__all__ = ["no_derivative", "other_output", "unlike"]


CUT = "item(), detach(), numpy() or no_grad() cuts it off, and nothing is learned of it"


def no_derivative(name: str, depends: bool) -> Finding:
    """Of a loss that is given what it should have a derivative to, and ``depends`` on it all the same, or does not."""
    given, them = ("mu and logvar", "them") if name == "KL" else ("the output", "it")
    says = f"the loss takes {given} and has no derivative to {them}: "
    says += f"its value depends on {them}, but {CUT}" if depends else f"no {name}"
    return Finding(f"{'kl' if name == 'KL' else 'rec'}-no-derivative", "H", says)


def no_derivatives(depends: bool) -> Finding:
    """Of a loss without any."""
    says = "the loss depends neither on the output nor on mu and logvar: all derivatives are 0"
    if depends:
        says = f"the loss has a value that depends on its arguments and no derivative: {CUT}"
    return Finding("no-derivative", "H", says)


def other_output(form: Form, output: str) -> Finding:
    """A form that takes the decoder's output for something else."""
    if (form.output, output) == ("logits", "probabilities"):
        says = "the loss applies a sigmoid to what is a probability already"
        return Finding("double-sigmoid", "H", says)
    return Finding("output-kind", "H", f"the loss takes the decoder's output for {form.output}, and it is {output}")


def _one_half(found: Loss, at: Probe, allowed: float) -> str:
    """Of a KL whose derivative is right by one of mu and logvar alone."""
    slopes = [gradient(KLS[0], at.mu, at.logvar, of=i) for i in (0, 1)]
    for i, (one, other) in enumerate((("mu", "logvar"), ("logvar", "mu"))):
        scale = float(np.sum(slopes[i] * found.d_latent[i]) / np.sum(slopes[i] ** 2))
        largest = float(np.abs(found.d_latent[i]).max())
        if largest > 0 and np.abs(found.d_latent[i] - scale * slopes[i]).max() <= allowed * largest:
            right = f"{scale:.6g} times that of {KLS[0].says}"
            return f"no known KL has this derivative: by {one} it is {right}, by {other} it is not: look at its terms"
    return ""


def unlike(form: Form, off: float, name: str, found: Loss, at: Probe, allowed: float) -> str:
    """What an unknown derivative looks like."""
    if name == "KL":
        c_mu, c_e, c_s, rest = terms_of_kl(found.d_latent, at)
        if rest <= allowed:
            return f"the KL is 1/2 sum({c_mu:.6g} mu^2 + {c_e:.6g} e^s - {c_s:.6g} s), which is none that is known"
        if half := _one_half(found, at, allowed):
            return half
    return f"no known {name} has this derivative; the nearest, {form.says}, is off by {off:.2g} of it"
