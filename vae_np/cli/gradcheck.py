"""vae-np gradcheck."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from vae_np.cli import assemble, common, output, runs
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from vae_np.model.vae import VAE

COMMAND = Command(60, "check a model's gradients by two independent methods", "--likelihood gaussian --sigma learned")
NEW_MODEL = ("features", "hidden", "latent", "activation", "likelihood", "sigma", "posterior", "prior", "dtype")
"""The options that describe a new model, and contradict a given one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a run's folder or a model file [a small new model]")
    add = parser.add_argument_group("the new model").add_argument
    add("--features", type=int, metavar="D", help="[13]")
    add("--hidden", type=common.integers, metavar="H,H", help="widths of its hidden layers [11]")
    add("--latent", type=int, metavar="K", help="[5]")
    add("--activation", metavar="NAME", help="[tanh]")
    add("--likelihood", metavar="NAME", help="[bernoulli]")
    add("--sigma", type=common.number_or_word, metavar="SIGMA", help="of the gaussian: a number, learned, ... [1]")
    add("--posterior", metavar="NAME", help="diagonal, full, planar:flows=2, ... [diagonal]")
    add("--prior", metavar="NAME", help="standard, mixture:components=3, ... [standard]")
    add("--dtype", choices=["float64", "float32"], help="[float64]")
    add = parser.add_argument_group("the check").add_argument
    add("--backend", choices=["numba", "numpy"], help="[numba]")
    add("--objective", metavar="NAME", help="elbo, iwae, elbo:free_bits=0.5, ... [elbo]")
    add("--samples", type=int, metavar="S", help="[2]")
    add("--beta", type=float, metavar="B", help="[0.37; 1 where the objective has none, as iwae]")
    add("--seed", type=int, metavar="N", help="of parameters, data, noise and directions [0]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np gradcheck --activation gelu --likelihood gaussian --sigma heteroscedastic\n"
        "  vae-np gradcheck runs/digits-1 --objective iwae --samples 5\n\nexit code 1 where a gradient fails"
    )


def run(args: argparse.Namespace) -> int:
    """Check and print the table."""
    from vae_np.formulas.objectives import get_objective
    from vae_np.gradcheck import check_model
    from vae_np.support.noise import standard_normal, stream

    given = vars(args)
    seed, shown, samples = given.get("seed", 0), given.get("objective", "elbo"), given.get("samples", 2)
    objective = get_objective(shown)
    if samples < 1:
        raise ValueError(f"--samples must be at least 1; got {samples}")
    vae = _model(given, seed)
    n, d, high = 3, vae.architecture.n_features, vae.likelihood.support[1]
    x = stream(seed, "gradx").random((n, d))
    real = vae.likelihood.real(d)
    x[:, real] = 4 * x[:, real] - 2
    x[:, ::2] = (x[:, ::2] > 0.5) if high == 1 else x[:, ::2]  # grey and binary values
    x = vae.likelihood.examples(x)
    eps = standard_normal(seed, 1, (samples, n, vae.architecture.latent), vae.dtype)
    beta = given.get("beta", 0.37 if objective.analytic_kl else 1.0)
    report = check_model(vae, x.astype(vae.dtype), eps, beta, objective=objective, seed=seed)
    if "json" in given:
        output.print_json({"model": repr(vae), **report.to_dict()})
    else:
        print(f"{vae!r}\n{shown}, beta {beta:g}, {n} examples of {samples} samples, loss {report.loss:.12g} nats")
        if objective.analytic_kl and not vae.architecture.has_kl:
            print(common.sampled_kl(vae))
        print(report.table())
        print("all gradients are right" if report.ok else "SOME GRADIENTS ARE WRONG")
    return 0 if report.ok else 1


def _model(given: dict[str, Any], seed: int) -> VAE:
    """The model that is given, or a new one."""
    if given.get("model") is None:
        return _new_model(given, seed)
    if other := [name for name in NEW_MODEL if name in given]:
        raise ValueError(f"--{other[0]} describes a new model, and {given['model']} is to be checked")
    return runs.load_run(given["model"], given.get("backend")).vae


def _new_model(given: dict[str, Any], seed: int) -> VAE:
    """A small model with parameters off their initial zeros."""
    from vae_np.model.vae import VAE
    from vae_np.support.noise import stream

    vae = VAE(
        given.get("features", 13),
        hidden=given.get("hidden", (11,)),
        latent=given.get("latent", 5),
        activation=given.get("activation", "tanh"),
        likelihood=assemble.likelihood({"likelihood": "bernoulli", **given}),
        posterior=given.get("posterior", "diagonal"),
        prior=given.get("prior", "standard"),
        dtype=given.get("dtype", "float64"),
        backend=given.get("backend", "numba"),
        seed=seed,
    )
    vector = vae.parameters.vector
    vector += (0.1 * stream(seed, "gradtht").standard_normal(vector.size)).astype(vector.dtype)
    return vae
