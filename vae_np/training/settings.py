"""What decides a training run, beside the model and the data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from vae_np.data.binarisation import MODES
from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.optim import Adam
from vae_np.formulas.schedules import Constant, Schedule
from vae_np.support import noise
from vae_np.support.checks import whole

__all__ = ["OUTPUT_BIAS", "Settings"]

OUTPUT_BIAS = ("zero", "data")


@dataclass(frozen=True)
class Settings:
    """The arguments of `fit` that a run's bits depend on, checked."""

    epochs: int = 10
    batch_size: int = 64
    optimizer: Adam = field(default_factory=Adam)
    seed: int = 0
    beta: Schedule = field(default_factory=lambda: Constant(1.0))
    objective: Objective = field(default_factory=lambda: get_objective("elbo"))
    samples: int = 1
    binarise: str = "none"
    output_bias: str = "zero"
    patience: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 0), ("batch_size", 1), ("samples", 1)):
            whole(name, getattr(self, name), at_least=least)
        if self.patience is not None:
            whole("patience", self.patience, at_least=1)
        noise.check_seed(self.seed)
        if not isinstance(self.optimizer, Adam):
            raise TypeError(f"optimizer must be of type Adam; got {self.optimizer!r}")
        for name, words in (("binarise", MODES), ("output_bias", OUTPUT_BIAS)):
            if getattr(self, name) not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}; got {getattr(self, name)!r}")
        if hasattr(self.objective, "check_samples"):  # anything that has the form of an Objective serves
            self.objective.check_samples(self.samples)
        if not self.objective.analytic_kl and self.beta != Constant(1.0):
            raise ValueError(f"the {self.objective.name} objective has no beta; leave beta at 1")

    def config(self) -> dict[str, Any]:
        """The settings, JSON-able."""
        return {
            "epochs": int(self.epochs),
            "batch_size": int(self.batch_size),
            "optimizer": self.optimizer.to_dict(),
            "seed": int(self.seed),
            "beta": self.beta.to_dict(),
            "objective": self.objective_config(self.objective),
            "samples": int(self.samples),
            "binarise": self.binarise,
            "output_bias": self.output_bias,
            "patience": None if self.patience is None else int(self.patience),
        }

    @staticmethod
    def objective_config(given: Any) -> dict[str, Any]:
        """The config of an objective, or of anything that has the form of one."""
        if callable(getattr(given, "config", None)):
            told = dict(given.config())
        else:
            told = asdict(given) if is_dataclass(given) and not isinstance(given, type) else {}
        return {"name": given.name, **told}

    def check_saveable(self) -> None:
        """That a checkpoint can hold the settings, and a resumed run notice a change; ``ValueError`` otherwise."""
        given: Any = self.objective
        told = (
            given.tells_settings()
            if isinstance(given, Objective)
            else (is_dataclass(given) or callable(getattr(given, "config", None)))
        )
        if not told:
            raise ValueError(
                f"objective must be a dataclass or have a config() method, so that a checkpoint can tell its settings;"
                f" got {self.objective!r}"
            )
        if isinstance(given, Objective):
            given.checked_config()
        for name, value in self.config().items():
            try:
                json.dumps(value)
            except (TypeError, ValueError, RecursionError) as error:
                raise ValueError(f"{name} cannot be saved as JSON in a checkpoint: {error}") from None
