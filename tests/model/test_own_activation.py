"""An activation as a user writes one: it trains, saves, loads and resumes with both backends; its faults are told."""

from __future__ import annotations

import numpy as np
import pytest
from models import BACKENDS, batch, model

import vae_np
from vae_np.cli import main
from vae_np.formulas.activations import Activation
from vae_np.kernels.step.engine import KernelEngine


class Swish(Activation):
    """h = a sigmoid(slope a)."""

    name = "test-swish"

    def __init__(self, slope=1.0):
        self.slope = float(slope)

    def config(self):
        return {"name": self.name, "slope": self.slope}

    def forward(self, a):
        return a / (1 + np.exp(-self.slope * a))

    def backward(self, dh, a, h):
        s = 1 / (1 + np.exp(-self.slope * a))
        return dh * (s + self.slope * a * s * (1 - s))


class Faulty(Activation):
    """One that fails as a test tells it to."""

    name = "test-faulty"
    fault = "none"

    def forward(self, a):
        if self.fault == "forward":
            raise ZeroDivisionError("no forward today")
        if self.fault == "interrupt":
            raise KeyboardInterrupt
        return a.sum() if self.fault == "shape" else np.tanh(a)

    def backward(self, dh, a, h):
        if self.fault == "backward":
            raise ZeroDivisionError("no backward today")
        return dh * (1 - h * h)


FAULTS = {
    "forward": (ZeroDivisionError, "no forward today"),
    "backward": (ZeroDivisionError, "no backward today"),
    "interrupt": (KeyboardInterrupt, None),
    "shape": (ValueError, r"must keep the shape \(5, 5\); it returned \(\)"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("activation", [pytest.param("test-swish", marks=pytest.mark.slow), "test-swish:slope=0.5"])
def test_a_users_activation_trains_saves_loads_and_resumes(activation, backend, tmp_path):
    def fresh():
        return model(hidden=(5, 4), activation=activation, backend=backend)

    x, eps = batch(fresh(), 2)
    for objective in ("elbo", "iwae"):
        report = vae_np.gradcheck.check_model(fresh(), x, eps, objective=objective)
        assert report.ok, report.table()
    whole, resumed, path = fresh(), fresh(), tmp_path / "run.npz"
    before = vae_np.evaluate(fresh(), x, samples=50).elbo
    vae_np.fit(whole, x, epochs=4)
    assert vae_np.evaluate(whole, x, samples=50).elbo > before
    vae_np.fit(fresh(), x, epochs=2, checkpoint=path)
    vae_np.fit(resumed, x, epochs=4, checkpoint=path, resume=True)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)
    again = vae_np.load(path, backend=backend)
    assert again.architecture.activation == activation
    assert np.array_equal(again.encode(x)[0], whole.encode(x)[0])
    with pytest.raises(ValueError, match=f"model activation is '{activation}' there, 'tanh' here"):
        vae_np.fit(model(hidden=(5, 4), backend=backend), x, epochs=4, checkpoint=path, resume=True)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_several_threads_call_the_formula_back_on_their_tiles(threads):
    vae = model(hidden=(37, 5), activation="test-swish", backend="numpy")
    x, eps = batch(vae, 3)
    several = KernelEngine(vae.architecture, vae.parameters, threads)
    right, found = (engine.loss_and_grad(x, eps, vae_np.ELBO(), 0.37) for engine in (vae.engine, several))
    for name in right.gradients:
        scale = np.abs(right.gradients[name]).max()
        assert np.abs(found.gradients[name] - right.gradients[name]).max() <= 1e-13 * scale + 1e-16, name


def test_two_models_at_once_each_have_their_own_activation():
    vaes = [model(activation=f"test-swish:slope={slope}") for slope in (1, 0.5)]
    plain = [model(activation=f"test-swish:slope={slope}", backend="numpy") for slope in (1, 0.5)]
    x, eps = batch(vaes[0])
    for _ in range(2):
        found = [vae.loss_and_grad(x, eps)[0] for vae in vaes]
        assert found == pytest.approx([vae.loss_and_grad(x, eps)[0] for vae in plain], rel=1e-13)
        assert abs(found[0] - found[1]) > 1e-3


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_formula_raises_reaches_the_caller_and_no_parameter_changes(fault, threads, monkeypatch):
    error, message = FAULTS[fault]
    vae = model(activation="test-faulty", threads=threads)
    x, eps = batch(vae)
    adam = vae_np.Adam()
    state = vae_np.AdamState.zeros(vae.parameters.vector, adam)
    before = vae.parameters.vector.copy()
    for _ in range(2):  # the second time is as the first
        with monkeypatch.context() as patch:
            patch.setattr(Faulty, "fault", fault)
            if fault == "shape" and threads > 1:
                message = "must keep the shape"
            with pytest.raises(error, match=message):
                vae.train_step(x, eps, adam, state)
        assert np.array_equal(vae.parameters.vector, before)
        assert (state.step, np.abs(state.m).max()) == (0, 0)
    vae.train_step(x, eps, adam, state)
    assert state.step == 1
    assert np.isfinite(vae.parameters.vector).all()


def test_the_command_line_knows_a_users_activation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savetxt("data.csv", batch(model())[0], delimiter=",")
    words = ["--data", "data.csv", "--hidden", "5", "--latent", "2", "--split", "1,0,0", "--no-pictures"]
    choice = ["--activation", "test-swish:slope=0.5"]
    assert main(["train", *words, *choice, "--out", "run", "--epochs", "2"]) == 0, capsys.readouterr().err
    assert main(["train", "--out", "run", "--resume", "--epochs", "3", "--no-pictures"]) == 0, capsys.readouterr().err
    assert main(["gradcheck", "run"]) == 0
    assert main(["gradcheck", *choice, "--features", "5"]) == 0
    assert main(["train", *words, "--activation", "test-swish:steepness=2"]) == 2
    assert "the test-swish activation does not take 'steepness'" in capsys.readouterr().err


def test_the_name_of_an_activation_of_the_package_is_taken():
    with pytest.raises(ValueError, match=r"there is a activation 'tanh' already: vae_np\.formulas\.activations\.Tanh"):
        type("Mine", (Activation,), {"name": "tanh"})


def test_an_activation_is_given_by_its_name():
    with pytest.raises(TypeError, match="activation must be the name of one; got Swish"):
        model(activation=Swish())
