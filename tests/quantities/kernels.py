"""What the kernels compute from the noise, where the formulas take z."""

from __future__ import annotations

import oracles

from quantities.notes import CANCELS
from quantities.points import LOGVAR, WIDE, product, real
from quantities.quantity import Quantity

KERNEL_ROWS = [
    Quantity("sigma = e^(s/2)", None, oracles.deviation, real(*LOGVAR)),
    Quantity("log q(z), from eps", None, oracles.log_posterior, product(WIDE, LOGVAR), note=CANCELS, headroom=2),
    Quantity("log q(z), from eps, d/dmu", None, oracles.log_posterior_mu, product(WIDE, LOGVAR)),
    Quantity(
        "log q(z), from eps, d/dlogvar",
        None,
        oracles.log_posterior_logvar,
        product(WIDE, LOGVAR),
        note=CANCELS,
        headroom=2,
    ),
]
