"""What follows the heads of a PyTorch module, and where its noise comes from; only where torch is installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import SUM, Base, graded, loss  # noqa: E402
from vae_np.conformance.adapters.mapping import NotDense  # noqa: E402

nn, functional = torch.nn, torch.nn.functional


def heads(of_mu=lambda m: m, of_logvar=lambda s: s):
    """A model whose heads are followed by these functions."""

    class Followed(Base):
        def encode(self, x):
            mu, logvar = super().encode(x)
            return of_mu(mu), of_logvar(logvar)

    return Followed


class ClampedInside(Base):
    """The sampler clamps what it takes, and the loss is given the rest as it is."""

    def reparameterize(self, mu, logvar):
        return super().reparameterize(mu, logvar.clamp(max=5.5))


class ClampedDeviation(Base):
    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar).clamp(min=1e-3)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (heads(of_logvar=lambda s: torch.clamp(s, -10, 10)), "to [-10, 10]"),
        (heads(of_logvar=lambda s: s.clamp(-30, 20)), "to [-30, 20]"),
        (heads(of_logvar=lambda s: s.clamp(min=-7.25)), "not below -7.25"),
        (ClampedInside, "not above 5.5"),
        (ClampedDeviation, "not below -13.8155"),
    ],
)
def test_a_clamp_that_no_ordinary_log_variance_reaches_is_found_with_its_ends(kind, says):
    verified, found, wrong, _ = graded(kind, loss)
    assert found == ["clamp-gradient", *SUM]
    assert says in verified.findings[0].says
    assert wrong is None


@pytest.mark.parametrize(
    ("kind", "head", "says", "stage"),
    [
        (heads(of_mu=torch.relu), "mu", "a relu", "mu"),
        (heads(of_mu=torch.sigmoid), "mu", "a sigmoid", "mu"),
        (heads(of_mu=torch.tanh), "mu", "a tanh", "mu"),
        (heads(of_logvar=torch.relu), "logvar", "a relu", "logvar"),
        (heads(of_logvar=functional.softplus), "logvar", "a softplus", "logvar"),
        (heads(of_logvar=torch.tanh), "logvar", "a tanh", "logvar"),
        (heads(of_logvar=lambda s: functional.leaky_relu(s, 0.2)), "logvar", "a leaky relu of slope 0.2", "logvar"),
        (heads(of_logvar=functional.elu), "logvar", "an elu", "logvar"),
    ],
)
def test_an_activation_of_a_head_is_found_there_and_not_in_the_sampler(kind, head, says, stage):
    verified, found, wrong, _ = graded(kind, loss)
    assert found == ["head-activation", *SUM]
    assert head in verified.findings[0].says
    assert says in verified.findings[0].says
    assert wrong == stage


@pytest.mark.parametrize(
    "of_logvar", [lambda s: 10 * torch.tanh(s / 10), lambda s: s + 0.1 * torch.sin(s), lambda s: torch.log(s**2 + 1)]
)
def test_another_function_of_a_head_is_another_parameterisation_and_no_mistake(of_logvar):
    with pytest.raises(NotDense, match="a function that vae_np has not") as caught:
        graded(heads(of_logvar=of_logvar), loss)
    assert not caught.value.findings


@pytest.mark.parametrize(
    ("of_variance", "fact"),
    [
        (lambda s: (functional.softplus(s) + 1e-6) ** 2, "deviation is the softplus"),
        (functional.softplus, "variance is the softplus"),
        (lambda s: s.exp() + 1e-8, "a small number added"),
    ],
)
def test_a_softplus_or_a_small_number_is_another_parameterisation(of_variance, fact):
    class Other(Base):
        def reparameterize(self, mu, logvar):
            return mu + torch.randn_like(mu) * of_variance(logvar).sqrt()

    with pytest.raises(NotDense, match=fact) as caught:
        graded(Other, loss)
    assert all(finding.severity == "dialect" for finding in caught.value.findings)


class Buffer(Base):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.register_buffer("eps", torch.randn(64, 5))

    def reparameterize(self, mu, logvar):
        return mu + self.eps[: len(mu)] * torch.exp(0.5 * logvar)


class Row(Buffer):
    def __init__(self):
        super().__init__()
        self.eps = torch.randn(1, 5)


class Uniform(Base):
    def reparameterize(self, mu, logvar):
        return mu + torch.rand_like(mu) * torch.exp(0.5 * logvar)


class Centred(Base):
    def reparameterize(self, mu, logvar):
        return mu + torch.empty_like(mu).uniform_(-1, 1) * torch.exp(0.5 * logvar)


class Inverse(Base):
    """Normal numbers from uniform ones: right."""

    def reparameterize(self, mu, logvar):
        u = torch.rand(*mu.shape, dtype=mu.dtype)
        return mu + torch.distributions.Normal(0.0, 1.0).icdf(u) * torch.exp(0.5 * logvar)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        (Buffer, "eps-frozen", "drawn before"),
        (Row, "eps-frozen", "the same in every example"),
        (Uniform, "eps-not-normal", "uniform between 0 and 1"),
        (Centred, "eps-not-normal", "uniform between -1 and 1"),
    ],
)
def test_a_noise_that_was_drawn_once_or_is_not_normal_is_named(kind, name, says):
    verified, found, wrong, _ = graded(kind, loss)
    assert (found, wrong) == ([name, *SUM], "z")
    assert says in verified.findings[0].says


def test_normal_numbers_made_of_uniform_ones_are_right():
    assert graded(Inverse, loss)[1:3] == (SUM, None)


class OneHead(nn.Module):
    """One layer for both."""

    def __init__(self):
        super().__init__()
        self.enc, self.head, self.dec, self.out = (
            nn.Linear(7, 11),
            nn.Linear(11, 5),
            nn.Linear(5, 11),
            nn.Linear(11, 7),
        )

    def encode(self, x):
        h = torch.relu(self.enc(x))
        return self.head(h), self.head(h)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.out(torch.relu(self.dec(z)))), mu, logvar


class OneValue(OneHead):
    def encode(self, x):
        h = self.head(torch.relu(self.enc(x)))
        return h, h


class NoDeviation(OneHead):
    """A deviation of 1 everywhere: no head of logvar is needed, and it is no mistake."""

    def encode(self, x):
        h = self.head(torch.relu(self.enc(x)))
        return h, torch.zeros_like(h)


@pytest.mark.parametrize("kind", [OneHead, OneValue])
def test_one_head_for_both_is_told(kind):
    with pytest.raises(NotDense, match="networks") as caught:
        graded(kind, loss)
    assert [finding.id for finding in caught.value.findings] == ["heads-shared"]
    assert "head.weight" in caught.value.findings[0].says


def test_a_model_of_a_deviation_that_is_not_learned_is_not_accused():
    with pytest.raises(NotDense) as caught:
        graded(NoDeviation, loss)
    assert not caught.value.findings
