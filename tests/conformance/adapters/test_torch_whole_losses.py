"""Losses that call their PyTorch model themselves: of a module's method, of forward, of a function; only with torch."""

from __future__ import annotations

import pytest

from vae_np.conformance.adapters.making import make
from vae_np.conformance.adapters.model import verify_model
from vae_np.conformance.checking import check_case

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import SUM, Base, ByHand, EveryOther, Logits, OneHead, kl  # noqa: E402
from vae_np.conformance.adapters.choosing import own_loss  # noqa: E402
from vae_np.conformance.adapters.torch_modules import TorchProgram, is_module  # noqa: E402

functional = torch.nn.functional
EVERY = {"z", "raw", "loss", "d_encoder.mu.W", "d_encoder.logvar.b", "d_decoder.out.W", "step 10: encoder.0.W"}


def bce(p, x):
    return functional.binary_cross_entropy(p, x, reduction="none").sum(1)


class Lightning(Base):
    """A training_step of a batch with labels, and its own optimiser."""

    weight = 1.0

    def configure_optimizers(self):
        return [torch.optim.Adam(self.parameters(), lr=0.02)], []

    def training_step(self, batch, batch_idx):
        x, _ = batch
        mu, logvar = self.encode(x)
        recon = self.decode(self.reparameterize(mu, logvar))
        return {"kl": kl(mu, logvar).sum(), "loss": (bce(recon, x) + self.weight * kl(mu, logvar).sum(1)).mean()}


class Doubled(Lightning):
    weight = 2.0


class Detached(Lightning):
    def reparameterize(self, mu, logvar):
        return super().reparameterize(mu, logvar).detach()


class DetachedAndDoubled(Detached):
    weight = 2.0


class Forward(Base):
    """As pythae and Hugging Face have it: the loss is in what forward returns."""

    def forward(self, inputs):
        x = inputs["data"] if isinstance(inputs, dict) else inputs
        recon, mu, logvar = super().forward(x)
        rec = 0.5 * functional.mse_loss(recon, x, reduction="none").sum(-1)
        return {"recon_x": recon, "reconstruction_loss": rec.mean(), "loss": (rec + kl(mu, logvar).sum(1)).mean()}


class Number(Logits):
    """Forward returns the loss alone, the sum over the batch, of logits."""

    def forward(self, x):
        logits, mu, logvar = super().forward(x)
        rec = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return rec + kl(mu, logvar).sum()


class Method(Logits):
    def neg_elbo(self, x, beta):
        mu, logvar = self.encode(x)
        q = torch.distributions.Normal(mu, torch.exp(logvar / 2))
        z = q.rsample()
        p = torch.distributions.Bernoulli(logits=self.logits(z), validate_args=False)
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        return -(p.log_prob(x).sum(-1) - beta * torch.distributions.kl_divergence(q, prior).sum(-1)).mean()


class Sampled(Method):
    def neg_elbo(self, x):
        mu, logvar = self.encode(x)
        q = torch.distributions.Normal(mu, torch.exp(logvar / 2))
        z = q.rsample()
        rec = functional.binary_cross_entropy_with_logits(self.logits(z), x, reduction="none").sum(1)
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        return (rec + (q.log_prob(z) - prior.log_prob(z)).sum(-1)).mean()


def elbo(model, x):
    returned = model(x)
    mu, logvar, logits = returned.values() if isinstance(returned, dict) else (*returned[1:], returned[0])
    rec = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return -(rec + kl(mu, logvar).sum(1)).mean()


def graded(kind, loss=None):
    torch.manual_seed(3)
    model, _ = make(kind, {}, "VAE", is_module)
    loss = getattr(model, loss) if isinstance(loss, str) else loss or own_loss(model)
    verified = verify_model(TorchProgram(model, loss), loss)
    results = check_case(lambda _: verified.answers, verified.case)
    wrong = next((result.stage for result in results if result.status == "wrong"), None)
    right = {result.stage for result in results if result.status == "right"}
    return verified, [finding.id for finding in verified.findings], wrong, right


@pytest.mark.parametrize(
    ("kind", "loss", "ids"),
    [
        (Lightning, None, []),
        (Lightning, "training_step", []),
        (Forward, None, ["gaussian-no-constant"]),
        (Number, None, SUM),
        (Method, "neg_elbo", []),
        (Logits, elbo, ["elbo-for-loss"]),
        (OneHead, elbo, ["elbo-for-loss"]),
        (EveryOther, elbo, ["elbo-for-loss"]),
        (ByHand, elbo, ["elbo-for-loss"]),
    ],
)
def test_a_right_loss_is_right_in_every_gradient_and_step(kind, loss, ids):
    verified, found, wrong, right = graded(kind, loss)
    assert (found, wrong) == (ids, None)
    assert right >= EVERY
    assert "the loss calls the model: it is asked by what the heads and the decoder put out" in verified.facts


def test_the_optimiser_is_the_modules_own():
    assert graded(Lightning)[0].case.training.settings["learning_rate"] == "0.02"


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (Doubled, ["kl-missing-half"]),
        (Detached, ["no-reparam", "no-reparam"]),
        (DetachedAndDoubled, ["kl-missing-half", "no-reparam", "no-reparam"]),
    ],
)
def test_a_mistake_in_it_is_named(kind, ids):
    assert graded(kind)[1] == ids


def test_a_kl_at_the_sample_is_asked_with_its_sample():
    verified, found, wrong, _ = graded(Sampled, "neg_elbo")
    assert (found, wrong) == ([], None)
    assert any("log q(z|x) - log p(z) at the sample z" in fact for fact in verified.facts)


def test_a_method_that_fails_is_told_by_its_name():
    class Fails(Base):
        def training_step(self, batch, batch_idx):
            raise RuntimeError("no trainer")

    with pytest.raises(ValueError, match=r"its training_step, given x of the shape .* fails: RuntimeError: no trainer"):
        graded(Fails)


class Images(Lightning):
    """Its step takes images and compares them with images."""

    def __init__(self):
        super().__init__(9, 11, 5)

    def encode(self, x):
        return super().encode(x.flatten(start_dim=1))

    def training_step(self, batch, batch_idx):
        x, _ = batch
        mu, logvar = self.encode(x)
        recon = self.decode(self.reparameterize(mu, logvar)).reshape(-1, 1, 3, 3)
        rec = functional.binary_cross_entropy(recon, x, reduction="sum")
        return (rec + self.weight * kl(mu, logvar).sum()) / len(x)


class DoubledImages(Images):
    weight = 2.0


@pytest.mark.parametrize(("kind", "names"), [(Images, []), (DoubledImages, ["kl-missing-half"])])
def test_a_step_of_images_is_asked_with_images(kind, names):
    _, found, _, right = graded(kind)
    assert found == names
    assert ("step 10: encoder.0.W" in right) == (not names)
