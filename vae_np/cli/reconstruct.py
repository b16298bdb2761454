"""vae-np reconstruct."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli import common, conditions, output, pictures, runs, tables
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.model.vae import VAE

COMMAND = Command(40, "send data through encoder and decoder", "runs/first --out reconstructions.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_arguments(parser)
    parser.add_argument("--out", metavar="FILE", help=".png, .svg, .pdf, .npy or .csv [reconstructions.png]")
    parser.add_argument(
        "-n", "--number", type=int, metavar="N", help="how many examples to draw in a picture [12; of a table 1000]"
    )
    common.add_rows_argument(parser)
    parser.epilog = (
        "examples:\n  vae-np reconstruct runs/digits-1 --out reconstructions.png\n"
        "  vae-np reconstruct runs/digits-1 --data new.npy --out means.npy"
    )


def run(args: argparse.Namespace) -> int:
    """Reconstruct at the posterior mean and write."""
    given = vars(args)
    out = output.out_file(given, "reconstructions.png", *output.PICTURES, ".npy", ".csv")
    if given.get("number", 1) < 1:
        raise ValueError(f"--number must be positive; got {given['number']}")
    run = runs.load_run(args.model, given.get("backend"))
    dataset = runs.data_of(run, args)
    names = run.feature_names or dataset.feature_names
    with common.rows_of_source(dataset):
        mean = run.vae.reconstruct(conditions.rows_of(run.vae, dataset))
    if Path(out).suffix in output.PICTURES:
        shape = dataset.image_shape or run.image_shape
        named = pictures.panel_names(names, mean.shape[1], shape)
        number = given.get("number", 12 if named is None else pictures.DOTS)
        pictures.reconstructions(dataset.x[:number], mean[:number], out, shape, named, number)
    else:
        before = {} if "no_rows" in given else output.row_columns(dataset)
        tables.write(out, mean, runs.columns(mean, names), run.options, before)
    errors = _errors(run.vae, dataset.x, mean)
    if "json" in given:
        output.print_json({"data": dataset.name, "examples": len(dataset), "out": out, **errors})
        return 0
    words = f"mean squared error {errors['mean_squared_error']:.6g}"
    if "standardised_error" in errors:
        words += f" ({errors['standardised_error']:.6g} where each feature's variance in training is 1)"
    print(f"{len(dataset)} examples of {dataset.name}, {words}, in {out}")
    return 0


def _errors(vae: VAE, x: NDArray[Any], mean: NDArray[Any]) -> dict[str, float]:
    """The mean squared error, and that in the units of a model that standardises, in which no column drowns another."""
    import numpy as np

    difference = x.astype(np.float64) - mean
    errors = {"mean_squared_error": float(np.square(difference).mean())}
    if vae.scaling is not None:
        errors["standardised_error"] = float(np.square(difference / vae.scaling.scale).mean())
    return errors
