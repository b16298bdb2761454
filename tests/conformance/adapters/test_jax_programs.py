"""verify_model on models of Flax, Equinox and plain JAX as people write them; only where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.conformance.adapters.choosing import made, program_of
from vae_np.conformance.adapters.grading import report
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.model import verify_model
from vae_np.conformance.checking import check_case

for package in ("jax", "flax", "optax"):
    pytest.importorskip(package, exc_type=ImportError)
import jax  # noqa: E402
import optax  # noqa: E402
from jax.example_libraries import optimizers as examples  # noqa: E402

from conformance.adapters import jax_vaes as vaes  # noqa: E402
from vae_np.conformance.adapters.jax_models import JaxModel, is_jax  # noqa: E402
from vae_np.conformance.adapters.jax_programs import JaxProgram  # noqa: E402


def graded(what, f, optimizer=None, given=None):
    """What was verified, the ids that are found, the first stage that is wrong, and those that are right."""
    model, how = made(what, given or {}, "VAE")
    verified = verify_model(program_of(model, how), f, optimizer)
    results = check_case(lambda _: verified.answers, verified.case)
    findings, _ = report(verified, results, how)
    wrong = next((result.stage for result in results if result.status == "wrong"), None)
    right = {result.stage for result in results if result.status == "right"}
    return verified, [finding.id for finding in findings], wrong, right


WHOLE = {"encoder.0.h", "mu", "logvar", "z", "decoder.0.h", "raw", "loss", "d_encoder.0.W", "d_encoder.logvar.b"}


@pytest.mark.parametrize(
    ("what", "f", "line"),
    [
        (vaes.VAE, vaes.loss, "7-11-5-11-7, relu, bernoulli; Flax in float64"),
        (vaes.Streams, vaes.of_probabilities, "784-11-5-11-784, tanh, bernoulli, sigmoid of the last layer"),
        (vaes.OfNnx, vaes.loss, "7-11-5-11-7, elu, bernoulli; Flax in float64"),
        (vaes.OfRngs, vaes.loss, "7-11-5-11-7, elu, bernoulli; Flax in float64"),
        (vaes.forward, vaes.loss, "7-11-5-11-7, tanh, bernoulli; JAX in float64"),
        ((vaes.tree_of_one, vaes.of_one), vaes.loss, "7-11-5-11-7, tanh, bernoulli; JAX in float64"),
    ],
)
def test_a_right_program_is_right_in_every_stage_gradient_and_step(what, f, line):
    verified, found, wrong, right = graded(what, f)
    assert (found, wrong) == ([], None)
    assert right >= WHOLE | {"step 10: decoder.out.W", "step 10: encoder.mu.b"}
    assert verified.facts[0].startswith(line)


@pytest.mark.parametrize(
    ("what", "f", "ids", "stage"),
    [
        (vaes.VAE, vaes.loss_of_params, [], None),
        (vaes.forward, vaes.half_of_params, ["kl-double-half"], "loss"),
        (vaes.OfNnx, vaes.sum_of_model, ["objective-batch-sum"], None),
        (vaes.VAE, vaes.summed, ["objective-batch-sum"], None),
        (vaes.VAE, vaes.squares, ["gaussian-no-constant"], None),
        (vaes.VAE, vaes.halved, ["kl-double-half"], "loss"),
        (vaes.VAE, vaes.averaged, ["rec-mean-over-pixels"], "loss"),
        (vaes.OfVariance, vaes.loss, ["std-is-variance"], "z"),
        (vaes.OneNoise, vaes.loss, ["eps-shared-batch"], "z"),
        (vaes.Linear, vaes.loss, ["activation-missing"], "decoder.0.h"),
        (vaes.Detached, vaes.loss, ["no-reparam", "no-reparam"], "d_encoder.0.W"),
    ],
)
def test_a_mistake_is_named_and_its_stage_is_the_first_that_is_wrong(what, f, ids, stage):
    _, found, wrong, right = graded(what, f)
    assert (found, wrong) == (ids, stage)
    assert stage is not None or "step 10: encoder.0.W" in right


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        (vaes.clipped, "0.01"),
        (optax.adam(0.02), "0.02"),
        (lambda _: vaes.Handwritten(), "0.01"),
        (lambda _: examples.adam(0.05), "0.05"),
    ],
)
def test_the_steps_are_those_of_the_optimiser_that_is_given(optimizer, rate):
    verified, found, wrong, right = graded(vaes.forward, vaes.loss, optimizer)
    assert (found, wrong) == ([], None)
    assert "step 10: encoder.0.W" in right
    assert verified.case.training.settings["learning_rate"] == rate


@pytest.mark.parametrize(
    ("optimizer", "ids", "step"),
    [
        (vaes.inside, ["adam-eps-inside"], "step 1: "),
        (vaes.amsgrad, ["amsgrad-max-order"], "step "),  # a dialect
        (lambda _: vaes.Handwritten(corrected=False), ["adam-no-correction"], "step 1: "),
    ],
)
def test_a_mistaken_adam_is_named_at_the_first_step_that_shows_it(optimizer, ids, step):
    _, found, wrong, right = graded(vaes.forward, vaes.loss, optimizer)
    assert found == ids
    assert wrong.startswith(step)
    assert "d_encoder.0.W" in right


@pytest.mark.parametrize(
    ("optimizer", "fact"),
    [
        (lambda _: optax.sgd(0.1), "scale is not Adam"),
        (lambda _: optax.adam(optax.exponential_decay(0.1, 3, 0.5)), "scale_by_schedule, which Adam has not"),
        (lambda _: optax.adam(0.1, nesterov=True), "Nesterov"),
        (lambda _: optax.chain(optax.add_decayed_weights(0.1), optax.adam(0.1)), "no decoupled one"),
    ],
)
def test_an_optimiser_that_is_not_ours_is_not_graded(optimizer, fact):
    verified, _, wrong, right = graded(vaes.forward, vaes.loss, optimizer)
    assert wrong is None
    assert not any(stage.startswith("step ") for stage in right)
    assert any(fact in line for line in verified.facts), verified.facts


def test_convolutions_are_told():
    with pytest.raises(NotDense, match=r"they have Conv_0.kernel of shape \(3, 3, 1, 4\)"):
        graded(vaes.Pictures, vaes.loss)


def test_what_is_a_model_is_told_by_its_kind():
    assert is_jax(vaes.VAE)
    assert is_jax(vaes.VAE())
    assert is_jax(vaes.OfNnx)
    assert not is_jax(vaes.loss)
    assert not is_jax(3)
    _, how = made(vaes.forward, {"latent_dim": 3}, "forward")
    assert how == "forward of init_params(input_dim=7, hidden_dim=11, latent_dim=3)"


def test_sizes_are_as_given_and_jax_is_as_before():
    before = jax.config.jax_enable_x64, jax.random.normal, vaes.random.normal
    verified, found, wrong, _ = graded(vaes.VAE, None, given={"features": 20, "latents": 3})
    assert (found, wrong) == ([], None)
    assert verified.facts[0].startswith("20-11-3-11-20")
    assert before == (jax.config.jax_enable_x64, jax.random.normal, vaes.random.normal)


def test_a_model_is_as_before_afterwards():
    model = vaes.OfNnx(7, 11, 5, rngs=vaes.nnx.Rngs(0))
    before = np.asarray(model.enc.kernel[...])
    program = JaxProgram(model)
    first = program.tensors()
    verify_model(program, vaes.loss)
    np.testing.assert_array_equal(before, np.asarray(model.enc.kernel[...]))
    np.testing.assert_array_equal(first["enc.kernel"], program.tensors()["enc.kernel"])
    assert model.enc.kernel[...].dtype == np.float32


def test_a_forward_that_cannot_be_called_says_why():
    tree = {"W": jax.numpy.ones((7, 5))}
    model = JaxModel("JAX", vaes.loss, lambda tree, x, key, noise: x @ tree["nothing"], tree)
    with pytest.raises(ValueError, match="its forward, given x of the shape"):
        verify_model(JaxProgram(model))
    needing = (tree, lambda params, x, config: x)
    with pytest.raises(ValueError, match="its forward needs config, which is no data, key or noise by its name"):
        verify_model(program_of(*made(needing, {}, "pair")))


def test_a_forward_in_float32_is_told():
    def single(params, x, key):
        return jax.numpy.asarray(x, "float32") @ jax.numpy.asarray(params["W"], "float32")

    with pytest.raises(ValueError, match="it computes in float32, whatever it is given: W"):
        verify_model(program_of(*made(({"W": jax.numpy.ones((7, 5))}, single), {}, "pair")))


def test_an_equinox_module_is_a_tree_that_is_called_for_each_example():
    eqx = pytest.importorskip("equinox", exc_type=ImportError)

    class OfEquinox(eqx.Module):
        enc: eqx.nn.Linear
        mu: eqx.nn.Linear
        logvar: eqx.nn.Linear
        dec: eqx.nn.MLP

        def __init__(self, in_size, hidden, latent, *, key):
            one, two, three, four = jax.random.split(key, 4)
            self.enc = eqx.nn.Linear(in_size, hidden, key=one)
            self.mu, self.logvar = (eqx.nn.Linear(hidden, latent, key=k) for k in (two, three))
            self.dec = eqx.nn.MLP(latent, in_size, hidden, 1, jax.nn.elu, key=four)

        def __call__(self, x, key):
            h = jax.nn.elu(self.enc(x))
            mu, logvar = self.mu(h), self.logvar(h)
            z = mu + jax.numpy.exp(0.5 * logvar) * jax.random.normal(key, mu.shape)
            return self.dec(z), mu, logvar

    verified, found, wrong, right = graded(OfEquinox, vaes.loss)
    assert (found, wrong) == ([], None)
    assert right >= WHOLE | {"step 10: decoder.out.W"}
    assert verified.facts[0].endswith("Equinox in float64")
    assert "encoder.0 is enc.weight, transposed" in verified.facts
