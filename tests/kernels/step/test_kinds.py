"""What a kind's kernel is given beside arrays."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from vae_np.formulas import likelihoods
from vae_np.formulas.likelihoods.student_t import log_constant
from vae_np.formulas.scaling import Scaling
from vae_np.kernels.step.kinds import own_numbers

WIDTHS = np.array([0.3, 2.0, 17.0])


def test_numbers_beside_the_arrays_ask_no_library(monkeypatch):
    """A processor of another kind found other last digits of Student's t by NumPy's log1p."""
    given = [(likelihoods.StudentT(df=df), 3) for df in (1.5, 4.0, 30.0)] + [
        (likelihoods.DiscretisedLogistic(levels=17), 3)
    ]
    before, volume = [own_numbers(*g) for g in given], Scaling(np.zeros(3), WIDTHS).log_volume
    log_constant.cache_clear()
    for module, name in ((np, "log"), (np, "log1p"), (math, "log"), (math, "log1p"), (special, "loggamma")):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, original=original: original(*a) * (1 + 1e-9))
    after = [own_numbers(*g) for g in given]
    log_constant.cache_clear()
    assert after == before
    assert Scaling(np.zeros(3), WIDTHS).log_volume == volume
