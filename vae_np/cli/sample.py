"""vae-np sample."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_np.cli import common, output, pictures, runs
from vae_np.cli.command import Command

COMMAND = Command(30, "draw from a model", "runs/first --out samples.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_argument(parser)
    parser.add_argument("-n", "--number", type=int, metavar="N", help="how many [64]")
    parser.add_argument("--seed", type=int, metavar="N", help="[0]")
    parser.add_argument("--out", metavar="FILE", help=".png, .svg, .pdf, .npy or .csv [samples.png]")
    parser.add_argument("--draw", action="store_true", help="draw x ~ p(x|z) and not its mean")
    parser.add_argument("--json", action="store_true", help="print one JSON object; the samples go there or to --out")
    parser.epilog = (
        "examples:\n  vae-np sample runs/digits-1 --out samples.png\n"
        "  vae-np sample runs/digits-1 -n 1000 --seed 7 --out samples.npy"
    )


def run(args: argparse.Namespace) -> int:
    """Sample and write."""

    given = vars(args)
    out = output.out_file(given, "samples.png", *output.PICTURES, ".npy", ".csv")
    run = runs.load_run(args.model, "numpy")
    number, seed, vae = given.get("number", 64), given.get("seed", 0), run.vae
    if number < 1:
        raise ValueError(f"--number must be positive; got {number}")
    if "draw" in given:
        x = vae.sample(number, seed)
    else:
        x = vae.decode(vae.sample_prior(number, seed))
    if "json" in given and "out" not in given:
        columns = runs.columns(x, run.feature_names)
        output.print_json({"model": args.model, "seed": seed, "columns": columns, "samples": x})
        return 0
    if Path(out).suffix in output.PICTURES:
        from vae_np import plots

        what = "draw of x" if "draw" in given else "decoder mean"
        names = pictures.panel_names(run.feature_names, x.shape[1], run.image_shape)
        spread = None if vae.scaling is None else vae.scaling.scale
        plots.samples(x, out, image_shape=run.image_shape, what=what, names=names, spread=spread)
    else:
        output.write_array(out, x, runs.columns(x, run.feature_names))
    if "json" in given:
        output.print_json({"model": args.model, "seed": seed, "out": out, "number": number})
    else:
        print(f"{number} {'draws' if 'draw' in given else 'decoder means'} in {out}")
    return 0
