"""What gradient checks of whole models share: the loss that is differentiated."""

from __future__ import annotations

import hashlib

import pytest

from vae_np.gradcheck import check


@pytest.fixture(autouse=True, scope="module")
def the_loss_is_computed_once_at_each_point():
    """`check_model` differentiates the formulas' loss, whatever the backend whose gradient it judges: a test's models
    on both backends, and its planted mistakes, ask for the same values at the same points."""
    loss_of, known = check._loss_of, {}

    def remembered(vae, x, eps, beta, objective):
        loss = loss_of(vae, x, eps, beta, objective)
        # the objective stands here itself: what is kept has an identity that no other object gets
        values = known.setdefault((vae.architecture, beta, objective, x.dtype, x.tobytes(), eps.tobytes()), {})

        def value(vector):
            point = vector.dtype, hashlib.blake2b(vector, digest_size=16).digest()
            if point not in values:
                values[point] = loss(vector)
            return values[point]

        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_loss_of", remembered)
        yield
