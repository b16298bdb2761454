"""Training: a run is the plain loop whatever its options, and can be stopped anywhere."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import threading

import numpy as np
import pytest
from models import model

import vae_np
from vae_np.data import binarise
from vae_np.support import noise
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.fitting import Settings, Trainer, fit
from vae_np.training.progress import Silent
from vae_np.training.trainer import history_file

D, N, BATCH = 7, 11, 4  # the last batch of an epoch has 3 examples
X = np.random.default_rng(0).random((N, D)) ** 2


@pytest.fixture(autouse=True)
def _sigint():
    """SIGINT as on a terminal, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def small(**options):
    return model(n_features=D, backend="numpy", **options)


RUNS = {
    "the defaults": {},
    "samples": {"samples": 3},
    "warm-up of beta": {"beta": vae_np.LinearWarmup(6, final=0.7)},
    "cycles of beta": {"beta": vae_np.Cyclical(4, cycles=2)},
    "free bits": {"objective": vae_np.ELBO(0.4, "total")},
    "IWAE": {"objective": "iwae", "samples": 4},
    "threshold": {"binarise": "threshold"},
    "fixed": {"binarise": "fixed"},
    "dynamic": {"binarise": "dynamic", "seed": 5},
    "the data's bias": {"output_bias": "data"},
    "cosine": {"optimizer": vae_np.Adam(vae_np.Warmup(3, vae_np.Cosine(1e-2, 9)), clip_norm=1.0)},
    "milestones and AMSGrad": {"optimizer": vae_np.Adam(vae_np.StepList(1e-2, (3, 6)), amsgrad=True)},
}


def plain_loop(vae, x, *, epochs, seed=0, samples=1, beta=1.0, objective="elbo", optimizer=None, **options):
    """`fit` as one would write it down: no buffers, no checkpoints; the rows of its history."""
    adam, rows, t = optimizer or vae_np.Adam(), [], 0
    state = vae_np.AdamState.zeros(vae.parameters.vector, adam)
    mode = options.get("binarise", "none")
    if options.get("output_bias"):
        mean = x.mean(axis=0)
        vae.parameters["decoder.out.b"][...] = np.log(mean) - np.log1p(-mean)
    if mode in ("threshold", "fixed"):
        x = binarise(x, mode, seed=seed)
    for epoch in range(epochs):
        order = noise.stream(seed, "order", epoch).permutation(len(x))
        terms, norms = [], []
        for begin in range(0, len(x), BATCH):
            t += 1
            batch = x[order[begin : begin + BATCH]]
            if mode == "dynamic":
                batch = binarise(batch, "dynamic", seed=seed, step=t)
            eps = noise.standard_normal(seed, t, (samples, len(batch), 3))
            terms += list(zip(*vae.elbo(batch, eps)[:3], strict=True))
            weight = beta(t) if callable(beta) else beta
            _, gradient = vae.loss_and_grad(batch, eps, weight, objective=objective)
            norms.append(adam.update(vae.parameters.vector, gradient.vector, state))
        elbo, log_likelihood, kl = np.mean(terms, axis=0)
        last = {"beta": weight, "learning_rate": adam.rate(t), "gradient_norm": np.mean(norms), "step": t}
        rows.append({"elbo": elbo, "log_likelihood": log_likelihood, "kl": kl, **last})
    return rows


def same_history(a, b):
    """Equal but for the seconds; NaN equals NaN."""
    drop = [[{k: v for k, v in row.items() if k != "seconds"} for row in history.rows] for history in (a, b)]
    return json.dumps(drop[0]) == json.dumps(drop[1])


class InterruptAt(Silent):
    """Sends SIGINT to ourselves after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self, epoch, elbo):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_the_plain_loop_bit_for_bit(name):
    expected, vae = small(), small()
    x = X if name != "the data's bias" else X * 0.9 + 0.05
    rows = plain_loop(expected, x, epochs=3, **RUNS[name])
    history = fit(vae, x, epochs=3, batch_size=BATCH, progress=False, **RUNS[name])
    if name == "the data's bias":  # log-odds have more than one way to round
        np.testing.assert_allclose(vae.parameters.vector, expected.parameters.vector, rtol=1e-10, atol=1e-12)
    else:
        np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)
    for column in rows[0]:
        np.testing.assert_allclose(history[column], [row[column] for row in rows], rtol=1e-9, err_msg=column)
    assert history["epoch"] == [1, 2, 3]
    assert all(np.isnan(history["validation_elbo"]))


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(name, steps, tmp_path):
    options = {"epochs": 3, "batch_size": BATCH, "validation": X[:5], "progress": False, **RUNS[name]}
    expected, vae, resumed = small(), small(), small()
    history = fit(expected, X, **options)
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(vae, X, checkpoint=path, **{**options, "progress": InterruptAt(steps)})
    assert load_checkpoint(path).adam.step == steps
    resumed.parameters.vector[:] = 9.0
    again = fit(resumed, X, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(resumed.parameters.vector, expected.parameters.vector)
    assert same_history(history, again)
    assert (tmp_path / "history.csv").read_text() == again.to_csv()


def test_a_run_on_the_kernels_resumes_within_an_epoch_too(tmp_path):
    options = {"epochs": 3, "batch_size": BATCH, "progress": False, "samples": 2}
    expected, vae = model(n_features=D, dtype="float32"), model(n_features=D, dtype="float32")
    x, path = X.astype("float32"), tmp_path / "checkpoint.npz"
    fit(expected, x, **options)
    with pytest.raises(KeyboardInterrupt):
        fit(vae, x, checkpoint=path, **{**options, "progress": InterruptAt(4)})
    vae = vae_np.load(path)
    fit(vae, x, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


def test_every_epoch_has_an_order_of_its_own_that_holds_every_example_once():
    trainer = Trainer(small(), X, Settings(epochs=3, batch_size=BATCH, seed=1))
    orders = []
    for _ in range(3):
        orders.append(tuple(trainer._order))
        for _ in range(trainer.steps_per_epoch):
            trainer.step()
        trainer._end_epoch()
    assert len(set(orders)) == 3
    assert all(sorted(order) == list(range(N)) for order in orders)


def test_a_seed_gives_one_run_and_another_seed_another():
    runs = []
    for seed in (0, 0, 1):
        vae = small()
        fit(vae, X, epochs=2, batch_size=BATCH, seed=seed, progress=False)
        runs.append(vae.parameters.vector)
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_training_learns():
    x = np.repeat(np.kron(np.eye(2), np.ones(8)), 50, axis=0)  # two patterns of 16 bits: log p(x) <= -ln 2
    vae = vae_np.VAE(16, hidden=(16,), latent=2, backend="numpy")
    history = fit(vae, x, epochs=40, batch_size=20, optimizer=vae_np.Adam(1e-2), validation=x, progress=False)
    assert history["elbo"][0] < -8
    assert -1.5 < history["elbo"][-1] < -np.log(2)  # without a latent it could not exceed -16 ln 2 = -11
    assert history["validation_elbo"][-1] == pytest.approx(history["elbo"][-1], abs=0.2)
    assert history["active_units"][-1] >= 1


def test_more_epochs_continue_a_finished_run_as_if_it_had_been_longer(tmp_path):
    options = {"batch_size": BATCH, "progress": False}
    expected, vae = small(), small()
    history = fit(expected, X, epochs=4, **options)
    path = tmp_path / "c.npz"
    fit(vae, X, epochs=2, checkpoint=path, **options)
    assert (tmp_path / "c.history.csv").exists()
    again = fit(vae, X, epochs=4, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)
    assert same_history(history, again)


def test_resuming_a_finished_run_changes_no_bit_and_mends_the_history_file(tmp_path):
    path, vae = tmp_path / "checkpoint.npz", small()
    history = fit(vae, X, epochs=2, batch_size=BATCH, checkpoint=path, progress=False)
    before = vae.parameters.vector.copy()
    (tmp_path / "history.csv").write_text("killed between the two files")
    again = fit(vae, X, epochs=2, batch_size=BATCH, checkpoint=path, resume=True, progress=False)
    np.testing.assert_array_equal(vae.parameters.vector, before)
    assert history.rows == again.rows or same_history(history, again)
    assert (tmp_path / "history.csv").read_text() == history.to_csv()


def test_no_epochs_still_leave_a_checkpoint(tmp_path):
    fit(small(), X, epochs=0, checkpoint=tmp_path / "c.npz", progress=False)
    np.testing.assert_array_equal(vae_np.load(tmp_path / "c.npz").parameters.vector, small().parameters.vector)


def test_resuming_removes_what_a_killed_writer_left_and_nothing_else(tmp_path):
    path = tmp_path / "checkpoint.npz"
    stale = [tmp_path / ".checkpoint.npz.ab12_xyz.tmp", tmp_path / ".history.csv.abcdefgh.tmp"]
    others = [tmp_path / ".checkpoint.npz.tmp", tmp_path / ".other.npz.ab12_xyz.tmp", tmp_path / "a.tmp"]
    for file in stale + others:
        file.write_text("half")
    fit(small(), X, epochs=1, checkpoint=path, resume=True, progress=False)
    assert not any(file.exists() for file in stale)
    assert all(file.exists() for file in others)


CHANGES = {
    "model latent is 3 there, 2 here": {"vae": {"latent": 2}},
    "model activation is 'tanh' there, 'relu' here": {"vae": {"activation": "relu"}},
    "settings batch_size is 4 there, 5 here": {"batch_size": 5},
    "settings seed is 0 there, 1 here": {"seed": 1},
    "settings optimizer.learning_rate.": {"optimizer": vae_np.Adam(vae_np.Cosine(1e-3, 9))},
    "settings beta.rate is 1.0 there, 0.5 here": {"beta": 0.5},
    "settings objective.free_bits is 0.0 there, 0.1 here": {"objective": vae_np.ELBO(0.1)},
    "settings output_bias is 'zero' there, 'data' here": {"output_bias": "data"},
    "its training data are not these": {"x": X[::-1]},
    "its validation data are not these": {"validation": X[:3]},
    "2 epochs are done already": {"epochs": 1},
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(message, tmp_path):
    path = tmp_path / "checkpoint.npz"
    options = {"epochs": 2, "batch_size": BATCH, "progress": False, "checkpoint": path}
    fit(small(), X, **options)
    bits = path.read_bytes()
    changed = dict(CHANGES[message])
    vae, x = small(**changed.pop("vae", {})), changed.pop("x", X)
    before = vae.parameters.vector.copy()
    with pytest.raises(ValueError, match=message) as caught:
        fit(vae, x, resume=True, **{**options, **changed})
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == bits
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_an_epoch_that_has_begun_is_not_cut_off(tmp_path):
    path = tmp_path / "c.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=3, batch_size=BATCH, checkpoint=path, progress=InterruptAt(4))
    with pytest.raises(ValueError, match="1 epochs are done already and the next has begun"):
        fit(small(), X, epochs=1, batch_size=BATCH, checkpoint=path, resume=True, progress=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": -1}, ValueError, "epochs must be at least 0; got -1"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"samples": True}, TypeError, "samples must be an integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"binarise": "often"}, ValueError, "binarise must be one of"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be of type Adam"),
        ({"objective": "iwae", "beta": 0.5}, ValueError, "has no beta"),
        ({"objective": "vae"}, ValueError, "objective must be one of elbo, iwae"),
        ({"checkpoint_seconds": math.nan}, ValueError, "checkpoint_seconds must not be negative"),
        ({"resume": True}, ValueError, "resume needs checkpoint"),
        ({"checkpoint": "/nowhere/at/all/c.npz"}, FileNotFoundError, "no such folder"),
        ({"checkpoint": "/tmp"}, IsADirectoryError, "/tmp is a folder"),
        ({"validation": X[:0]}, ValueError, "validation has no examples"),
        ({"validation": 2 * X}, ValueError, "validation must lie in"),
        ({"validation": X[:, 1:]}, ValueError, "validation must have 7 columns; it has 6"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_changes(options, error, message):
    vae = small()
    before = vae.parameters.vector.copy()
    with pytest.raises(error, match=message):
        fit(vae, X, output_bias="data", progress=False, **options)
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_data_that_cannot_be_binarised_are_refused_at_once():
    vae = small(likelihood="gaussian")
    with pytest.raises(ValueError, match=r"x must lie in .* for binarisation; row 0, column 2"):
        fit(vae, np.where(np.arange(D) == 2, 1.5, X), binarise="dynamic", progress=False)


def explode(vae, **options):
    with pytest.raises(vae_np.NonFiniteError) as caught:
        fit(vae, X * 1.0, epochs=50, batch_size=BATCH, progress=False, **options)
    return caught.value


def test_a_diverging_run_names_stage_epoch_step_and_rows_and_leaves_the_checkpoint_whole(tmp_path):
    path = tmp_path / "checkpoint.npz"
    vae = small(activation="relu", hidden=(5, 5))
    error = explode(vae, optimizer=vae_np.Adam(1e80), checkpoint=path, checkpoint_seconds=0)
    t = load_checkpoint(path).adam.step + 1
    assert f"in epoch {-(-t // 3)}, step {t}" in str(error)
    assert error.stage.split(".")[0].split()[0] in ("encoder", "decoder", "z", "log_likelihood", "kl", "gradient")
    np.testing.assert_array_equal(vae_np.load(path).parameters.vector, vae.parameters.vector)
    assert set(error.examples) <= set(range(N))


def test_the_examples_of_an_error_are_rows_of_x_and_not_of_the_batch(monkeypatch):
    vae = small(likelihood="gaussian")
    x = X.copy()
    x[8] = 1e200
    with pytest.raises(vae_np.NonFiniteError) as caught:
        fit(vae, x, epochs=1, batch_size=BATCH, progress=False)
    assert caught.value.examples == (8,)


def test_parameters_that_are_not_finite_are_never_saved(tmp_path):
    path = tmp_path / "c.npz"
    trainer = Trainer(small(), X, Settings(batch_size=BATCH))
    trainer.save(path)
    bits = path.read_bytes()
    trainer.vae.parameters["encoder.mu.b"][1] = np.inf
    with pytest.raises(vae_np.NonFiniteError, match=r"parameter encoder.mu.b: entry \[1\] is not finite"):
        trainer.save(path)
    assert path.read_bytes() == bits


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_a_disk_that_fills_stops_the_run_and_leaves_the_last_checkpoint_to_resume_from(name, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    options = {"epochs": 3, "batch_size": BATCH, "progress": False, "checkpoint": path}
    expected = small()
    fit(expected, X, epochs=3, batch_size=BATCH, progress=False)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, **{**options, "progress": InterruptAt(2)})
    bits = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if name == "write":
            patch.setattr("vae_np.support.files.os.fdopen", lambda handle, mode: Full(handle))
        else:
            patch.setattr(f"vae_np.support.files.os.{name}", full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            fit(small(), X, resume=True, checkpoint_seconds=0, **options)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == bits
    assert not list(tmp_path.glob(".*"))
    vae = small()
    fit(vae, X, resume=True, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


class Full:
    """A file on a full disk."""

    def __init__(self, handle):
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.handle)

    def fileno(self):
        return self.handle

    def write(self, data):
        os.write(self.handle, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_handler_of_sigint_comes_back(tmp_path):
    def mine(*arguments):
        raise AssertionError

    before = signal.signal(signal.SIGINT, mine)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(small(), X, epochs=2, progress=InterruptAt(1))
        assert signal.getsignal(signal.SIGINT) is mine
        fit(small(), X, epochs=1, progress=False)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_sigint_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert len(fit(small(), X, epochs=2, progress=InterruptAt(1)).rows) == 2
    except KeyboardInterrupt:
        pytest.fail("the run was interrupted")
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_does_not_wait(tmp_path):
    path = tmp_path / "c.npz"

    class Impatient(Silent):
        def step(self, epoch, elbo):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=2, checkpoint=path, progress=Impatient())
    assert not path.exists()


def test_an_interrupt_during_the_last_checkpoint_is_not_lost(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    save = Trainer.save

    def interrupted(self, target):
        signal.raise_signal(signal.SIGINT)
        save(self, target)

    monkeypatch.setattr(Trainer, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(small(), X, epochs=1, checkpoint=path, progress=False)
    assert load_checkpoint(path).training["epoch"] == 1


def test_training_works_outside_the_main_thread():
    lengths = []
    vae = small()
    thread = threading.Thread(target=lambda: lengths.append(len(fit(vae, X, epochs=2, progress=False).rows)))
    thread.start()
    thread.join()
    assert lengths == [2]


def test_checkpoints_are_written_as_often_as_asked(tmp_path, monkeypatch):
    counts = {}
    for seconds in (0, 1e9):
        saved = []
        options = {"checkpoint": tmp_path / "c", "checkpoint_seconds": seconds, "progress": False}
        monkeypatch.setattr(Trainer, "save", lambda self, path, saved=saved: saved.append(self.adam.step))
        fit(small(), X, epochs=2, batch_size=BATCH, **options)
        counts[seconds] = saved
    assert counts == {0: [1, 2, 3, 4, 5, 6, 6], 1e9: [6]}


def test_the_history_is_beside_its_checkpoint_under_a_name_of_its_own():
    assert history_file("run/checkpoint.npz").as_posix() == "run/history.csv"
    assert history_file("run/other.npz").as_posix() == "run/other.history.csv"


def test_a_callback_sees_every_epoch():
    seen = []
    fit(small(), X, epochs=3, progress=False, on_epoch=lambda history: seen.append(len(history.rows)))
    assert seen == [1, 2, 3]


def test_the_history_of_a_validation_set_is_that_of_evaluate():
    vae = small()
    history = fit(vae, X, epochs=2, batch_size=BATCH, validation=X[:6], seed=3, binarise="threshold", progress=False)
    result = vae_np.evaluate(vae, np.round(X[:6]), seed=3)
    assert history["validation_elbo"][-1] == result.elbo
    assert history["active_units"][-1] == result.active_units


def test_history_columns_are_those_of_the_csv_file():
    history = fit(small(), X, epochs=2, progress=False)
    lines = history.to_csv().splitlines()
    assert lines[0].split(",") == list(history)
    assert [float(value) for value in lines[2].split(",")][2] == history["elbo"][1]
    with pytest.raises(KeyError, match="no column 'loss'"):
        history["loss"]


def test_an_epoch_that_ends_with_parameters_that_are_not_finite_is_an_error(tmp_path):
    vae, path = small(), tmp_path / "checkpoint.npz"

    def spoil(history):
        if len(history.rows) == 2:
            vae.parameters["decoder.out.b"][3] = np.nan

    options = {"epochs": 2, "batch_size": BATCH, "progress": False, "on_epoch": spoil}
    with pytest.raises(vae_np.NonFiniteError, match=r"entry \[3\] is not finite after step 6") as caught:
        fit(vae, X, **options)
    assert caught.value.stage == "parameter decoder.out.b"
    vae = small()
    with pytest.raises(vae_np.NonFiniteError):
        fit(vae, X, checkpoint=path, **options)
    assert not path.exists()


def test_a_last_step_to_infinity_is_an_error():
    vae = small()
    trainer, step = Trainer(vae, X, Settings(epochs=1, batch_size=N)), Trainer.step

    def leap():
        step(trainer)
        vae.parameters["encoder.mu.b"][...] = np.inf

    trainer.step = leap
    with pytest.raises(vae_np.NonFiniteError, match=r"parameter encoder\.mu\.b"):
        trainer.run(None, 10.0, Silent())


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (vae_np.Adam(epsilon=1e-60), "epsilon must not vanish in float32; 1e-60 does"),
        (vae_np.Adam(1e39), r"learning_rate must be finite in float32; in step 1 it is 1e\+39"),
        (vae_np.Adam(1e30, weight_decay=1e9), "learning_rate times weight_decay must be finite in float32"),
        (vae_np.Adam(vae_np.Warmup(2, 6e38)), r"in step 2 it is 6e\+38"),
    ],
)
def test_constants_of_adam_that_the_dtype_cannot_hold_are_refused_at_once(optimizer, message):
    settings = Settings(epochs=1, batch_size=6, optimizer=optimizer)
    with pytest.raises(ValueError, match=message):
        Trainer(small(dtype="float32"), X.astype("float32"), settings)
    Trainer(small(), X, settings)


class Bare:
    """An objective without a word on its settings."""

    name, analytic_kl = "bare", True

    def __init__(self, free_bits=0.0):
        self.inner = vae_np.ELBO(free_bits)

    def __call__(self, terms, beta=1.0):
        return self.inner(terms, beta)


class Told(Bare):
    """One with a word."""

    def config(self):
        return {"free_bits": self.inner.free_bits}


class Odd(Bare):
    """One whose word JSON does not know."""

    def config(self):
        return {"weight": 1j}


def test_an_objective_that_a_checkpoint_could_not_tell_from_another_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    options = {"epochs": 1, "progress": False}
    fit(small(), X, objective=Bare(), **options)
    with pytest.raises(ValueError, match=r"objective must be a dataclass or have a config\(\) method"):
        fit(small(), X, objective=Bare(), checkpoint=path, **options)
    assert not path.exists()
    fit(small(), X, objective=Told(), checkpoint=path, **options)
    with pytest.raises(ValueError, match=r"settings objective\.free_bits is 0\.0 there, 0\.5 here"):
        fit(small(), X, objective=Told(0.5), checkpoint=path, resume=True, **options)


def test_settings_that_json_cannot_hold_are_refused_before_the_first_step(tmp_path):
    vae, path = small(), tmp_path / "c.npz"
    before = vae.parameters.vector.copy()
    with pytest.raises(ValueError, match=r"objective cannot be saved as JSON in a checkpoint: .*complex"):
        fit(vae, X, objective=Odd(), checkpoint=path, output_bias="data", progress=False)
    np.testing.assert_array_equal(vae.parameters.vector, before)


@pytest.mark.parametrize("place", ["on_epoch", "epoch", "step"])
def test_an_error_of_a_callback_leaves_a_checkpoint_to_resume_from(place, tmp_path):
    expected, path = small(), tmp_path / "c.npz"
    options = {"epochs": 3, "batch_size": BATCH, "checkpoint": path}
    fit(expected, X, epochs=3, batch_size=BATCH, progress=False)
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == (3 if place == "step" else 2):
            raise ZeroDivisionError("mine")

    reporter = Silent()
    if place != "on_epoch":
        setattr(reporter, place, fail)
    with pytest.raises(ZeroDivisionError, match="mine"):
        fit(small(), X, progress=reporter, on_epoch=fail if place == "on_epoch" else None, **options)
    assert load_checkpoint(path).adam.step == (3 if place == "step" else 6)
    vae = small()
    fit(vae, X, resume=True, progress=False, **options)
    np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)


def test_an_error_before_the_first_step_writes_nothing(tmp_path):
    class Broken(vae_np.ELBO):
        def __call__(self, terms, beta=1.0):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(small(), X, objective=Broken(), checkpoint=tmp_path / "c.npz", progress=False)
    assert list(tmp_path.iterdir()) == []
