"""The part of evaluate that is about samples: how good what a model makes is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vae_np.cli import output
from vae_np.cli.bars import StageBar

if TYPE_CHECKING:
    from vae_np.cli.runs import Run
    from vae_np.data import Dataset
    from vae_np.evaluation.generation import Measure, Quality

__all__ = ["check_quality", "for_json", "quality", "show"]

WORDS = {
    "precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage",
    "frechet": "Fréchet distance", "mmd": "MMD^2", "mmd_p_value": "  its p-value",
    "nearer_to_training": "nearer to training",
}  # fmt: skip
SPACES = {"pixels": "x itself", "features": "the encoder's last hidden layer"}


def check_quality(given: dict[str, Any]) -> None:
    """That its options stand together, before anything is loaded."""
    if "samples_quality" not in given:
        if other := [name for name in ("sets", "picture") if name in given]:
            raise ValueError(f"--{other[0]} belongs to --samples-quality")
    elif "picture" in given:
        output.out_file(given, "", *output.PICTURES, flag="picture")


def quality(run: Run, held_out: Dataset, training: Dataset | None, given: dict[str, Any], seed: int) -> Quality:
    """Measure, and draw where that is asked for."""
    from vae_np.cli import common
    from vae_np.evaluation import generation

    if training is None:
        raise ValueError("--samples-quality compares with the run's own training data: it takes a run, and no --data")
    if given.get("part", "test") in ("train", "all"):
        raise ValueError(f"--samples-quality needs examples that it was not trained on; got --part {given['part']}")
    mode = run.options.get("binarise", "none")
    training = common.binarised(training, mode, run.options.get("seed", 0))
    sets = given.get("sets", 5)
    bar = StageBar(generation.stages(sets), "json" not in given)
    bar.name("samples ")
    try:
        found = generation.generation_quality(
            run.vae, training.x, held_out.x, sets=sets, seed=seed, progress=lambda _: bar.move()
        )
    finally:
        bar.close()
    if "picture" in given:
        from vae_np import plots

        near = training.x[found.nearest_row]
        plots.neighbours(found.means, near, given["picture"], image_shape=run.image_shape)
    return found


def for_json(found: Quality) -> dict[str, Any]:
    """All numbers but those of single points."""
    return {
        "size": found.size,
        "sets": found.sets,
        **({"remarks": list(found.remarks)} if found.remarks else {}),
        **{
            space: {name: {source: m._asdict() for source, m in by.items()} for name, by in of_space.items()}
            for space, of_space in found.measures.items()
        },
    }


def show(found: Quality, picture: str | None) -> None:
    """Print the page."""
    print(f"samples against held-out examples: {found.sets} sets of {found.size}, mean +- standard error over the sets")
    for space, measures in found.measures.items():
        print(f"  in {SPACES[space]:<34}{'means':>20}{'draws':>20}{'training data':>20}")
        for name, by_source in measures.items():
            cells = "".join(f"{_cell(m):>20}" for m in by_source.values())
            print(f"    {WORDS[name]:<33}{cells}")
    print("  nearer to training: share that is nearer to seen than to unseen examples, 1/2 where nothing is remembered")
    for line in found.remarks:
        print(f"  {line}")
    if picture is not None:
        print(f"  samples and the nearest training examples in {picture}")


def _cell(measure: Measure) -> str:
    return "not defined" if math.isnan(measure.value) else f"{measure.value:.4f} +- {measure.error:.4f}"
