"""vae-np tune by Optuna: it learns, it goes on, and it needs no run twice; only with the extra `tune`."""

from __future__ import annotations

import pytest

pytest.importorskip("optuna")
from vae_np.cli import search_space
from vae_np.cli.proposals import Bayes
from vae_np.cli.trials import Book, Trial

SPACE = search_space.parse([["latent", "1..64"], ["activation", "tanh", "relu"], ["learning-rate", "1e-4..1e-1"]])


def value(options):
    """The best is at 7, relu, 0.01."""
    import math

    rate = math.log10(float(options["learning-rate"])) + 2
    return -abs(math.log(int(options["latent"]) / 7)) - (options["activation"] == "tanh") - rate**2


def search(book, count, seed=0):
    """As `trials.run_all` does it, one at a time."""
    propose = Bayes(SPACE, book, count, seed)
    while (options := propose.next()) is not None:
        trial = Trial(len(book.trials), options, "done", value(options))
        book.trials.append(trial)
        propose.learn(trial)
    return book


def test_it_proposes_within_the_space_and_comes_nearer_to_the_best(tmp_path):
    book = search(Book(tmp_path, {}), 60)
    assert len(book.trials) == 60
    for trial in book.trials:
        assert 1 <= int(trial.options["latent"]) <= 64
        assert 1e-4 <= float(trial.options["learning-rate"]) <= 1e-1
        assert len(trial.options["learning-rate"].strip("0.").replace("e-05", "")) <= 4
    values = [trial.value for trial in book.trials]
    assert sum(values[40:]) / 20 > sum(values[:20]) / 20 + 0.5
    assert book.done()[0].options["activation"] == "relu"


def test_the_seed_makes_the_proposals_and_a_search_that_goes_on_knows_what_was(tmp_path):
    first, same, other = (search(Book(tmp_path, {}), 12, seed) for seed in (3, 3, 4))
    assert [trial.options for trial in first.trials] == [trial.options for trial in same.trials]
    assert [trial.options for trial in first.trials] != [trial.options for trial in other.trials]
    known = Bayes(SPACE, Book(tmp_path, {}, first.trials), 40, 3).study.trials
    assert [trial.value for trial in known] == [trial.value for trial in first.done()]
    more = search(Book(tmp_path, {}, first.trials), 40, 3)
    assert len(more.trials) == 40
    assert more.trials[12].options not in [trial.options for trial in first.trials]
    after = [trial.value for trial in more.trials[20:]]
    assert sum(after) / 20 > sum(trial.value for trial in first.trials) / 12


def test_a_run_that_failed_is_told_and_one_of_an_earlier_session_is_learned(tmp_path):
    propose = Bayes(SPACE, Book(tmp_path, {}), 5, 0)
    options = propose.next()
    propose.learn(Trial(0, options, "failed"))
    propose.learn(Trial(1, {"latent": "3", "activation": "tanh", "learning-rate": "0.001"}, "done", -1.0))
    states = [trial.state.name for trial in propose.study.trials]
    assert states == ["FAIL", "COMPLETE"]
