"""Mistakes of what surrounds a model: initial weights, averages, binary and dequantised data."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.conformance.mistakes.mistake import Form, Mistake, instead

LN2 = float(np.log(2))


def _variance(f: Any, says: str) -> Form:
    return Form({"variance": lambda right: lambda scheme, i, o: f(right(scheme, i, o), i, o)}, says)


def _means_of_means(elbo: Any, batches: list[int], over: float | None = None) -> Any:
    parts = np.split(elbo, np.cumsum(batches)[:-1])
    if over is None:
        return np.mean([part.mean() for part in parts])
    return sum(part.sum() for part in parts) / over


SURROUNDINGS = (
    Mistake(
        "glorot-variants", "M", "the initial weights have another variance",
        "limit = sqrt(6 / (fan_in + fan_out))", "limit = sqrt(3 / fan_in)",
        "Glorot & Bengio (2010), eq. 16: variance 2 / (fan_in + fan_out). He et al. (2015), eq. 10: 2 / fan_in."
        " A uniform number"
        " in (-limit, limit) has the variance limit^2 / 3.",
        (
            _variance(lambda v, i, o: 1 / i, "1 / fan_in"),
            _variance(lambda v, i, o: 1 / o, "1 / fan_out"),
            _variance(lambda v, i, o: 2 / o, "2 / fan_out, the fans exchanged"),
            _variance(lambda v, i, o: 2 / i if v != 2 / i else 2 / (i + o), "Glorot's and He's exchanged"),
            _variance(lambda v, i, o: v / 2, "half: 1 for 2"),
            _variance(lambda v, i, o: v / 3, "a third: the uniform's limit is taken for its deviation"),
            _variance(lambda v, i, o: v * v, "its square: the variance is taken for the deviation"),
        ),
        ("dmlc/minpy#158", "tflearn/tflearn#870"),
    ),
    Mistake(
        "torch-linear-default", "dialect",
        "the initial weights are those of PyTorch's Linear, with limit 1/sqrt(fan_in)",
        "limit = sqrt(6 / (fan_in + fan_out))", "limit = 1 / sqrt(fan_in)",
        "A variance of 1 / (3 fan_in): kaiming_uniform with a = sqrt(5).",
        (_variance(lambda v, i, o: 1 / (3 * i), ""),), ("pytorch/pytorch#57109",),
    ),
    Mistake(
        "partial-batch-average", "M", "the mean over a data set is one of means of batches of unlike size",
        "elbo.sum() / len(dataset)", "mean(batch.elbo.mean() for batch in batches)",
        "Batches of unlike size must be weighted by it.",
        (
            Form({"average": instead(_means_of_means)}, "the mean of means"),
            Form({"average": instead(lambda e, b: _means_of_means(e, b, len(b) * b[0]))}, "over a full last batch"),
            Form({"average": instead(lambda e, b: _means_of_means(e, b, len(b)))}, "divided by the number of batches"),
        ),
        ("pytorch/tutorials#1486", "dnouri/nolearn#247"),
    ),
    Mistake(
        "binarisation-protocol", "M", "grey values become binary by another protocol, or stay grey",
        "x = u < grey", "x = grey > 0.5",
        "Drawn, thresholded and grey data have log-likelihoods that cannot be compared.",
        (
            Form({"binary": instead(lambda x, u, mode: x)}, "they stay grey"),
            Form({"binary": instead(lambda x, u, mode: u < x if mode == "threshold" else x > 0.5)}, "the other"),
            Form({"binary": lambda right: lambda x, u, mode: x >= 0.5 if mode == "threshold" else right(x, u, mode)},
                 "1/2 itself becomes 1"),
            Form({"binary": lambda right: lambda x, u, mode: u <= x if mode == "draw" else right(x, u, mode)},
                 "u <= x: 0 may become 1"),
            Form({"binary": lambda right: lambda x, u, mode: u > x if mode == "draw" else right(x, u, mode)},
                 "the other way round"),
        ),
        ("pyro-ppl/pyro#529",),
    ),
    Mistake(
        "dequantisation", "M", "levels are divided by 255, not by 256, or their unit is not in the bits per dimension",
        "x = (level + u) / 256", "x = (level + u) / 255",
        "256 levels of width 1/256 fill [0, 1). A log-density of x is one of the levels less D log 256.",
        (
            Form({"dequantised": instead(lambda level, u: (level + u) / 255)}, "255 for 256 in x"),
            Form({"bits": instead(lambda p, d: (d * np.log(255) - p) / (d * LN2))}, "255 for 256 in the bits"),
            Form({"bits": instead(lambda p, d: -p / (d * LN2))}, "no log 256 in the bits"),
            Form({"bits": instead(lambda p, d: (d * np.log(256) - p) / d)}, "nats for bits"),
            Form({"dequantised": instead(lambda level, u: level / 255)}, "no noise"),
        ),
        ("rosinality/glow-pytorch#17",),
    ),
)  # fmt: skip
