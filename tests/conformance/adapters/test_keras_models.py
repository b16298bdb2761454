"""verify_model on models of Keras 3 as people write them, on JAX or PyTorch; only where they are installed."""

from __future__ import annotations

import pytest

from vae_np.conformance import check_objective
from vae_np.conformance.adapters.choosing import made, own_loss, own_sampler, program_of
from vae_np.conformance.adapters.grading import report
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.model import verify_model
from vae_np.conformance.checking import check_case

keras = pytest.importorskip("keras", exc_type=ImportError)
from conformance.adapters import keras_vaes as vaes  # noqa: E402

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() not in ("jax", "torch"), reason="Keras is on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # of Keras itself, with NumPy 2
]
optimizers = keras.optimizers
WHOLE = {"encoder.0.h", "mu", "logvar", "z", "decoder.0.h", "raw", "loss", "d_encoder.0.W", "d_encoder.logvar.b"}


def of_parts(sampling=vaes.Sampling, **how):
    return lambda: vaes.VAE(vaes.build_encoder(sampling), vaes.build_decoder(**how))


def graded(what, f=None, optimizer=None, given=None):
    """What was verified, the ids that are found, the first stage that is wrong, and those that are right."""
    model, how = made(what, given or {}, "VAE")
    verified = verify_model(program_of(model, how), f or own_loss(model), optimizer)
    results = check_case(lambda _: verified.answers, verified.case)
    findings, _ = report(verified, results, how)
    wrong = next((result.stage for result in results if result.status == "wrong"), None)
    right = {result.stage for result in results if result.status == "right"}
    return verified, [finding.id for finding in findings], wrong, right


@pytest.mark.parametrize(
    ("what", "f", "line"),
    [
        (vaes.VAE, vaes.loss, "7-11-5-11-7, relu, bernoulli, sigmoid of the last layer; Keras on "),
        (vaes.Trains, None, "7-11-5-11-7, relu, bernoulli, sigmoid of the last layer; Keras on "),
        (vaes.AddsItsLoss, None, "7-11-5-11-7, tanh, bernoulli; Keras on "),
    ],
)
def test_a_right_program_is_right_in_every_stage_gradient_and_step(what, f, line):
    verified, found, wrong, right = graded(what, f)
    assert (found, wrong) == ([], None)
    assert right >= WHOLE | {"step 10: decoder.out.W", "step 10: encoder.mu.b"}
    assert verified.facts[0].startswith(line)
    assert verified.case.training.settings["epsilon_hat"]
    assert keras.config.floatx() == "float32"


def test_a_model_that_a_file_made_in_float32_is_graded_in_float64():
    model = vaes.VAE(vaes.build_encoder(), vaes.build_decoder())
    _, found, wrong, right = graded(model, vaes.loss)
    assert (found, wrong) == ([], None)
    assert "step 10: encoder.0.W" in right


@pytest.mark.parametrize(
    ("what", "f", "ids", "stage"),
    [
        (of_parts(), vaes.summed, ["objective-batch-sum"], None),
        (of_parts(last=None), vaes.squares, ["gaussian-no-constant"], None),
        (of_parts(), vaes.halved, ["kl-double-half"], "loss"),
        (of_parts(), vaes.averaged, ["rec-mean-over-pixels"], "loss"),
        (of_parts(vaes.OfVariance), vaes.loss, ["std-is-variance"], "z"),
        (of_parts(vaes.Detached), vaes.loss, ["no-reparam"], "d_encoder.0.W"),
        (of_parts(activation=None), vaes.loss, ["activation-missing"], "decoder.0.h"),
        (lambda: vaes.Trains(vaes.build_encoder(), vaes.build_decoder(), 0.5), None, ["kl-double-half"], "loss"),
        (vaes.AddsHalf, None, ["kl-double-half"], "loss"),
    ],
)
def test_a_mistake_is_named_and_its_stage_is_the_first_that_is_wrong(what, f, ids, stage):
    _, found, wrong, right = graded(what, f)
    assert (found, wrong) == (ids, stage)
    assert stage is not None or "step 10: encoder.0.W" in right


@pytest.mark.parametrize(
    ("optimizer", "ids", "step"),
    [
        (lambda _: optimizers.AdamW(0.01, weight_decay=0.1, beta_1=0.8), [], None),
        (optimizers.Adam(0.01, amsgrad=True, epsilon=1e-3, global_clipnorm=0.5), [], None),
        (lambda _: vaes.Inside(0.01), ["adam-eps-inside"], "step 1: "),
    ],
)
def test_the_steps_are_those_of_the_optimiser_that_is_given(optimizer, ids, step):
    _, found, wrong, right = graded(of_parts(), vaes.loss, optimizer)
    assert found == ids
    assert wrong is None if step is None else wrong.startswith(step)
    assert "d_encoder.0.W" in right
    assert ("step 10: encoder.0.W" in right) == (step is None)


@pytest.mark.parametrize(
    ("optimizer", "fact"),
    [
        (lambda _: optimizers.SGD(0.1), "SGD is not Adam"),
        (lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)), "follows a schedule"),
        (lambda _: optimizers.Adam(0.1, clipnorm=1.0), "it has clipnorm, which Adam has not"),
    ],
)
def test_an_optimiser_that_is_not_ours_is_not_graded(optimizer, fact):
    verified, _, wrong, right = graded(of_parts(), vaes.loss, optimizer)
    assert wrong is None
    assert not any(stage.startswith("step ") for stage in right)
    assert any(fact in line for line in verified.facts), verified.facts


def test_the_optimiser_of_compile_is_taken():
    model = of_parts()()
    model.compile(optimizer=optimizers.Adam(0.02))
    verified, found, wrong, _ = graded(model, vaes.loss)
    assert (found, wrong) == ([], None)
    assert float(verified.case.training.settings["learning_rate"]) == pytest.approx(0.02, rel=1e-6)


def test_of_convolutions_the_models_own_loss_and_sampler_are_graded():
    model, _ = made(vaes.Pictures, {}, "Pictures")
    with pytest.raises(NotDense, match="they have Conv2D, Conv2DTranspose"):
        program_of(model, "Pictures")
    assert [finding.id for finding in check_objective(own_loss(model)).findings] == ["bce-clamp-keras"]
    assert not check_objective(sampler=own_sampler(model, vaes)).findings
    halved, _ = made(vaes.Pictures, {"weight": 0.5}, "Pictures")
    with pytest.raises(NotDense):
        program_of(halved, "Pictures")
    found = [finding.id for finding in check_objective(own_loss(halved)).findings]
    assert found == ["bce-clamp-keras", "kl-double-half"]


def test_what_has_no_forward_pass_says_so():
    with pytest.raises(ValueError, match="it has no call, and no encoder and decoder"):
        program_of(keras.Model(), "Model")
    assert own_loss(of_parts()()) is None
