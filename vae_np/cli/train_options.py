"""The options of vae-np train: their defaults, their help, and the check of those that come from a file."""

from __future__ import annotations

import argparse
from typing import Any

from vae_np.cli import common
from vae_np.cli.conditions import CHOICES

DEFAULTS: dict[str, Any] = {
    **common.DATA_DEFAULTS,
    "hidden": [400, 200],
    "decoder_hidden": None,
    "latent": 10,
    "activation": "relu",
    "likelihood": "auto",
    "sigma": None,
    "floor": None,
    "posterior": "diagonal",
    "prior": "standard",
    "condition": "none",
    "init": "glorot-uniform",
    "dtype": "float32",
    "backend": "numba",
    "threads": None,
    "seed": 0,
    "epochs": 300,
    "patience": 20,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "milestones": [],
    "warmup": 0,
    "weight_decay": 0.0,
    "l2": 0.0,
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
    "output_bias": "data",
    "checkpoint_seconds": 10.0,
    "no_pictures": False,
    "start_from": None,
}
EARLIER: dict[str, Any] = {"patience": None, "index": "none"}
"""What a run did whose config.json does not know the option: it is older, and has an index among its features, say."""
WITHOUT_FLAG = ("classes",)
"""What the data decide and a run keeps."""
FREE_ON_RESUME = ("epochs", "backend", "threads", "checkpoint_seconds", "no_pictures")
"""What may differ when a run is resumed."""
BY_HASH = ("data", "key", "header")
"""What may differ, too, where the checkpoint's hash proves the data the same: these may have moved."""
NULLABLE: dict[str, tuple[type, ...]] = {
    "start_from": (str,),
    "labels": (str,),
    "key": (str,),
    "split": (list,),
    "classes": (list,),
    "decoder_hidden": (list,),
    "sigma": (str, int, float),
    "floor": (int, float),
    "patience": (int,),
    "clip_norm": (int, float),
    "threads": (int,),
}
"""The types of options that may be None."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options have no defaults here, so that what was given can be told from what was not."""
    parser.usage = "vae-np train [--data DATA] [--out DIR] [--resume] [options]"
    add = parser.add_argument
    add("--out", metavar="DIR", help="the run's folder [runs/DATA-1, -2, ...]")
    add("--resume", action="store_true", help="continue the run in --out; its options need not be repeated")
    add("--start-from", metavar="RUN", help="begin with the weights and the options of another run's folder")
    add("--no-pictures", action="store_true", help="draw none, nor where the run is resumed without --pictures")
    add("--pictures", dest="no_pictures", action="store_false", help="draw them [they are drawn]")
    add("--json", action="store_true", help="print the result as one JSON object, and no progress")
    data = parser.add_argument_group("data")
    common.add_data_arguments(data, "digits")
    data.add_argument("--binarise", choices=common.BINARISE, help="make grey values 0 and 1; dynamic draws anew [none]")
    _add_model(parser.add_argument_group("model"))
    _add_training(parser.add_argument_group("training"))
    _add_adam(parser.add_argument_group("Adam"))
    parser.epilog = (
        "examples:\n  vae-np train\n"
        "  vae-np train --data mnist --hidden 500 --binarise dynamic --epochs 10 --out runs/mnist\n"
        "  vae-np train --out runs/mnist --resume --epochs 20\n"
        "  vae-np train --data table.csv --scale standard --hidden 64,32 --latent 4\n"
        "  vae-np train --objective iwae --samples 5"
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--hidden", type=common.integers, metavar="H,H", help="the encoder's hidden widths, or none [400,200]")
    add("--decoder-hidden", type=common.integers, metavar="H,H", help="the decoder's [--hidden reversed]")
    add("--latent", type=int, metavar="K", help="latent dimensions [10]")
    add("--activation", metavar="NAME", help="tanh, relu, softplus, sigmoid, elu, gelu, identity [relu]")
    add(
        "--likelihood",
        metavar="NAME",
        help="bernoulli, continuous-bernoulli, gaussian, laplace, student-t, poisson, negative-binomial,"
        " beta, discretised-logistic, categorical, multinomial, perhaps with options as in laplace:scale=learned;"
        " of a table one a group, columns:gaussian=0-3,categorical=4-6,poisson=7; auto, what the data look like, and"
        " each column of a .csv file with texts; or table, each column of any .csv file [auto]",
    )
    add(
        "--sigma",
        type=common.number_or_word,
        metavar="SIGMA",
        help="of the gaussian: a number, learned, per-feature, heteroscedastic [learned in [0, 1], else per-feature]",
    )
    add(
        "--floor",
        type=float,
        metavar="SIGMA",
        help="the least deviation of a learned sigma, 0 for none [a twentieth of the data's]",
    )
    add("--posterior", metavar="NAME", help="diagonal, full, planar or planar:flows=8 [diagonal]")
    add("--prior", metavar="NAME", help="standard, mixture or mixture:components=20 [standard]")
    add("--condition", choices=CHOICES, help="labels: encoder and decoder are given the label of each row [none]")
    add(
        "--init",
        metavar="NAME",
        help="glorot-uniform, glorot-normal, he-uniform, he-normal, torch [glorot-uniform]",
    )
    add("--output-bias", choices=["zero", "data"], help="the decoder's output bias starts there [data]")
    add("--dtype", choices=["float32", "float64"], help="[float32]")
    add(
        "--backend",
        choices=["numba", "numpy"],
        help="compiled kernels or the formulas alone; they differ in the last digits [numba]",
    )
    add("--threads", type=int, metavar="N", help="their number changes no bit of a run [what the sizes are worth]")
    add("--seed", type=int, metavar="N", help="of everything random [0]")


def _add_training(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--epochs", type=int, metavar="N", help="at most [300]")
    add(
        "--patience",
        type=common.count_or_none,
        metavar="N",
        help="stop when the validation ELBO has not risen for N epochs, and keep the best model; none: train all, as"
        " without a validation part or for another goal than the ELBO [20]",
    )
    add("--batch-size", type=int, metavar="N", help="[64]")
    add(
        "--objective",
        metavar="NAME",
        help="elbo, iwae, dreg, stl, vimco, ..., or with settings elbo:free_bits=0.5 [elbo]",
    )
    add("--samples", type=int, metavar="S", help="samples of the posterior for each example [1]")
    add("--beta", type=float, metavar="B", help="the KL's weight [1]")
    add("--kl-warmup", type=int, metavar="EPOCHS", help="over which beta rises from 0 [0]")
    add("--kl-cycles", type=int, metavar="N", help="of such a rise, over all epochs [0]")
    add("--free-bits", type=float, metavar="NATS", help="of KL that cost nothing [0]")
    add("--free-bits-kind", choices=["per-dimension", "per-entry", "total"], help="[per-dimension]")
    add("--checkpoint-seconds", type=float, metavar="S", help="the longest time between two checkpoints [10]")


def _add_adam(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--learning-rate", type=float, metavar="A", help="[0.001]")
    add("--schedule", choices=["constant", "cosine", "steps"], help="of the learning rate [constant]")
    add("--milestones", type=common.integers, metavar="E,E", help="epochs after which --schedule steps divides by 10")
    add("--warmup", type=int, metavar="STEPS", help="over which the learning rate rises [0]")
    add("--weight-decay", type=float, metavar="W", help="decoupled, AdamW's [0]")
    add("--l2", type=float, metavar="W", help="added to the gradient: what PyTorch's Adam calls weight_decay [0]")
    add("--clip-norm", type=float, metavar="NORM", help="the largest norm of the gradient [no limit]")
    add("--epsilon", type=float, metavar="E", help="[1e-8]")
    add("--epsilon-hat", action="store_true", help="epsilon before the bias correction, as in Keras")
    add("--amsgrad", action="store_true", help="divide by the largest v so far")


def check_types(options: dict[str, Any], source: object) -> None:
    """That options read from a file are such as the command line could have made them, or ``ValueError``."""
    for name, value in options.items():
        if name not in DEFAULTS:
            raise ValueError(f"{source}: there is no option {name!r}")
        default = DEFAULTS[name]
        kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
        kinds = NULLABLE.get(name, kinds)
        if name == "scale":
            kinds = (str, int, float)
        numbers = (int, float) if name == "split" else (int,)
        good = isinstance(value, kinds) and (isinstance(value, bool) == (kinds == (bool,)))
        if isinstance(value, list) and name == "classes":
            good = good and all(map(_are_classes, value))
        elif isinstance(value, list):
            good = good and all(isinstance(entry, numbers) and not isinstance(entry, bool) for entry in value)
        if not good and not (value is None and name in NULLABLE):
            raise ValueError(f"{source}: {name} cannot be {value!r}")


def _are_classes(levels: Any) -> bool:
    """What a run keeps of a column: the texts of its classes, or null."""
    return levels is None or (isinstance(levels, list) and bool(levels) and all(isinstance(t, str) for t in levels))
