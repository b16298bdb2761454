"""Optimisers that keep gradients, break the weights or come to an end, and layers that none knows of; with torch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import Base, graded, loss  # noqa: E402
from conformance.adapters.test_torch_optimisers import Adam, named, without_half  # noqa: E402
from vae_np.conformance.adapters.grading import report  # noqa: E402
from vae_np.conformance.checking import check_case  # noqa: E402


class Unscaled(Adam):
    """m is a sum, not a mean."""

    def corrected(self, m, v):
        return super().corrected(10 * m, v)


class NoZero(Adam):
    """A zero_grad that forgets to."""

    def zero_grad(self):
        pass


class Zero(Adam):
    def zero_grad(self):
        for p in self.parameters:
            p.grad = None


class Own(torch.optim.Adam):
    def zero_grad(self, set_to_none=True):
        pass


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [(Unscaled, "adam-moment-unscaled"), (NoZero, "grad-accumulates"), (Own, "grad-accumulates"), (Zero, None)],
)
def test_sums_for_means_and_gradients_that_are_kept_are_named(optimizer, name):
    found, _, _, page = named(optimizer)
    assert found == ([name] if name else []), page


class Outside(Adam):
    """epsilon is no part of what is divided by: 0/0."""

    def move(self, m, v):
        return m / v.sqrt() + self.eps


class Late(Adam):
    """t is counted after the first step."""

    def corrected(self, m, v):
        self.t -= 1
        found = super().corrected(m, v)
        self.t += 1
        return found


class Tired(Adam):
    def move(self, m, v):
        return super().move(m, v) * (self.t <= 4)


class Astray(Adam):
    """So far that the loss cannot be asked any more."""

    def move(self, m, v):
        return 1e200 * super().move(m, v) if self.t > 2 else super().move(m, v)


class Dead(Base):
    """One hidden unit has no gradient."""

    def __init__(self):
        super().__init__(7, 11, 5)
        with torch.no_grad():
            self.enc.bias[0] = -1e3


@pytest.mark.parametrize(
    ("optimizer", "kind", "says"),
    [
        (Outside, Dead, "step 1 of the optimiser makes 8 numbers NaN or infinite, of enc.weight, enc.bias: "),
        (Late, Base, "step 1 of the optimiser makes"),
        (Tired, Base, "no weight moves after step 4, though there is a gradient"),
        (Astray, Base, "after step 3 of the optimiser the loss fails; the last learning rate was 3e+197"),
    ],
)
@pytest.mark.parametrize("f", [loss, without_half])
def test_steps_that_break_the_weights_or_end_are_told_as_such(optimizer, kind, says, f):
    verified, of_loss, _, _ = graded(kind, f, optimizer)
    findings, page = report(verified, check_case(lambda _: verified.answers, verified.case), "VAE()")
    (found,) = (one for one in findings if one.id not in of_loss)
    assert found.id == "unknown"
    assert says in found.says, page
    assert ("those whose gradient was always 0" in page) == (optimizer is Outside)


class InAList(Base):
    """A layer that parameters() does not have."""

    def __init__(self):
        super().__init__(7, 11, 5)
        self.layers = [self.enc]
        del self.enc

    @property
    def enc(self):
        return self.layers[0]


def test_a_layer_in_a_plain_list_is_one_that_no_optimiser_moves():
    found, wrong, right, page = named(None, InAList)
    assert found == ["params-not-optimised"], page
    assert "encoder.0 is layers.0.weight" in page
    assert "d_encoder.0.W" in right
    assert wrong.startswith("step ")


class Listed(Base):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.all = [self.enc, {"mu": self.mu}]


def test_a_list_of_what_is_registered_hides_nothing():
    found, _, _, page = named(None, Listed)
    assert found == [], page
    assert "in no layer" not in page


class Clamped(Base):
    """The decoder's probabilities, as PyTorch's own example has them."""

    low, high = 1e-4, 1 - 1e-4

    def __init__(self):
        super().__init__(7, 11, 5)

    def decode(self, z):
        return torch.sigmoid(self.logits(z)).clamp(self.low, self.high)


class OneSided(Clamped):
    low, high = 0.01, 1.0


class TooWide(Clamped):
    """Nothing that a float has lies beyond."""

    low, high = 1e-14, 1 - 1e-14


@pytest.mark.parametrize(
    ("kind", "says"), [(Clamped, "[0.0001, 1 - 0.0001]"), (OneSided, "[0.01, 1"), (TooWide, ""), (Base, "")]
)
def test_a_clamp_of_the_decoders_probabilities_is_found_where_no_input_reaches_it(kind, says):
    verified, found, wrong, _ = graded(kind, loss)
    assert ("probability-clamp" in found) == bool(says)
    assert wrong is None  # at ordinary inputs
    assert all(says in finding.says for finding in verified.findings if finding.id == "probability-clamp")
