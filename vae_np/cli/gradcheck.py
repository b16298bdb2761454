"""vae-np gradcheck."""

from __future__ import annotations

import argparse

from vae_np.cli import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("model", nargs="?", help="a run's folder or a model file; a small new model if left out")
    parser.add_argument("--features", type=int, help="D of a new model [13]")
    parser.add_argument("--hidden", type=common.integers, help="its hidden widths [11]")
    parser.add_argument("--latent", type=int, help="its K [5]")
    parser.add_argument("--activation", help="[tanh]")
    parser.add_argument("--likelihood", help="[bernoulli]")
    parser.add_argument("--sigma", type=common.number_or_word, help="of the gaussian: a number, learned, ...")
    parser.add_argument("--dtype", choices=["float64", "float32"], help="[float64]")
    parser.add_argument("--backend", choices=["numba", "numpy"], help="[numba]")
    parser.add_argument("--objective", choices=["elbo", "iwae"], help="[elbo]")
    parser.add_argument("--samples", type=int, help="S [2]")
    parser.add_argument("--beta", type=float, help="[0.37; 1 for iwae]")
    parser.add_argument("--seed", type=int, help="of parameters, data, noise and directions [0]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np gradcheck --activation gelu --likelihood gaussian --sigma heteroscedastic\n"
        "  vae-np gradcheck runs/digits-1 --objective iwae --samples 5\n\nexit code 1 where a gradient fails"
    )


def run(args: argparse.Namespace) -> int:
    """Check and print the table."""
    from vae_np.gradcheck import check_model
    from vae_np.noise import standard_normal, stream

    given = vars(args)
    seed, objective = given.get("seed", 0), given.get("objective", "elbo")
    vae = _new_model(given, seed) if args.__dict__.get("model") is None else common.load_run(args.model).vae
    n, low, high = 3, *vae.likelihood.support
    x = stream(seed, "gradx").random((n, vae.architecture.n_features))
    if low == float("-inf"):
        x = 4 * x - 2
    x[:, ::2] = (x[:, ::2] > 0.5) if high == 1 else x[:, ::2]  # grey and binary values
    eps = standard_normal(seed, 1, (given.get("samples", 2), n, vae.architecture.latent), vae.dtype)
    beta = given.get("beta", 1.0 if objective == "iwae" else 0.37)
    report = check_model(vae, x.astype(vae.dtype), eps, beta, objective=objective, seed=seed)
    if "json" in given:
        common.print_json({"model": repr(vae), **report.to_dict()})
    else:
        print(f"{vae!r}, {objective}, beta {beta:g}, eps {eps.shape}, loss {report.loss:.12g} nats")
        print(report.table())
        print("all gradients are right" if report.ok else "SOME GRADIENTS ARE WRONG")
    return 0 if report.ok else 1


def _new_model(given: dict[str, object], seed: int) -> object:
    """A small model with parameters off their initial zeros."""
    from vae_np.likelihoods import get_likelihood
    from vae_np.model import VAE
    from vae_np.noise import stream

    likelihood = {"name": given.get("likelihood", "bernoulli")}
    if "sigma" in given:
        likelihood["sigma"] = given["sigma"]
    vae = VAE(
        given.get("features", 13),
        hidden=given.get("hidden", (11,)),
        latent=given.get("latent", 5),
        activation=given.get("activation", "tanh"),
        likelihood=get_likelihood(likelihood),
        dtype=given.get("dtype", "float64"),
        backend=given.get("backend", "numba"),
        seed=seed,
    )
    vector = vae.parameters.vector
    vector += (0.1 * stream(seed, "gradtht").standard_normal(vector.size)).astype(vector.dtype)
    return vae
