"""vae-np study."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from vae_np.cli import choice, common, output, runs
from vae_np.cli.bars import StageBar
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE
    from vae_np.study import Finding

COMMAND = Command(65, "ground truth: gradients, estimators, posteriors", "gradient")
TOPICS = {
    "gradient": "a gradient by five ways, tensor by tensor: exact, sampled, averaged, ...",
    "estimators": "bias and deviation of every gradient estimator beside the exact gradient",
    "posterior": "the true posterior beside q(z|x), and the gaps between log p(x) and the ELBO",
    "evidence": "log p(x) by importance sampling, annealing, a bracket, quadrature",
    "collapse": "how the latent dimensions are used, under each remedy",
}
LATENT = {"gradient": 2, "estimators": 1, "posterior": 2, "evidence": 2, "collapse": 8}
"""Dimensions of the model that a topic trains: few enough for quadrature."""
EXAMPLES = {"gradient": 5, "estimators": 5, "posterior": 8, "evidence": 16}
"""Rows that are looked at."""
MOST = 4000
"""Rows that a small model is trained on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("topic", choices=list(TOPICS), metavar="TOPIC", help=", ".join(TOPICS))
    parser.add_argument("--model", metavar="MODEL", help="a run's folder or a model file [a small one is trained]")
    common.add_data_arguments(parser.add_argument_group("data"), "digits, or the run's own")
    parser.add_argument("--examples", type=int, metavar="N", help="rows that are looked at [5 to 16, by the topic]")
    parser.add_argument(
        "--samples", type=int, metavar="S", help="of an estimator [2], of the importance weights [4096]"
    )
    parser.add_argument("--epochs", type=int, metavar="E", help="of the small model [20]")
    parser.add_argument("--latent", type=int, metavar="K", help="of the small model [1, 2 or 8, by the topic]")
    parser.add_argument("--seed", type=int, metavar="N", help="[0]")
    parser.add_argument("--out", metavar="FILE", help="the picture: .png, .svg or .pdf [study-TOPIC.png]")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    topics = "\n".join(f"  {name:11} {what}" for name, what in TOPICS.items())
    parser.epilog = (
        f"topics:\n{topics}\n\nexamples:\n  vae-np study gradient\n  vae-np study evidence --model runs/digits-1"
    )


def run(args: argparse.Namespace) -> int:
    """Train or load, look, print and draw."""
    given: dict[str, Any] = {"seed": 0, "epochs": 20} | vars(args)
    topic: str = given["topic"]
    out = output.out_file(given, f"study-{topic}.png", *output.PICTURES)
    _check(given)
    begun = time.perf_counter()
    found = _collapse(given) if topic == "collapse" else _look(given, args)
    values = {"topic": topic, **found.values, "seconds": time.perf_counter() - begun}
    picture = _drawn(found, out)
    if "json" in given:
        output.print_json(values | {"picture": picture})
        return 0
    print("\n".join(found.lines))
    print(f"\n{values['seconds']:.1f} s" + (f"; picture: {picture}" if picture else ""))
    return 0


MOST_LATENT = {"gradient": 3, "posterior": 2}
WHY_LATENT = {
    "gradient": "the exact gradient is by quadrature; estimators and evidence look at more dimensions",
    "posterior": "a posterior is shown on a grid; evidence looks at more dimensions",
}


def _check(given: dict[str, Any]) -> None:
    """That no flag is given that the topic does not use."""
    topic = given["topic"]
    for name in ("epochs", "examples", "samples", "latent"):
        if (value := given.get(name)) is not None and value < 1:
            raise ValueError(f"--{name} must be at least 1; got {value}")
    if topic == "estimators" and (samples := given.get("samples")) is not None:
        _check_estimators(samples)
    if topic == "evidence" and given.get("samples") == 1:
        raise ValueError("--samples must be at least 2 for evidence, whose error is their spread; got 1")
    if (most := MOST_LATENT.get(topic)) and given.get("latent", most) > most:
        raise ValueError(f"--latent must be at most {most} for {topic}; got {given['latent']}: {WHY_LATENT[topic]}")
    unused = {"samples": topic not in ("estimators", "evidence"), "examples": topic == "collapse",
              "model": topic == "collapse", "latent": "model" in given}  # fmt: skip
    for name, is_unused in unused.items():
        if name in given and is_unused:
            why = "describes the small model, and one is given" if name == "latent" else f"has no part in {topic}"
            raise ValueError(f"--{name} {why}")


def _check_estimators(samples: int) -> None:
    """That all of them can have so many samples, before a model is trained."""
    from vae_np.study.estimators import check_samples

    try:
        check_samples(samples)
    except ValueError as error:
        raise ValueError(f"--samples must suit every estimator, as 2 and other even numbers do: {error}") from None


def _drawn(found: Finding, out: str) -> str | None:
    """The picture's path; a word on standard error where it could not be drawn."""
    import sys

    try:
        return str(found.draw(out))
    except ImportError as error:
        print(f"vae-np: no {out}: {output.one_line(error)}", file=sys.stderr)
        return None


def _look(given: dict[str, Any], args: argparse.Namespace) -> Finding:
    """The topics that look at one model."""
    from vae_np import study
    from vae_np.study.finding import in_float64

    topic, seed = given["topic"], given["seed"]
    if "model" in given:
        run = runs.load_run(given["model"], "numpy")
        vae, rows = in_float64(run.vae), runs.data_of(run, args).x
    else:
        vae, rows = _small(given)
    wanted = given.get("examples", EXAMPLES[topic])
    x = rows[:wanted].astype("float64")
    fewer = []
    if "examples" in given and len(x) < wanted:
        fewer.append(f"there are {len(x)} rows to look at: --examples {wanted} takes these")
    more: dict[str, Any] = {"samples": given["samples"]} if "samples" in given else {}
    if topic == "estimators":
        more["tell"] = _Progress("json" not in given)
    try:
        found: Finding = getattr(study, topic)(vae, x, seed=seed, **more)
    finally:
        if "tell" in more:
            more["tell"].bar.close()
    values = {"model": repr(vae), "looked_at": len(x), **found.values}
    return found._replace(lines=[repr(vae), *fewer, *found.lines], values=values)


class _Progress:
    """Which estimator is measured: a bar on a terminal, else a line each on standard error."""

    def __init__(self, shown: bool) -> None:
        from vae_np.study.estimators import ESTIMATORS

        self.total, self.done, self.shown = len(ESTIMATORS), 0, shown
        self.bar = StageBar(self.total, shown)

    def __call__(self, name: str) -> None:
        import sys

        if self.bar.bar is None and self.shown:
            print(f"{self.done + 1}/{self.total} {name}", file=sys.stderr, flush=True)
        if self.done:
            self.bar.move()
        self.bar.name(f"{name} ")
        self.done += 1


def _small(given: dict[str, Any]) -> tuple[VAE, Any]:
    """A small model, trained, and the rows that it has not seen."""
    from vae_np.study import small_model

    train, held_out, how = _data(given)
    return small_model(train.x[:MOST], **how), held_out.x


def _collapse(given: dict[str, Any]) -> Finding:
    from vae_np.study import collapse

    train, held_out, how = _data(given)
    return collapse(train.x[:MOST], held_out.x[:MOST], **how)


def _data(given: dict[str, Any]) -> tuple[Dataset, Dataset, dict[str, Any]]:
    """Training and held-out rows, and the small model that suits them."""
    from vae_np.cli import assemble

    options = common.DATA_DEFAULTS | {"likelihood": "auto", "sigma": None, "floor": None, "binarise": "none"} | given
    parts = common.load_parts(options, "float64")
    held_out = parts.test or parts.validation
    if held_out is None:
        raise ValueError("--split leaves no test part to look at")
    options, _ = choice.likelihood_of(options, parts.train)
    options = choice.floor_of(options, parts.train.x)
    scale = "standard" if options["scale"] == "standard" else "none"
    latent = given.get("latent", LATENT[given["topic"]])
    how = {"likelihood": assemble.likelihood(options), "scale": scale, "latent": latent}
    return parts.train, held_out, how | {name: given[name] for name in ("epochs", "seed")}
