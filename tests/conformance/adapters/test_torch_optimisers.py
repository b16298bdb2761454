"""Optimisers of one's own: right ones pass, and a mistake is named; only where torch is installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import SUM, Base, graded, loss  # noqa: E402
from vae_np.conformance.adapters.grading import report  # noqa: E402
from vae_np.conformance.checking import check_case  # noqa: E402

UP = {"maximize": True}
"""Not as it stands in a program: the file in which a loss is written is read for that."""


class Adam:
    """By hand; each mistake is a method."""

    def __init__(self, parameters, lr=3e-3, betas=(0.9, 0.999), eps=1e-8):
        self.parameters, self.lr, self.betas, self.eps, self.t = list(parameters), lr, betas, eps, 0
        self.moments = [[torch.zeros_like(p), torch.zeros_like(p)] for p in self.parameters]

    def corrected(self, m, v):
        one, two = self.betas
        return m / (1 - one**self.t), v / (1 - two**self.t)

    def ticked(self, first):
        self.t += first

    def move(self, m, v):
        return m / (v.sqrt() + self.eps)

    @torch.no_grad()
    def step(self):
        one, two = self.betas
        for i, (p, state) in enumerate(zip(self.parameters, self.moments, strict=True)):
            self.ticked(i == 0)
            state[0] = one * state[0] + (1 - one) * p.grad
            state[1] = two * state[1] + (1 - two) * p.grad**2
            p -= self.lr * self.move(*self.corrected(*state))


class NoCorrection(Adam):
    def corrected(self, m, v):
        return m, v


class Constant(Adam):
    def ticked(self, first):
        self.t = 1


class Multiplied(Adam):
    def corrected(self, m, v):
        one, two = self.betas
        return m * (1 - one**self.t), v * (1 - two**self.t)


class PerTensor(Adam):
    def ticked(self, first):
        self.t += 1


class Inside(Adam):
    def move(self, m, v):
        return m / (v + self.eps).sqrt()


class Ascent(Adam):
    def move(self, m, v):
        return -super().move(m, v)


def plain(kind, **settings):
    """Under other names, and as a function that hides them."""

    def make(parameters):
        made = kind(parameters, **settings)
        hidden = lambda: None  # noqa: E731
        hidden.step = made.step
        return hidden

    return make


def renamed(parameters):
    made = Adam(parameters, 0.01, (0.8, 0.99))
    made.learning_rate, made.beta1, made.beta2 = 0.01, 0.8, 0.99
    hidden = type("Mine", (), {"step": lambda self: made.step()})()
    hidden.learning_rate, hidden.beta_1, hidden.b2 = 0.01, 0.8, 0.99
    return hidden


class Subclass(torch.optim.Adam):
    """One that forgets to count."""

    @torch.no_grad()
    def step(self, closure=None):
        for state in self.state.values():
            state["step"].zero_()
        return super().step(closure)


class OutOfOrder(Base):
    """The decoder is made first."""

    def __init__(self):
        super().__init__(7, 11, 5)
        for name in ("enc", "mu", "logvar"):
            layer = getattr(self, name)
            delattr(self, name)
            setattr(self, name, layer)


def named(optimizer, kind=Base):
    verified, _, wrong, right = graded(kind, loss, optimizer)
    results = check_case(lambda _: verified.answers, verified.case)
    findings, page = report(verified, results, "VAE()")
    return [finding.id for finding in findings if finding.id not in SUM], wrong, right, page


@pytest.mark.parametrize(
    "optimizer", [Adam, lambda p: Adam(p, 0.01, (0.8, 0.99)), renamed, plain(Adam), plain(Adam, lr=0.02)]
)
def test_a_right_adam_by_hand_is_right_whatever_its_settings_are_called(optimizer):
    found, wrong, right, _ = named(optimizer)
    assert (found, wrong) == ([], None)
    assert "step 10: encoder.0.W" in right


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (NoCorrection, "adam-no-correction"),
        (Constant, "adam-constant-correction"),
        (Multiplied, "adam-multiplies-correction"),
        (PerTensor, "adam-t-per-tensor"),
        (Inside, "adam-eps-inside"),
        (Subclass, "adam-constant-correction"),
        (plain(PerTensor), "adam-t-per-tensor"),
        (plain(NoCorrection), "adam-no-correction"),
        (Ascent, "adam-ascent"),
        (lambda p: torch.optim.Adam(p, **UP), "adam-ascent"),
    ],
)
def test_a_mistaken_adam_by_hand_is_named(optimizer, name):
    found, wrong, _, page = named(optimizer)
    assert found == [name], page
    assert wrong.startswith("step ")


def test_the_steps_number_per_tensor_goes_by_the_programs_own_order():
    assert named(PerTensor, OutOfOrder)[0] == ["adam-t-per-tensor"]


class Root(Adam):
    """RMSprop: the root alone."""

    def __init__(self, parameters, lr=3e-3):
        super().__init__(parameters, lr, (0.0, 0.9))

    def corrected(self, m, v):
        return m, v


def rms(parameters):
    made = Root(parameters)
    hidden = type("Mine", (), {"step": lambda self: made.step()})()
    hidden.lr = 3e-3
    return hidden


def test_an_optimiser_of_ones_own_that_is_no_adam_is_not_graded():
    found, _, _, page = named(rms)
    assert "not graded: the optimiser's steps: an optimiser of its own" in page
    assert found == []
    descent = type("Descent", (Adam,), {"corrected": lambda self, m, v: (m, v), "move": lambda self, m, v: 10 * m})
    found, wrong, _, page = named(plain(descent))
    assert (found, wrong) == ([], None)
    assert "it is gradient descent, not Adam" in page


def elbo(recon, x, mu, logvar):
    return -loss(recon, x, mu, logvar)


def my_loss(recon, x, mu, logvar):
    return -loss(recon, x, mu, logvar)


def upwards(parameters):
    return torch.optim.Adam(parameters, **UP)


@pytest.mark.parametrize(
    ("f", "optimizer", "severity", "wrong"),
    [
        (elbo, None, "dialect", None),
        (elbo, upwards, "dialect", None),
        (my_loss, None, "H", "loss"),
        (my_loss, upwards, "dialect", None),
    ],
)
def test_an_elbo_that_is_called_a_loss_is_a_mistake_but_for_an_optimiser_that_maximises(f, optimizer, severity, wrong):
    verified, found, first, right = graded(Base, f, optimizer)
    assert (found, first) == (["elbo-for-loss"], wrong)
    assert verified.findings[0].severity == severity
    assert ("step 10: encoder.0.W" in right) == (wrong is None)


def without_half(recon, x, mu, logvar):
    return loss(recon, x, mu, logvar) + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()


def cubed(recon, x, mu, logvar):
    return (recon - x).abs().pow(3).sum() + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()


class Unbiased(Base):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.mu = torch.nn.Linear(11, 5, bias=False)


@pytest.mark.parametrize("f", [without_half, cubed])
@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (None, None),
        (Adam, None),
        (PerTensor, "adam-t-per-tensor"),
        (Inside, "adam-eps-inside"),
        (plain(NoCorrection), "adam-no-correction"),
    ],
)
def test_an_optimisers_mistake_is_named_beside_one_of_the_loss(f, optimizer, name):
    verified, of_loss, _, _ = graded(Base, f, optimizer)
    findings, page = report(verified, check_case(lambda _: verified.answers, verified.case), "VAE()")
    assert of_loss, page
    assert [finding.id for finding in findings if finding.id not in of_loss] == ([name] if name else []), page
    assert f"on the gradients of the program's own loss, are {'not ' if name else ''}Adam's" in page


def test_the_optimiser_of_a_model_without_one_of_our_tensors_is_compared_by_its_own_gradients():
    found, wrong, right, page = named(PerTensor, Unbiased)
    assert (found, wrong) == (["adam-t-per-tensor"], None), page
    assert "not compared with our model's: there is no encoder.mu.b" in page
    assert "step 1: encoder.0.W" not in right
    found, wrong, _, page = named(None, Unbiased)
    assert (found, wrong) == ([], None), page
    assert "on the gradients of the program's own loss, are Adam's" in page


class Halving(Adam):
    """A schedule of its own."""

    def move(self, m, v):
        return super().move(m, v) * 0.9 ** (self.t - 1)


class OneCorrected(Adam):
    def corrected(self, m, v):
        return m / (1 - 0.9**self.t), v


class L2(Adam):
    """In the gradient, as PyTorch's Adam has it."""

    weight_decay = 0.01

    def step(self):
        for p in self.parameters:
            p.grad += self.weight_decay * p.detach()
        super().step()


class Decoupled(Adam):
    wd = 0.01

    def step(self):
        with torch.no_grad():
            for p in self.parameters:
                p *= 1 - self.lr * self.wd
        super().step()


def test_a_schedule_of_the_learning_rate_is_no_mistake_and_one_correction_is():
    found, _, _, page = named(Halving)
    assert found == [], page
    assert "in Adam's direction, with learning rates 0.003, 0.0027, 0.00243" in page
    found, _, _, page = named(OneCorrected)
    assert found == ["adam-one-correction"], page


@pytest.mark.parametrize("optimizer", [L2, Decoupled])
def test_a_decay_by_hand_is_right_in_either_form(optimizer):
    found, wrong, right, page = named(optimizer)
    assert (found, wrong) == ([], None), page
    assert "step 10: encoder.0.W" in right


def test_a_mistake_of_the_steps_is_said_once():
    half = type("Half", (Adam,), {"__init__": lambda self, p: Adam.__init__(self, list(p)[:6])})
    assert named(half)[0] == ["params-not-optimised"]
