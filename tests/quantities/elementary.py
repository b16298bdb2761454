"""Elementary functions, and those that are built on them."""

from __future__ import annotations

import numpy as np
import oracles

from quantities.notes import CANCELS, ERFCX, NUMPY
from quantities.points import WIDE, product, real
from quantities.quantity import Quantity
from vae_np.formulas import numerics

ELEMENTARY_ROWS = [
    Quantity("exp", np.exp, oracles.exp, real(), kernel="exp"),
    Quantity("expm1", np.expm1, oracles.expm1, real(), kernel="expm1"),
    Quantity("log", np.log, oracles.log, lambda *args: [np.unique(np.abs(real()(*args)[0]))[1:]], kernel="log"),
    Quantity("log1p", np.log1p, oracles.log1p, lambda *args: [(p := real()(*args)[0])[p > -1]], kernel="log1p"),
]

SPECIAL_ROWS = [
    Quantity("phi(s) = e^s - 1 - s", numerics.phi, oracles.phi, real(), kernel="phi"),
    Quantity(
        "normal density",
        numerics.normal_pdf,
        oracles.normal_pdf,
        real(),
        (4, 6),
        note=NUMPY,
        kernel="normal_pdf",
        derivative_of="normal distribution",
        tolerance=1e-12,
    ),
    Quantity(
        "normal distribution", numerics.normal_cdf, oracles.normal_cdf, real(), (10, 6), note=ERFCX, kernel="ndtr"
    ),
    Quantity(
        "log((e^a - 1) / a)",
        numerics.log_expm1_over,
        oracles.continuous_bernoulli_normaliser,
        real(),
        (4, 6),
        note=NUMPY,
        kernel="log_expm1_over",
    ),
    Quantity(
        "e^a / (e^a - 1) - 1/a",
        numerics.expm1_mean,
        oracles.continuous_bernoulli_mean,
        real(),
        kernel="mean_expm1",
        derivative_of="log((e^a - 1) / a)",
    ),
    Quantity(
        "log-mean-exp of 4",
        lambda *a: numerics.log_mean_exp(np.stack(a)),
        oracles.log_mean_exp,
        product(*[WIDE] * 4),
        note=CANCELS,
    ),
]
