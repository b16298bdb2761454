"""Early stopping: the best model is left, a resumed run has the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import vae_np
from vae_np.training.stopping import Best, best_epoch

RNG = np.random.default_rng(0)
X, HELD = RNG.normal(size=(24, 6)), RNG.normal(size=(40, 6))
"""So few examples that a wide network learns them by heart."""


def fresh() -> vae_np.VAE:
    return vae_np.VAE(6, hidden=(64,), latent=2, likelihood="gaussian", activation="relu", backend="numpy")


def train(vae, epochs=60, patience=4, **options):
    """A run that overfits after a few epochs."""
    optimizer = vae_np.Adam(1e-2)
    return vae_np.fit(
        vae, X, epochs=epochs, batch_size=8, optimizer=optimizer, validation=HELD, patience=patience, **options
    )


def rows(*elbos: float) -> list[dict[str, float]]:
    return [{"epoch": i, "validation_elbo": elbo} for i, elbo in enumerate(elbos, 1)]


def test_the_best_epoch_is_the_first_of_the_highest():
    assert best_epoch(rows(-3, -1, -2, -1)) == 2
    assert best_epoch(rows(np.nan, np.nan)) == 0
    assert best_epoch([]) == 0


def test_it_stops_when_none_of_the_last_epochs_was_the_best():
    best, history = Best(2), []
    for row, stops in zip(rows(-3, -1, -1, -2), [False, False, False, True], strict=True):
        history.append(row)
        best.note(history, np.full(1, row["epoch"]))
        assert best.is_long_ago(len(history)) == stops
    assert best.epoch == best.vector == 2


def test_a_run_stops_early_and_leaves_the_best_model():
    vae, longer = fresh(), fresh()
    history = train(vae)
    assert history.best_epoch + 4 == len(history.rows) < 60
    vae_np.fit(longer, X, epochs=history.best_epoch, batch_size=8, optimizer=vae_np.Adam(1e-2))
    np.testing.assert_array_equal(vae.parameters.vector, longer.parameters.vector)
    best = max(history["validation_elbo"])
    assert vae_np.evaluate(vae, HELD).elbo == best > history["validation_elbo"][-1]


def test_a_run_whose_last_epoch_is_the_best_trains_them_all():
    vae = fresh()
    history = train(vae, epochs=2, patience=5)
    assert len(history.rows) == 2


def test_a_resumed_run_stops_where_the_whole_one_does(tmp_path):
    whole, part = fresh(), fresh()
    history = train(whole)
    stop, file = len(history.rows), tmp_path / "checkpoint.npz"
    for epochs in (1, stop - 1, 60, 80):
        part = fresh()
        again = train(part, epochs, checkpoint=file, resume=True)
    assert again["validation_elbo"] == history["validation_elbo"]
    np.testing.assert_array_equal(part.parameters.vector, whole.parameters.vector)
    np.testing.assert_array_equal(vae_np.load(file, backend="numpy").parameters.vector, whole.parameters.vector)


def test_an_interrupted_run_goes_on_from_its_last_epoch_and_not_from_its_best(tmp_path):
    file, stop = tmp_path / "checkpoint.npz", len(train(fresh()).rows)

    class Enough(Exception):
        pass

    def end(history):
        if len(history.rows) == stop - 1:
            raise Enough

    with pytest.raises(Enough):
        train(fresh(), checkpoint=file, on_epoch=end)
    whole, part = fresh(), fresh()
    train(whole)
    train(part, checkpoint=file, resume=True)
    np.testing.assert_array_equal(part.parameters.vector, whole.parameters.vector)


def test_a_damaged_last_vector_is_refused(tmp_path):
    file = tmp_path / "checkpoint.npz"
    train(fresh(), checkpoint=file)
    with np.load(file) as npz:
        arrays = dict(npz)
    for damage in (arrays["last"][:-1], np.full_like(arrays["last"], np.nan), arrays["last"].astype(np.float32)):
        np.savez(file, **(arrays | {"last": damage}))
        with pytest.raises(ValueError, match="last parameters are no"):
            train(fresh(), checkpoint=file, resume=True)


def test_patience_without_validation_is_refused():
    with pytest.raises(ValueError, match="patience needs validation"):
        vae_np.fit(fresh(), X, patience=3)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="patience must be at least 1"):
            train(fresh(), patience=wrong)
    with pytest.raises(TypeError, match="patience"):
        train(fresh(), patience=2.5)


def test_a_history_is_a_dict_of_columns_as_tables_are_made_of():
    history = train(fresh(), epochs=2)
    assert isinstance(history, dict)
    assert list(history)[:3] == ["epoch", "step", "elbo"]
    assert history["epoch"] == [1, 2]
    assert history.rows[1] == {name: column[1] for name, column in history.items()}
    with pytest.raises(KeyError, match="no column 'loss'; there are epoch, step"):
        history["loss"]
