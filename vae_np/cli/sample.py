"""vae-np sample."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli import common, conditions, output, pictures, runs, tables
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.model.vae import VAE

    Array = NDArray[Any]

WIDTH = 72
"""Letters of a picture's title that tell which samples are of which class."""
BLOCK = 8192
"""Samples that are decoded at once."""
COMMAND = Command(30, "draw from a model", "runs/first --out samples.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_argument(parser)
    parser.add_argument("-n", "--number", type=int, metavar="N", help="how many [64]")
    parser.add_argument("--seed", type=int, metavar="N", help="[0]")
    parser.add_argument("--out", metavar="FILE", help=".png, .svg, .pdf, .npy or .csv [samples.png]")
    parser.add_argument(
        "--class",
        metavar="LABEL",
        help="of a conditional model: the class of all, by its text or number [all classes in turn]",
    )
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
    drawn = "draw" in given
    picture = "json" not in given and Path(out).suffix in output.PICTURES
    text = Path(out).suffix == ".csv" or ("json" in given and "out" not in given)
    _check_number(number, vae, drawn, picture, text)
    c = conditions.chosen_class(vae, given.get("class"), run.options.get("label_names"), number)
    classes: dict[str, Any] = {} if c is None else {"class": conditions.named(c, run.options.get("label_names"))}
    x = vae.sample(number, seed, c) if drawn else _means(vae, vae.sample_prior(number, seed), c)
    columns = runs.columns(x, run.feature_names)
    if "json" in given and "out" not in given:
        found = tables.by_feature(x, tables.features(run.options, columns)) if run.options.get("classes") else {}
        rows: Any = [list(row) for row in zip(*found.values(), strict=True)] if found else x
        told = {"model": args.model, "seed": seed, "columns": list(found) or columns, "samples": rows}
        output.print_json(told | classes)
        return 0
    if Path(out).suffix in output.PICTURES:
        from vae_np import plots

        what = "draw of x" if drawn else "decoder mean"
        names = pictures.panel_names(run.feature_names, x.shape[1], run.image_shape)
        spread = None if vae.scaling is None else vae.scaling.scale
        where = _where(classes.get("class"))
        plots.samples(x, out, image_shape=run.image_shape, what=what, names=names, spread=spread, where=where)
    else:
        tables.write(out, x, columns, run.options, classes)
    if "json" in given:
        output.print_json({"model": args.model, "seed": seed, "out": out, "number": number})
    else:
        print(f"{number} {'draws' if drawn else 'decoder means'} in {out}")
    return 0


def _where(classes: list[str] | None) -> str:
    """What the latents are, and which of the samples, counted from 0, are of which class."""
    if classes is None:
        return "draws from the prior"
    first = [i for i, name in enumerate(classes) if not i or name != classes[i - 1]]
    if len(first) == 1:
        return f"draws from the prior, class {classes[0]}"
    ends = [*first[1:], len(classes)]
    places = ", ".join(f"{classes[i]}: {i}-{end - 1}" for i, end in zip(first, ends, strict=True))
    if len(places) > WIDTH:
        places = f"{classes[0]} to {classes[-1]}, about {len(classes) / len(first):.0f} of each"
    return f"draws from the prior, the classes in turn,\n{places}"


def _means(vae: VAE, z: Array, c: Array | None) -> Array:
    """The decoder's means, a block at a time: hidden layers may be far wider than x."""
    import numpy as np

    x = np.empty((len(z), vae.architecture.n_data), vae.dtype)
    for begin in range(0, len(z), BLOCK):
        rows = slice(begin, begin + BLOCK)
        x[rows] = vae.decode(z[rows], None if c is None else c[rows])
    return x


def _check_number(number: int, vae: VAE, drawn: bool, picture: bool, text: bool) -> None:
    """That so many samples have room, in the picture or in half of the memory.

    Draws are made at once, with the hidden layers and the numbers in float64 that they come of; a text five times over
    before it is in its file, with 13 letters or 18 a number.
    """
    from vae_np.support.machine import half_of_memory

    a = vae.architecture
    if picture:
        from vae_np.plots.images import check_room

        check_room(number, a.n_data)
    size = number * vae.dtype.itemsize * (a.n_data + a.latent)
    if drawn:
        size += number * (2 * vae.dtype.itemsize * sum(a.decoder_hidden) + 8 * a.n_data)
    if text:
        size += number * a.n_data * 5 * (18 if vae.dtype.itemsize == 8 else 13)
    most = half_of_memory()
    if size > most:
        raise ValueError(
            f"--number {number}: the samples take {size / 2**30:.3g} GiB, and at most half of the memory is taken,"
            f" {most / 2**30:.3g} GiB; draw them in parts, each with a --seed of its own"
        )
