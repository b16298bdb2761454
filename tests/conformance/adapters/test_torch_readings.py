"""What a forward pass of PyTorch tells of its layers, and what it does not; only where torch is installed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import SUM, Base, ByHand, graded, kl, loss, of_logits  # noqa: E402
from vae_np.conformance.adapters.grading import report  # noqa: E402
from vae_np.conformance.adapters.mapping import NotDense  # noqa: E402
from vae_np.conformance.adapters.model import verify_model  # noqa: E402
from vae_np.conformance.adapters.torch_modules import TorchProgram  # noqa: E402
from vae_np.conformance.checking import check_case  # noqa: E402


class OfColumns(ByHand):
    """Examples are columns, and biases are added as such."""

    def forward(self, x):
        h = torch.tanh(self.W1 @ x.T + self.b1[:, None])
        logvar, mu = self.Wm @ h + self.bm[:, None], self.Wv @ h + self.bv[:, None]
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu.T).T
        raw = self.W4.T @ torch.tanh(self.W3.T @ z + self.b3[:, None]) + self.b4[:, None]
        return {"mu": mu.T, "logvar": logvar.T, "raw": raw.T}


class UnusedBias(Base):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.linear = lambda x: x @ self.enc.weight.T

    def encode(self, x):
        h = torch.tanh(self.linear(x))
        return self.mu(h), self.logvar(h)


class Exchanged(Base):
    """Its layers' names say the opposite of what they are, and the sampler takes the variance."""

    def forward(self, x):
        logvar, mu = self.encode(x)
        return self.decode(mu + torch.exp(logvar) * torch.randn_like(mu)), mu, logvar


class NoNoiseOfOurs(Base):
    """logvar is computed first, and nothing but the names tells it from mu."""

    def encode(self, x):
        h = torch.tanh(self.enc(x))
        logvar = self.logvar(h)
        return self.mu(h), logvar

    def reparameterize(self, mu, logvar):
        return mu * logvar


class TwoOutputs(Base):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.out = torch.nn.Linear(11, 14)

    def decode(self, z):
        return self.logits(z).chunk(2, -1)

    def forward(self, x):
        mu, logvar = self.encode(x)
        mean, spread = self.decode(self.reparameterize(mu, logvar))
        return mean, mu, logvar, spread


class Pictures(Base):
    """The reconstruction is an image where x is a row: the loss must not broadcast one to the other."""

    def __init__(self):
        super().__init__(9, 8, 5)

    def forward(self, x):
        recon, mu, logvar = super().forward(torch.nn.functional.dropout(x.flatten(1), 0.5, self.training))
        return recon.view(-1, 1, 3, 3), x, mu, logvar


class ReturnsSigma(Base):
    def forward(self, x):
        recon, mu, logvar = super().forward(x)
        return recon, torch.exp(0.5 * logvar), mu


class Softplus(Base):
    def reparameterize(self, mu, s):
        return mu + torch.nn.functional.softplus(s) * torch.randn_like(mu)


class Prepared(Base):
    def forward(self, x):
        return super().forward(2 * x - 1)


def of_images(recon, x, mu, logvar):
    rec = torch.nn.functional.mse_loss(recon, x, reduction="none").flatten(1).sum(1)
    return (0.5 * rec + kl(mu, logvar).sum(1)).mean()


def of_sigma(recon, x, mu, sigma):
    return loss(recon, x, mu, 2 * torch.log(sigma))


@pytest.mark.parametrize(
    ("kind", "f", "ids"), [(Pictures, of_images, ["gaussian-no-constant"]), (ReturnsSigma, of_sigma, SUM)]
)
def test_the_loss_gets_what_forward_returns_and_x_in_the_outputs_shape(kind, f, ids):
    _, found, wrong, right = graded(kind, f)
    assert (found, wrong) == (ids, None)
    assert {"loss", "d_encoder.0.W", "step 10: decoder.out.b"} <= right


@pytest.mark.parametrize(
    ("kind", "fact"),
    [(Softplus, "is the softplus of a head"), (Prepared, "its first layer, enc.weight, is not given x")],
)
def test_another_parameterisation_is_no_mistake_and_is_not_graded(kind, fact):
    with pytest.raises(NotDense, match=fact):
        graded(kind, loss)


def test_a_product_of_columns_is_a_layer_too():
    verified, found, wrong, right = graded(OfColumns, of_logits)
    assert (found, wrong) == ([], None)
    assert {"encoder.0.h", "raw", "d_encoder.0.b", "step 10: decoder.out.b"} <= right
    assert "encoder.0 is W1, transposed" in verified.facts
    assert "decoder.out is W4" in verified.facts


def test_a_bias_that_no_forward_adds_is_in_no_layer():
    verified, _, wrong, right = graded(UnusedBias, loss)
    assert wrong is None
    assert "not graded: in no layer: enc.bias" in verified.facts
    assert {"encoder.0.h", "raw", "d_encoder.0.W"} <= right


def test_the_heads_are_told_by_what_is_done_with_them_even_by_a_mistaken_sampler():
    verified, found, wrong, _ = graded(Exchanged, loss)
    assert (found, wrong) == (["std-is-variance", *SUM], "z")
    assert "encoder.mu is logvar.weight, transposed" in verified.facts


def test_where_nothing_tells_the_heads_apart_their_names_do():
    verified, found, wrong, _ = graded(NoNoiseOfOurs, loss)
    assert (found, wrong) == (["unknown", *SUM], "z")
    assert "encoder.mu is mu.weight, transposed" in verified.facts


def test_beta_is_what_is_meant():
    def weighted(recon, x, mu, logvar):
        return loss(recon, x, mu, logvar) - 0.7 * kl(mu, logvar).sum()

    torch.manual_seed(0)
    model = Base(7, 11, 5)
    verified = verify_model(TorchProgram(model), weighted, beta=0.3)
    assert [finding.id for finding in verified.findings] == SUM
    ours = verified.case.expected["d_encoder.mu.b"].nearest
    assert abs(verified.answers["d_encoder.mu.b"] - ours).max() < 1e-12


def test_two_numbers_a_feature_are_graded_up_to_them():
    verified, found, wrong, right = graded(TwoOutputs, None)
    assert (found, wrong) == ([], None)
    assert {"mu", "logvar", "z", "raw"} <= right
    assert "gaussian-heteroscedastic" in verified.facts[0]
    assert verified.case.expected["raw"].nearest.shape == (1, 3, 14)


class EncoderCut(Base):
    def encode(self, x):
        with torch.no_grad():
            return super().encode(x)


class LayerCut(Base):
    def encode(self, x):
        h = self.act(self.enc(x)).detach()
        return self.mu(h), self.logvar(h)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (EncoderCut, "encoder.0.W, encoder.0.b, encoder.mu.W, encoder.mu.b, encoder.logvar.W, encoder.logvar.b: "),
        (LayerCut, "encoder.0.W, encoder.0.b: "),
    ],
)
def test_parameters_that_no_gradient_reaches_are_named(kind, names):
    verified = verify_model(TorchProgram(kind(7, 11, 5)), loss)
    results = check_case(lambda _: verified.answers, verified.case)
    (finding,) = [one for one in report(verified, results, "")[0] if one.severity != "dialect"]
    assert finding.id == "no-gradient"
    assert finding.says.startswith(f"no gradient reaches {names}no_grad(), detach(), ")
