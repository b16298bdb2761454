"""vae-np train: the main job."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np import __version__
from vae_np.cli import common

if TYPE_CHECKING:
    from vae_np.history import History
    from vae_np.model import VAE
    from vae_np.optim import Adam
    from vae_np.schedules import Schedule

DEFAULTS: dict[str, Any] = {
    **common.DATA_DEFAULTS,
    "hidden": [400],
    "decoder_hidden": None,
    "latent": 20,
    "activation": "tanh",
    "likelihood": "bernoulli",
    "sigma": None,
    "init": "glorot-uniform",
    "dtype": "float32",
    "backend": "numba",
    "seed": 0,
    "epochs": 50,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "milestones": [],
    "warmup": 0,
    "weight_decay": 0.0,
    "amsgrad": False,
    "epsilon": 1e-8,
    "epsilon_hat": False,
    "clip_norm": None,
    "beta": 1.0,
    "kl_warmup": 0,
    "kl_cycles": 0,
    "free_bits": 0.0,
    "free_bits_kind": "per-dimension",
    "objective": "elbo",
    "samples": 1,
    "binarise": "none",
    "output_bias": "zero",
    "checkpoint_seconds": 10.0,
}
FREE_ON_RESUME = ("epochs", "backend", "checkpoint_seconds")
"""What may differ when a run is resumed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command; they have no defaults here, so that what was given can be told from what was not."""
    add = parser.add_argument
    add("--out", help="the run's folder [runs/DATA-1, -2, ...]")
    add("--resume", action="store_true", help="continue the run in --out; other options default to that run's")
    add("--no-pictures", action="store_true", help="draw none")
    add("--json", action="store_true", help="print the result as one JSON object, and no progress")
    data = parser.add_argument_group("data")
    common.add_data_arguments(data)
    data.add_argument("--binarise", choices=["none", "threshold", "fixed", "dynamic"], help="[none]")
    add = parser.add_argument_group("model").add_argument
    add("--hidden", type=common.integers, help="widths of the encoder's hidden layers, with commas [400]")
    add("--decoder-hidden", type=common.integers, help="[--hidden reversed]")
    add("--latent", type=int, help="latent dimensions [20]")
    add("--activation", help="tanh, relu, softplus, sigmoid, elu, gelu, identity [tanh]")
    add("--likelihood", help="bernoulli, continuous-bernoulli, gaussian [bernoulli]")
    add("--sigma", type=common.number_or_word, help="a number, learned, per-feature, heteroscedastic (gaussian) [1]")
    add("--init", help="glorot-uniform, glorot-normal, he-uniform, he-normal, torch [glorot-uniform]")
    add("--output-bias", choices=["zero", "data"], help="start the decoder's output bias at the data's log-odds [zero]")
    add("--dtype", choices=["float32", "float64"], help="[float32]")
    add("--backend", choices=["numba", "numpy"], help="compiled kernels or the formulas alone [numba]")
    add("--seed", type=int, help="of everything random [0]")
    add = parser.add_argument_group("training").add_argument
    add("--epochs", type=int, help="[50]")
    add("--batch-size", type=int, help="[64]")
    add("--objective", choices=["elbo", "iwae"], help="[elbo]")
    add("--samples", type=int, help="samples of the posterior for each example [1]")
    add("--beta", type=float, help="the KL's weight [1]")
    add("--kl-warmup", type=int, help="epochs over which beta rises from 0 [0]")
    add("--kl-cycles", type=int, help="cycles of such a rise, over all epochs [0]")
    add("--free-bits", type=float, help="KL, in nats, that costs nothing [0]")
    add("--free-bits-kind", choices=["per-dimension", "per-entry", "total"], help="[per-dimension]")
    add = parser.add_argument_group("Adam").add_argument
    add("--learning-rate", type=float, help="[0.001]")
    add("--schedule", choices=["constant", "cosine", "steps"], help="of the learning rate [constant]")
    add("--milestones", type=common.integers, help="epochs after which --schedule steps divides by 10")
    add("--warmup", type=int, help="steps over which the learning rate rises [0]")
    add("--weight-decay", type=float, help="decoupled [0]")
    add("--clip-norm", type=float, help="the largest norm of the gradient")
    add("--epsilon", type=float, help="[1e-8]")
    add("--epsilon-hat", action="store_true", help="epsilon before the bias correction, as in Keras")
    add("--amsgrad", action="store_true", help="divide by the largest v so far")
    add("--checkpoint-seconds", type=float, help="the longest time between two checkpoints [10]")
    parser.epilog = (
        "examples:\n  vae-np train\n"
        "  vae-np train --data mnist --hidden 500 --activation relu --binarise dynamic --epochs 10 --out runs/mnist\n"
        "  vae-np train --objective iwae --samples 5\n"
        "  vae-np train --out runs/mnist --resume --epochs 20"
    )


def run(args: argparse.Namespace) -> int:
    """Train, save, draw, report."""
    given = vars(args)
    quiet = "json" in given
    say = (lambda text: None) if quiet else (lambda text: print(text, flush=True))
    explicit = {name: value for name, value in given.items() if name in DEFAULTS}
    folder, options, resumed = _folder_and_options(given, explicit, say)

    began = time.perf_counter()
    from vae_np.evaluation import evaluate
    from vae_np.training import fit

    parts = common.load_parts(options, options["dtype"])
    vae = _model(options, parts.train.x.shape[1])
    arguments = _fit_arguments(options, len(parts.train))
    _write_config(folder, options, parts, vae)
    say(f"{vae!r}\n{len(parts.train)} training examples of {parts.train.name}; everything goes to {folder}")
    history = fit(
        vae,
        parts.train.x,
        validation=None if parts.validation is None else parts.validation.x,
        checkpoint=folder / "checkpoint.npz",
        checkpoint_seconds=options["checkpoint_seconds"],
        resume=resumed,
        progress=not quiet,
        **arguments,
    )
    trained = time.perf_counter() - began
    result: dict[str, Any] = {"out": folder, "seconds": trained, "epochs": len(history.rows)}
    if history.rows:
        result |= {"train_elbo": history["elbo"][-1], "validation_elbo": history["validation_elbo"][-1]}
    if parts.test is not None:
        test = common._binarised(parts.test, options["binarise"], options["seed"])
        evaluation = evaluate(vae, test.x, seed=options["seed"])
        result |= {"test_elbo": evaluation.elbo, "test_kl": evaluation.kl, "test_examples": len(test)}
    pictures = [] if "no_pictures" in given else _pictures(vae, history, parts, options, folder, say)
    result["pictures"] = pictures
    if quiet:
        common.print_json(result)
        return 0
    say(f"trained {len(history.rows)} epochs in {trained:.1f} s (loading and compiling included)")
    if "test_elbo" in result:
        say(f"test ELBO {result['test_elbo']:.3f} nats an example (KL {result['test_kl']:.3f})")
    if pictures:
        say(f"pictures: {', '.join(path.name for path in pictures)} in {folder}")
    return 0


def _folder_and_options(
    given: dict[str, Any], explicit: dict[str, Any], say: Any
) -> tuple[Path, dict[str, Any], bool]:
    """The run's folder, made if it is not there; all options; and whether there is a checkpoint to resume."""
    options = {**DEFAULTS, **explicit}
    if "resume" not in given:
        folder = Path(given["out"]) if "out" in given else _fresh_folder(options["data"])
        if (folder / "checkpoint.npz").exists() or (folder / "config.json").exists():
            raise ValueError(f"{folder} holds a run already; continue it with --resume or choose another --out")
        folder.mkdir(parents=True, exist_ok=True)
        return folder, options, False
    if "out" not in given:
        raise ValueError("--resume needs --out, the folder of the run to continue")
    folder = Path(given["out"])
    saved = common.read_config(folder)
    if saved is not None:
        for name, value in explicit.items():
            if name not in FREE_ON_RESUME and saved.get(name) != value:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{folder}/config.json: the run has {flag} {saved.get(name)}, not {value}; nothing was changed")
        options = {**DEFAULTS, **{name: saved[name] for name in DEFAULTS if name in saved}, **explicit}
    resumed = (folder / "checkpoint.npz").exists()
    if resumed and saved is None:
        raise ValueError(f"{folder}: has a checkpoint.npz and no config.json; it can be loaded, and not resumed")
    if not resumed:
        say(f"{folder}: nothing was saved yet; starting anew")
        folder.mkdir(parents=True, exist_ok=True)
    return folder, options, resumed


def _fresh_folder(data: str) -> Path:
    """runs/NAME-1, or the first number that is free."""
    name = Path(data).name.split(".")[0] or "data"
    return next(path for i in range(1, 10**6) if not (path := Path("runs") / f"{name}-{i}").exists())


def _model(options: dict[str, Any], n_features: int) -> VAE:
    """The model of the options."""
    from vae_np.likelihoods import get_likelihood
    from vae_np.model import VAE

    likelihood = {"name": options["likelihood"]} | ({} if options["sigma"] is None else {"sigma": options["sigma"]})
    names = ("hidden", "decoder_hidden", "latent", "activation", "init", "dtype", "backend", "seed")
    return VAE(n_features, likelihood=get_likelihood(likelihood), **{name: options[name] for name in names})


def _fit_arguments(options: dict[str, Any], n: int) -> dict[str, Any]:
    """The options that `fit` takes, as it takes them."""
    from vae_np.objectives import ELBO, IWAE

    steps = -(-n // max(1, options["batch_size"]))
    if options["objective"] == "iwae":
        if options["free_bits"]:
            raise ValueError("--free-bits belongs to --objective elbo")
        objective: ELBO | IWAE = IWAE()
    else:
        objective = ELBO(options["free_bits"], options["free_bits_kind"])
    return {
        "epochs": options["epochs"],
        "batch_size": options["batch_size"],
        "seed": options["seed"],
        "samples": options["samples"],
        "binarise": options["binarise"],
        "data_bias": options["output_bias"] == "data",
        "objective": objective,
        "beta": _beta(options, steps),
        "optimizer": _adam(options, steps),
    }


def _beta(options: dict[str, Any], steps: int) -> Schedule:
    """Beta by steps, from options in epochs."""
    from vae_np.schedules import Constant, Cyclical, LinearWarmup

    beta, warmup, cycles = options["beta"], options["kl_warmup"], options["kl_cycles"]
    if warmup and cycles:
        raise ValueError("--kl-warmup and --kl-cycles exclude each other")
    if cycles:
        return Cyclical(max(1, options["epochs"] * steps // cycles), cycles=cycles, final=beta)
    return LinearWarmup(warmup * steps, final=beta) if warmup else Constant(beta)


def _adam(options: dict[str, Any], steps: int) -> Adam:
    """The optimiser, its schedule by steps from options in epochs."""
    from vae_np.optim import Adam
    from vae_np.schedules import Constant, Cosine, Schedule, StepList, Warmup

    rate = options["learning_rate"]
    schedule: Schedule = Constant(rate)
    if options["schedule"] == "cosine":
        schedule = Cosine(rate, max(1, options["epochs"] * steps - options["warmup"]))
    elif options["schedule"] == "steps":
        schedule = StepList(rate, tuple(epoch * steps for epoch in options["milestones"]))
    elif options["milestones"]:
        raise ValueError("--milestones needs --schedule steps")
    if options["warmup"]:
        schedule = Warmup(options["warmup"], schedule)
    names = ("weight_decay", "amsgrad", "epsilon", "epsilon_hat", "clip_norm")
    return Adam(schedule, **{name: options[name] for name in names})


def _write_config(folder: Path, options: dict[str, Any], parts: common.Parts, vae: VAE) -> None:
    """config.json: all that makes the run again."""
    from vae_np.files import write_atomic

    config = {
        "vae_np": __version__,
        "arguments": options,
        "model": vae.config(),
        "image_shape": parts.train.image_shape,
        "examples": {name: 0 if part is None else len(part) for name, part in parts._asdict().items()},
    }
    write_atomic(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())


def _pictures(
    vae: VAE, history: History, parts: common.Parts, options: dict[str, Any], folder: Path, say: Any
) -> list[Path]:
    """Every picture that makes sense for this model; without matplotlib, none and a word."""
    from vae_np import plots
    from vae_np.evaluation import evaluate
    from vae_np.noise import stream

    shown = common._binarised(parts.test or parts.validation or parts.train, options["binarise"], options["seed"])
    shown = shown.take(slice(5000))
    shape, k = shown.image_shape, vae.architecture.latent
    mu, _ = vae.encode(shown.x)
    kl = evaluate(vae, shown.x).kl_per_dimension
    try:
        made = [plots.kl_per_dimension(kl, folder / "kl_per_dimension.png")]
    except ImportError as error:
        say(f"no pictures: {error}")
        return []
    z = stream(options["seed"], "prior").standard_normal((64, k), dtype=vae.dtype.type)
    few = shown.x[:24]
    made.append(plots.reconstructions(few, vae.reconstruct(few), folder / "reconstructions.png", image_shape=shape, n=24))
    made.append(plots.samples(vae.decode(z), folder / "samples.png", image_shape=shape))
    made.append(plots.latent_space(mu, folder / "latent_space.png", labels=shown.labels))
    if history.rows:
        made.append(plots.learning_curves(history, folder / "learning_curves.png"))
    best = sorted(range(k), key=lambda j: -kl[j])[:2]
    axes = (best[0], best[1] if k > 1 else 0)
    decode = lambda z: vae.decode(z.astype(vae.dtype))  # noqa: E731
    made.append(
        plots.manifold(decode, folder / "manifold.png", image_shape=shape, latent=k, axes=axes, mu=mu)
    )
    return made
