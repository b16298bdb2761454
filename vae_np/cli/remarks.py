"""What vae-np train has to say of its data and, for their sake, of its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.data import Dataset
    from vae_np.model.vae import VAE

    Array = NDArray[Any]

APART = 100.0
"""Two orders of magnitude: from there on deviations are too unlike for one likelihood of unscaled data."""


def unscaled_line(vae: VAE, data: Dataset) -> str:
    """That the columns' sizes are too unlike for a Gaussian likelihood without scaling, if they are.

    They are where the deviations of the columns that vary, and a sigma that is a number, are `APART` times apart. Grey
    values are of one unit, whatever a pixel's deviation is.
    """
    import numpy as np

    from vae_np.formulas.likelihoods.conditional import of_data
    from vae_np.formulas.scaling import moments

    if vae.scale == "standard" or not _is_table(vae, data):
        return ""
    deviation = moments(data.x).deviation
    varying = np.flatnonzero(deviation > 0)
    if not len(varying):
        return ""
    least, most = (int(varying[find(deviation[varying])]) for find in (np.argmin, np.argmax))
    sigma = getattr(of_data(vae.likelihood), "sigma", None)
    fixed = [] if isinstance(sigma, str) or sigma is None else [float(sigma)]
    sizes = [float(deviation[least]), float(deviation[most]), *fixed]
    if max(sizes) < APART * min(sizes):
        return ""
    names = data.feature_names or [f"x{j}" for j in range(len(deviation))]
    words = f"deviations from {deviation[least]:.3g} ({names[least]}) to {deviation[most]:.3g} ({names[most]})"
    if least == most:
        words = f"a deviation of {deviation[most]:.3g} ({names[most]})"
    words += f" and sigma is {fixed[0]:.3g}" if fixed else ""
    return f"unscaled data: the columns have {words}; --scale standard gives each the deviation 1 inside the model"


def against_columns_alone(vae: VAE, train: Dataset, x: Array, elbo: Array) -> dict[str, Any]:
    """What independent Gaussians give x, and a remark where the model gives less; nothing where it is no table.

    Less: the mean of the differences, example by example, is negative by more than two of its standard errors.
    """
    import numpy as np

    from vae_np.evaluation.baseline import columns_alone

    if not _is_table(vae, train):
        return {}
    alone = columns_alone(train.x, x)
    found = {"test_columns_alone": float(alone.mean())}
    if len(x) < 2:
        return found
    above = elbo - alone
    if not above.mean() + 2 * above.std(ddof=1) / np.sqrt(len(x)) < 0:
        return found
    helps = "more --epochs or another --learning-rate may help"
    if vae.scale != "standard":
        helps = "train on standardised data, --scale standard"
    return found | {
        "remark": f"that is less than {alone.mean():.3f}, what a Gaussian for each column with the data's mean and"
        f" deviation gives: {helps}"
    }


def collapse(vae: VAE, active: float | None, kl: float, beta: float, varies: bool = True) -> dict[str, Any]:
    """How many latent dimensions are active, and a line with the remedy where none is; nothing without epochs.

    ``varies`` says whether the training data do: there is no remedy where they do not.
    """
    if active is None:
        return {}
    from vae_np.evaluation.latent_use import why_unused
    from vae_np.formulas.likelihoods.conditional import of_data

    found: dict[str, Any] = {"active_units": int(active)}
    if active:
        return found
    fact = why_unused(kl, varies)
    if not varies:
        return found | {"collapse": fact}
    sigma = getattr(of_data(vae.likelihood), "sigma", None)
    helps = ["--kl-warmup 10", "--free-bits 0.1", "more --epochs"]
    if beta > 1:
        helps.insert(0, "a smaller --beta")
    if isinstance(sigma, (int, float)):
        helps.insert(0, f"--sigma learned (it is {sigma:g}; where that is far above the errors, z is worth no KL)")
    words = f"{', '.join(helps[:-1])} or {helps[-1]} may help"
    return found | {"collapse": f"{fact}; {words}"}


def _is_table(vae: VAE, data: Dataset) -> bool:
    """Whether a model with a Gaussian likelihood has columns of units of their own, not grey values."""
    from vae_np.cli.choice import values_of
    from vae_np.formulas.likelihoods import Gaussian
    from vae_np.formulas.likelihoods.conditional import of_data

    if not isinstance(of_data(vae.likelihood), Gaussian) or data.image_shape is not None:
        return False
    low, high, _ = values_of(data.x)
    return low < 0 or high > 1
