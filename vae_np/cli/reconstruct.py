"""vae-np reconstruct."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_np.cli import common, output, pictures, runs
from vae_np.cli.command import Command

COMMAND = Command(40, "send data through encoder and decoder", "runs/first --out reconstructions.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_arguments(parser)
    parser.add_argument("--out", metavar="FILE", help=".png, .svg, .pdf, .npy or .csv [reconstructions.png]")
    parser.add_argument(
        "-n", "--number", type=int, metavar="N", help="how many examples to draw in a picture [12; of a table 1000]"
    )
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
        mean = run.vae.reconstruct(dataset.x)
    if Path(out).suffix in output.PICTURES:
        shape = dataset.image_shape or run.image_shape
        named = pictures.panel_names(names, mean.shape[1], shape)
        number = given.get("number", 12 if named is None else pictures.DOTS)
        pictures.reconstructions(dataset.x[:number], mean[:number], out, shape, named, number)
    else:
        output.write_array(out, mean, runs.columns(mean, names))
    error = float(((dataset.x - mean) ** 2).mean())
    if "json" in given:
        output.print_json({"data": dataset.name, "examples": len(dataset), "out": out, "mean_squared_error": error})
    else:
        print(f"{len(dataset)} examples of {dataset.name}, mean squared error {error:.6f}, in {out}")
    return 0
