"""What vae-np train chooses by the data: the likelihood of --likelihood auto, a sigma and its floor, patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.data import Dataset


def likelihood_of(options: dict[str, Any], dataset: Dataset) -> tuple[dict[str, Any], str]:
    """The options with what --likelihood auto stands for with these data, and one line that says why.

    0 and 1 (or what is binarised): Bernoulli. Grey values in [0, 1]: a Gaussian with one learned sigma. Other numbers:
    a Gaussian with a sigma a feature, and standardised unless --scale says otherwise.
    """
    from vae_np.model.choosing import kind_of

    if options["likelihood"] != "auto":
        return options, ""
    low, high, binary = values_of(dataset.x)
    kind = kind_of(low, high, False)
    if options["sigma"] is None and (binary or options["binarise"] != "none"):
        why = "every value is 0 or 1" if binary else f"--binarise {options['binarise']}"
        return options | {"likelihood": "bernoulli"}, f"likelihood: bernoulli, for {why}"
    if kind == "learned":
        sigma = options["sigma"] or "learned"
        line = f"likelihood: gaussian with sigma {sigma}, a density of grey values in [0, 1]"
        return options | {"likelihood": "gaussian", "sigma": sigma}, line
    sigma = options["sigma"] or "per-feature"
    scale = "standard" if options["scale"] == "auto" else options["scale"]
    line = f"likelihood: gaussian with sigma {sigma}, for numbers from {low:.4g} to {high:.4g}"
    if scale == "standard":
        line += ", each feature standardised (--scale none leaves them)"
    return options | {"likelihood": "gaussian", "sigma": sigma, "scale": scale}, line


def scale_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options with --scale none for counts and tables, which are what they are, if nothing else was said."""
    from vae_np.cli.assemble import likelihood

    if options["scale"] != "auto" or options["likelihood"] == "auto":
        return options
    found = likelihood(options)
    counts = found.support == (0.0, float("inf")) or found.name == "columns"
    return options | {"scale": "none"} if counts else options


def sigma_of(options: dict[str, Any], dataset: Dataset) -> tuple[dict[str, Any], str]:
    """The options with the sigma of a gaussian that is named without one, as `likelihood_of` chooses it, and a line.

    With sigma 1 grey values in [0, 1] are hardly worth a nat an example, and the posterior falls back to the prior.
    """
    from vae_np.formulas.doors import parse
    from vae_np.model.choosing import kind_of

    config = parse(options["likelihood"])
    if config["name"] != "gaussian" or "sigma" in config or options["sigma"] is not None:
        return options, ""
    low, high, _ = values_of(dataset.x)
    sigma = kind_of(low, high, False)
    what = "in [0, 1]" if sigma == "learned" else f"from {low:.4g} to {high:.4g}"
    line = (
        f"sigma: {sigma}, for values {what} (--sigma 1 gives half the squared error, whatever the data's deviation is)"
    )
    return options | {"sigma": sigma}, line


def floor_of(options: dict[str, Any], x: NDArray[Any]) -> dict[str, Any]:
    """The options with the floor that a learned sigma gets where none was given: `FLOOR` of the data's deviation."""
    from vae_np.formulas.doors import parse
    from vae_np.formulas.likelihoods.gaussian import LEAST
    from vae_np.formulas.scaling import moments
    from vae_np.model.choosing import FLOOR

    config = parse(options["likelihood"])
    sigma = config.get("sigma", options["sigma"])
    if options["floor"] is not None or "floor" in config or config["name"] != "gaussian" or not isinstance(sigma, str):
        return options
    spread = 1.0 if options["scale"] == "standard" else _root_mean_square(moments(x).deviation)
    floor = float(f"{FLOOR * spread:.3g}")
    if floor and not LEAST <= floor <= 1 / LEAST:  # the user gave none: it is the data that are too large or too small
        raise ValueError(
            f"the data's deviation is {spread:.3g}, beyond what a learned sigma may have;"
            " --scale standard gives each feature the deviation 1 inside the model"
        )
    return options | {"floor": floor}


def _root_mean_square(deviation: NDArray[Any]) -> float:
    """sqrt(mean s^2), whose squares may lie beyond the range of numbers."""
    import numpy as np

    largest = float(deviation.max()) or 1.0
    return largest * float(np.sqrt(np.mean(np.square(deviation / largest))))


def patience_of(options: dict[str, Any], has_validation: bool) -> tuple[dict[str, Any], str]:
    """The options without the default's patience where no validation ELBO says when to stop, and a line that says so.

    The highest ELBO is not the best model of another objective, of beta other than 1, or of free bits.
    """
    from vae_np.formulas.doors import parse

    reason = ""
    if not has_validation:
        reason = "there is no validation part"
    elif parse(options["objective"]) != {"name": "elbo"} or options["beta"] != 1 or options["free_bits"]:
        reason = "what is trained for is not the ELBO"
    if not reason or options["patience"] is None:
        return options, ""
    return options | {"patience": None}, f"trains all {options['epochs']} epochs: {reason} (see --patience)"


def values_of(x: NDArray[Any]) -> tuple[float, float, bool]:
    """The least and the largest value, and whether all are 0 or 1; a look at a block of rows at a time."""
    low, high, binary = float("inf"), -float("inf"), True
    for begin in range(0, len(x), 1024):
        block = x[begin : begin + 1024]
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        binary = binary and bool(((block == 0) | (block == 1)).all())
    return low, high, binary
