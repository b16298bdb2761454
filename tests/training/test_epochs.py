"""Training is the plain loop over epochs and minibatches, whatever its options."""

from __future__ import annotations

import numpy as np
import pytest
from small_runs import BATCH, RUNS, N, X, small
from sums import WHOLE_MODEL, assert_tensors

import vae_np
from vae_np.data import binarise
from vae_np.formulas.objectives import get_objective
from vae_np.support import noise
from vae_np.training.fitting import Settings, Trainer, fit


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
            loss, gradient = vae.loss_and_grad(batch, eps, weight, objective=objective)
            objective = get_objective(objective).after(loss)
            norms.append(adam.update(vae.parameters.vector, gradient.vector, state))
        elbo, log_likelihood, kl = np.mean(terms, axis=0)
        last = {"beta": weight, "learning_rate": adam.rate(t), "gradient_norm": np.mean(norms), "step": t}
        rows.append({"elbo": elbo, "log_likelihood": log_likelihood, "kl": kl, **last})
    return rows


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_the_plain_loop_bit_for_bit(name):
    expected, vae = small(), small()
    x = X if name != "the data's bias" else X * 0.9 + 0.05
    rows = plain_loop(expected, x, epochs=3, **RUNS[name])
    history = fit(vae, x, epochs=3, batch_size=BATCH, progress=False, **RUNS[name])
    if name == "the data's bias":  # log-odds have more than one way to round
        # 9 steps of 1e-3, in which Adam divides each entry by its own size, perhaps 1e-4 of the largest
        assert_tensors("parameters", vae.parameters.vector, expected.parameters.vector, 9 * 1e-3 * 1e4 * WHOLE_MODEL)
    else:
        np.testing.assert_array_equal(vae.parameters.vector, expected.parameters.vector)
    size = max(abs(row["log_likelihood"]) + row["kl"] for row in rows)
    for column in rows[0]:
        right = np.array([row[column] for row in rows], float)
        terms = size if column in ("elbo", "log_likelihood", "kl") else 0
        assert_tensors(column, np.array(history[column], float), right, 10 * WHOLE_MODEL, terms)
    assert history["epoch"] == [1, 2, 3]
    assert all(np.isnan(history["validation_elbo"]))


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
