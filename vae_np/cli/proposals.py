"""How `vae-np tune` proposes what to run next: every combination, or what Optuna makes of the runs that were."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from vae_np.cli import search_space
from vae_np.cli.search_space import Choice, Range, Space
from vae_np.cli.trials import Book, Trial

__all__ = ["METHODS", "TRIALS", "Bayes", "Grid", "need_optuna"]

TRIALS = 30
"""Runs where no number of them is given and there is no end otherwise."""
Options = tuple[tuple[str, str], ...]


class Grid:
    """Every combination, or as many as are asked for, drawn by the seed."""

    def __init__(self, space: Space, book: Book, count: int | None, seed: int) -> None:
        every = list(search_space.grid(space))
        if count is not None and count < len(every):
            import numpy as np

            chosen = np.random.Generator(np.random.Philox(seed)).permutation(len(every))[:count]
            every = [every[i] for i in sorted(chosen)]
        known = [trial.options for trial in book.trials]
        self._left: Iterator[dict[str, str]] = iter([options for options in every if options not in known])

    def next(self) -> dict[str, str] | None:
        """What is to be run."""
        return next(self._left, None)

    def learn(self, trial: Trial) -> None:
        """Nothing: it goes on whatever comes out."""


class Bayes:
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), told of every run that was before."""

    def __init__(self, space: Space, book: Book, count: int | None, seed: int) -> None:
        optuna = need_optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # the number of runs that were is a part of the seed: a search that goes on proposes no old ones
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant_liar, which keeps parallel runs apart, is called experimental
            sampler = optuna.samplers.TPESampler(seed=seed + len(book.trials), constant_liar=True)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self.space, self.count, self.begun = space, count or TRIALS, len(book.trials)
        self._asked: dict[Options, Any] = {}
        for trial in book.done():
            self.learn(trial)

    def next(self) -> dict[str, str] | None:
        """What is to be run."""
        if self.begun >= self.count:
            return None
        self.begun += 1
        asked = self.study.ask()
        options = search_space.suggested(self.space, asked)
        self._asked[tuple(sorted(options.items()))] = asked
        return options

    def learn(self, trial: Trial) -> None:
        """What came of it, or of one that was proposed in an earlier session."""
        optuna = need_optuna()
        asked = self._asked.pop(tuple(sorted(trial.options.items())), None)
        if asked is not None and trial.value is None:
            self.study.tell(asked, state=optuna.trial.TrialState.FAIL)
        elif asked is not None:
            self.study.tell(asked, trial.value)
        elif trial.value is not None:
            params = {name: _value(self.space[name], text) for name, text in trial.options.items()}
            kinds = {name: _distribution(optuna, what) for name, what in self.space.items()}
            self.study.add_trial(optuna.trial.create_trial(params=params, distributions=kinds, value=trial.value))


def need_optuna() -> Any:
    """The package, or an ImportError that says how to install it, or to do without."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            f"--method bayes needs Optuna: pip install 'vae-np[tune]', or --method grid ({error})"
        ) from None
    return optuna


def _distribution(optuna: Any, what: Choice | Range) -> Any:
    if isinstance(what, Choice):
        return optuna.distributions.CategoricalDistribution(list(what.values))
    if what.whole:
        return optuna.distributions.IntDistribution(int(what.low), int(what.high), log=what.log)
    return optuna.distributions.FloatDistribution(what.low, what.high, log=what.log)


def _value(what: Choice | Range, text: str) -> Any:
    return text if isinstance(what, Choice) else int(text) if what.whole else float(text)


METHODS: dict[str, Callable[..., Any]] = {"bayes": Bayes, "grid": Grid}
