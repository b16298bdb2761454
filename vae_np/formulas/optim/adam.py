"""Adam and its documented variants, over one flat vector of parameters.

    g_t = factor * gradient + l2 theta_{t-1}                      (clipping by the global norm; L2 penalty)
    m_t = beta1 m_{t-1} + (1 - beta1) g_t                         (first moment)
    v_t = beta2 v_{t-1} + (1 - beta2) g_t^2                       (second raw moment)
    m^  = m_t / (1 - beta1^t),   v^ = v_t / (1 - beta2^t)         (bias corrections)
    theta_t = theta_{t-1} - alpha_t lambda theta_{t-1} - alpha_t m^ / (sqrt(v^) + epsilon)

`adam_step` is the formula, pure; `Adam.update` checks, clips and applies it in place. What the
caller gives is the gradient of the loss, which is descended.

References
----------
Kingma & Ba (2015), "Adam: a method for stochastic optimization", algorithm 1.
Reddi, Kale & Kumar (2018), "On the convergence of Adam and beyond", algorithm 2 (AMSGrad).
Loshchilov & Hutter (2019), "Decoupled weight decay regularization", algorithm 2 (AdamW).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.optim.clipping import check_squares, clip_factor, global_norm
from vae_np.formulas.optim.state import AdamState, check_alike, check_dtype
from vae_np.formulas.schedules import Schedule, as_schedule, schedule_from_dict
from vae_np.support.checks import non_negative, positive, real
from vae_np.support.portable import one_less_power

__all__ = ["Adam", "adam_step", "bias_correction"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Adam:
    """The settings of Adam; the state is an `AdamState`, and the equations stand in `adam_step`.

    Parameters
    ----------
    learning_rate : float or Schedule
        alpha, or alpha_t for step t = 1, 2, ...
    beta1, beta2 : float
        The decay of the moments, in [0, 1).
    epsilon : float
        Positive. Outside the square root and added to the corrected sqrt(v^), as in algorithm 1
        of Kingma & Ba and in PyTorch, unless `epsilon_hat`.
    epsilon_hat : bool
        Read `epsilon` as the paper's epsilon^ of the reordered form at the end of section 2,
        added to the uncorrected sqrt(v), as in TensorFlow and Keras.
    amsgrad : bool
        Divide by the largest v so far.
    weight_decay : float
        lambda, decoupled and multiplied by the learning rate, as in ``torch.optim.AdamW``. What ``torch.optim.Adam``
        calls weight_decay is `l2`.
    clip_norm : float, optional
        The largest global norm of the gradient; a longer one is scaled down to it.
    l2 : float
        The weight of a penalty l2/2 sum(theta^2), whose gradient l2 theta is added to the loss's after clipping and
        passes through the moments: ``weight_decay`` of ``torch.optim.Adam``, and of Keras's L2 regulariser half.

    Raises
    ------
    TypeError, ValueError
        If a setting is not a number, or lies outside its range.

    Notes
    -----
    In float32 v = (1 - beta2) g^2 vanishes where abs(g) is below about 1e-21, so that epsilon
    should be far above that; the usual 1e-8 is.
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False
    amsgrad: bool = False
    weight_decay: float = 0.0
    clip_norm: float | None = None
    l2: float = 0.0

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "epsilon": positive("epsilon", self.epsilon),
            "weight_decay": non_negative("weight_decay", self.weight_decay),
            "l2": non_negative("l2", self.l2),
        }
        if not isinstance(self.learning_rate, Schedule):
            checked["learning_rate"] = non_negative("learning_rate", self.learning_rate)
        if self.clip_norm is not None:
            checked["clip_norm"] = positive("clip_norm", self.clip_norm)
        for name in ("beta1", "beta2"):
            checked[name] = real(name, getattr(self, name))
            if not 0.0 <= checked[name] < 1.0:
                raise ValueError(f"{name} must lie in [0, 1); got {checked[name]!r}")
        for name in ("epsilon_hat", "amsgrad"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False; got {getattr(self, name)!r}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def rate(self, step: int) -> float:
        """Return the learning rate alpha_t of step t = 1, 2, ...; ``ValueError`` if not finite."""
        if type(self.learning_rate) is float:  # checked when it was set
            return self.learning_rate
        return non_negative("learning_rate", as_schedule(self.learning_rate)(step))

    def update(self, theta: Array, gradient: Array, state: AdamState) -> float:
        """Clip the gradient, then take one step: `theta` and `state` change in place.

        Parameters
        ----------
        theta, gradient : array
            One shape and one dtype, also the state's.
        state : AdamState
            What the steps so far have left; its `step` counts on by one.

        Returns
        -------
        norm : float
            The global norm of the gradient before clipping.

        Raises
        ------
        NonFiniteError
            If that norm is infinite or not a number, or the square of an entry leaves the dtype's
            range (v would stay infinite and the entry would never move again). Nothing has
            changed then.
        TypeError, ValueError
            As `adam_step`; nothing has changed then either.
        """
        _check(theta, gradient, state, self)
        norm = global_norm(gradient)
        factor = clip_factor(norm, self.clip_norm)
        check_squares(gradient, norm, factor)
        if self.l2 > 0.0:
            penalised = _penalised(theta, gradient, self, factor)
            check_squares(penalised, global_norm(penalised), 1.0)
        new_theta, new_state = adam_step(theta, gradient, state, self, factor=factor)
        np.copyto(theta, new_theta)
        np.copyto(state.m, new_state.m)
        np.copyto(state.v, new_state.v)
        if state.v_max is not None and new_state.v_max is not None:
            np.copyto(state.v_max, new_state.v_max)
        state.step = new_state.step
        return norm

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in a form that JSON can hold."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.learning_rate, Schedule):
            values["learning_rate"] = self.learning_rate.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make one from what `to_dict` gave; what is missing has its default.

        Raises
        ------
        ValueError
            If a setting is unknown or out of range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"Adam has no setting {', '.join(map(repr, unknown))}")
        arguments = dict(values)
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = schedule_from_dict(arguments["learning_rate"])
        return cls(**arguments)


def adam_step(
    theta: Array, gradient: Array, state: AdamState, adam: Adam, *, factor: float = 1.0
) -> tuple[Array, AdamState]:
    """One step of Adam, as a pure function: nothing that is given changes.

        t  = step + 1
        g  = factor * gradient + l2 theta
        m  = beta1 m + (1 - beta1) g
        v  = beta2 v + (1 - beta2) g^2
        m^ = m / (1 - beta1^t)
        v^ = v / (1 - beta2^t)
        theta = theta - alpha_t lambda theta - alpha_t m^ / (sqrt(v^) + epsilon)

    With `Adam.epsilon_hat` the last three lines are

        a     = alpha_t sqrt(1 - beta2^t) / (1 - beta1^t)
        theta = theta - alpha_t lambda theta - a m / (sqrt(v) + epsilon)

    With `Adam.amsgrad` v is replaced in them (not in its own recursion) by

        v_max = max(v_max, v)

    Parameters
    ----------
    theta, gradient : array
        One shape and one dtype, also the state's: float32, float64 or wider.
    state : AdamState
    adam : Adam
    factor : float
        What the gradient is multiplied by, as `clip_factor` gives it.

    Returns
    -------
    theta : array
    state : AdamState
        New, in the dtype of the given ones.

    Raises
    ------
    TypeError
        If the dtypes differ or are not as above.
    ValueError
        If the shapes differ; if the state and `adam` do not agree about AMSGrad; if epsilon is 0
        in this dtype.

    Notes
    -----
    *Epsilon.* Kingma & Ba (2015), algorithm 1: outside the square root and added to the corrected
    sqrt(v^). The reordered form at the end of their section 2 is the same for epsilon = 0; with
    the same number for both, its epsilon counts 1 / sqrt(1 - beta2^t) times as much: 31.6 times at
    t = 1 and beta2 = 0.999. At g = epsilon the first step is 0.5 alpha here and 0.031 alpha there.

    *AMSGrad.* The maximum is taken of v, before the bias correction, and corrected afterwards.
    Reddi et al. (2018), algorithm 2, take it of v too, and correct nothing; PyTorch corrects m
    and v_max afterwards, and so does this function, because without the corrections the first
    steps would be wrong by sqrt(1 - beta2^t) / (1 - beta1^t) as in Adam. The other order, the
    maximum of v^ (optax's), remembers the noise of the first v^ for ever: for g = (1, 0) the second
    step is 0.670 alpha here and 0.474 alpha there.

    *Weight decay.* Loshchilov & Hutter (2019), algorithm 2: the decay does not pass through the
    moments. There it is multiplied by the schedule's multiplier alone; here by all of alpha_t,
    as in ``torch.optim.AdamW``. With l2 it passes through the moments, as in ``torch.optim.Adam``: there the quotient
    m^ / sqrt(v^) takes its size away, so that at g = 0 the first step is alpha whatever l2 is.

    *Rounding.* Scalars are computed in double precision and cast once; the arrays keep their dtype
    throughout. The corrections are exact to half an ULP, also where 1 - beta^t cancels.
    """
    _check(theta, gradient, state, adam)
    cast = theta.dtype.type
    t = state.step + 1
    rate = adam.rate(t)
    correction1 = bias_correction(adam.beta1, t)
    correction2 = bias_correction(adam.beta2, t)
    epsilon = cast(adam.epsilon)

    g = _penalised(theta, gradient, adam, factor)
    m = cast(adam.beta1) * state.m + cast(1.0 - adam.beta1) * g
    v = cast(adam.beta2) * state.v + cast(1.0 - adam.beta2) * np.square(g)
    v_max = None if state.v_max is None else np.maximum(state.v_max, v)
    second = v if v_max is None else v_max

    if adam.epsilon_hat:
        alpha = cast(rate * math.sqrt(correction2) / correction1)
        move = alpha * m / (np.sqrt(second) + epsilon)
    else:
        m_hat = m / cast(correction1)
        v_hat = second / cast(correction2)
        move = cast(rate) * m_hat / (np.sqrt(v_hat) + epsilon)
    if adam.weight_decay > 0.0:
        move += cast(rate * adam.weight_decay) * theta
    return theta - move, AdamState(m, v, v_max, t)


def _penalised(theta: Array, gradient: Array, adam: Adam, factor: float) -> Array:
    """The gradient of loss + l2/2 sum(theta^2), of which the loss's was clipped."""
    cast = theta.dtype.type
    g: Array = cast(factor) * gradient
    return g + cast(adam.l2) * theta if adam.l2 > 0.0 else g


def bias_correction(beta: float, step: int) -> float:
    """1 - beta^t of step t, with the same bits everywhere: `portable.one_less_power`.

    Notes
    -----
    Kingma & Ba (2015), section 3. Written out, 1 - beta^t magnifies the rounding of beta^t by
    beta^t / (1 - beta^t), which is 500 for beta = 0.999 at t = 2.
    """
    return one_less_power(beta, step)


def _check(theta: Array, gradient: Array, state: AdamState, adam: Adam) -> None:
    """Raise unless all arrays are alike and the state belongs to these settings."""
    check_dtype("theta", theta)
    check_alike("gradient", gradient, "theta", theta)
    check_alike("m", state.m, "theta", theta)
    check_alike("v", state.v, "theta", theta)
    if state.v_max is not None:
        check_alike("v_max", state.v_max, "theta", theta)
    if (state.v_max is not None) != adam.amsgrad:
        has = "no v_max" if state.v_max is None else "a v_max"
        raise ValueError(f"the state has {has}, but Adam has amsgrad={adam.amsgrad}")
    if theta.dtype.type(adam.epsilon) == 0:
        raise ValueError(f"epsilon must not vanish in {theta.dtype}; {adam.epsilon} does")
