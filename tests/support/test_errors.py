"""The error of a number that is not finite."""

from __future__ import annotations

import pickle

import numpy as np

from vae_np.support.errors import NonFiniteError


def test_the_error_is_one_line_and_survives_pickle():
    error = NonFiniteError("log p(x|z)\nis nan", "decoder", np.arange(10))
    assert str(error) == "decoder: log p(x|z) is nan (examples 0, 1, 2, 3, 4, 5, 6, 7 and 2 more)"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.stage, copy.examples, str(copy)) == ("decoder", tuple(range(10)), str(error))
    assert pickle.loads(pickle.dumps(NonFiniteError("is inf", "kl", (3,), "validation"))).part == "validation"
    assert str(NonFiniteError("is inf", "kl", (3, 17))) == "kl: is inf (examples 3, 17)"
    assert isinstance(error, FloatingPointError)
