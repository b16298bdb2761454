"""What the kernels must move and compute, by their own account.

Counted are additions, subtractions and multiplications of floating-point numbers, a fused one as two; beside them
divisions and square roots, which the processor does at a pace of its own. Comparisons, selections and the integer
operations on exponents are not counted, though they take time: a kernel full of them stays below its limit. Bytes are
those of the large arrays, each number once, however often a loop comes back to it; biases and column sums, which stay
in the nearest cache, are left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae_np.kernels.math import math32, math64

__all__ = ["ACCOUNTS", "ELEMENTARY", "Account", "Work", "elementary", "of_elements", "of_product", "of_sparse_product"]


class Elementary(NamedTuple):
    """A function of vae_np.kernels.math.elementary: operations beside its polynomials, divisions, the polynomials."""

    operations: int
    divisions: int
    polynomials: tuple[str, ...]


EXP = 13
"""Operations of exp beside its polynomial: 7 to reduce, 4 to put together, 2 to scale."""
ELEMENTARY = {
    "exp": Elementary(EXP, 0, ("_EXP",)),
    "expm1": Elementary(19, 0, ("_EXP",)),
    "log1p": Elementary(25, 1, ("_LOG",)),
    "softplus": Elementary(EXP + 7, 1, ("_EXP", "_LOG_UNIT")),
    "sigmoid": Elementary(EXP + 1, 1, ("_EXP",)),
    "tanh": Elementary(EXP + 6, 1, ("_EXP", "_TANH")),
    "ndtr": Elementary(32, 3, ("_EXP", "_MILLS")),
    "normal_pdf": Elementary(22, 0, ("_EXP",)),
    "phi": Elementary(22, 0, ("_EXP", "_PHI")),
    "log_expm1_over": Elementary(EXP + 21, 2, ("_EXP", "_LOG", "_LOG_SINHC")),
    "mean_expm1": Elementary(EXP + 6, 2, ("_EXP", "_COTH")),
}
_WIDE_EXP = 2 * (len(math64._EXP) - 1)  # of float64 in kernels of either precision
_SCALED_EXP = 23 + _WIDE_EXP  # likelihood._times_exp


class Account(NamedTuple):
    """An element's: numbers read and written, operations, and the functions that are ``uses``d.

    ``wide`` are operations in float64 whatever the arrays hold. ``shared`` are functions that two of those used
    compute in common.
    """

    reads: int
    writes: int
    operations: int = 0
    uses: tuple[str, ...] = ()
    divisions: int = 0
    wide: int = 0
    shared: tuple[str, ...] = ()


# An element is an entry of the activation (R, H); of mu (N, K), S = 1; of x (S N, D); of theta; of x (N, D).
# fmt: off
ACCOUNTS = {
    "activation.forward tanh":          Account(1, 1, 1, ("tanh",)),
    "activation.forward relu":          Account(1, 1, 1),
    "activation.forward softplus":      Account(1, 1, 1, ("softplus",)),
    "activation.forward sigmoid":       Account(1, 1, 1, ("sigmoid",)),
    "activation.forward elu":           Account(1, 1, 1, ("expm1",)),
    "activation.forward gelu":          Account(1, 2, 4, ("ndtr", "normal_pdf")),
    "activation.forward identity":      Account(1, 1, 1),
    "activation.backward tanh":         Account(2, 1, 4),
    "activation.backward relu":         Account(2, 1, 1),
    "activation.backward softplus":     Account(2, 1, 1, ("expm1",)),
    "activation.backward sigmoid":      Account(2, 1, 3),
    "activation.backward elu":          Account(2, 1, 2),
    "activation.backward gelu":         Account(2, 1, 1),
    "activation.backward identity":     Account(1, 1, 1),  # the slope is 1, whatever was kept
    "latent.forward":                   Account(3, 5, 8, ("exp", "phi")),
    "latent.backward":                  Account(6, 2, 8, ("expm1",)),
    "latent.densities":                 Account(3, 0, 5),
    "latent.prior_backward":            Account(2, 1, 3),
    "latent.posterior_backward":        Account(4, 2, 7, (), divisions=1),
    "likelihood.value bernoulli":       Account(2, 1, 5, ("exp", "log1p")),
    "likelihood.value continuous":      Account(2, 1, 5, ("log_expm1_over",)),
    "likelihood.value gaussian":        Account(2, 1, 5, wide=11),
    "likelihood.value heteroscedastic": Account(3, 2, 5, wide=7 + _SCALED_EXP),
    "likelihood.gradient bernoulli":    Account(2, 1, 8, ("exp", "log1p"), divisions=1),
    "likelihood.gradient continuous":   Account(2, 1, 7, ("log_expm1_over", "mean_expm1"), shared=("exp",)),
    "likelihood.gradient gaussian":     Account(2, 2, 10, wide=12),
    "likelihood.gradient heteroscedastic": Account(3, 2, 9, wide=13 + _SCALED_EXP),
    "column_sums":                      Account(1, 0, 1),
    "adam.step":                        Account(4, 3, 14, divisions=2),
    "adam.amsgrad_step":                Account(5, 4, 14, divisions=2),
    "adam.sum_of_squares":              Account(1, 0, wide=2),
    "batch.gather":                     Account(1, 1),
    "batch.gather, binarised":          Account(1, 1),  # its random numbers are whole ones
}
# fmt: on


class Work(NamedTuple):
    """What a call must do: bytes, operations of its dtype and in float64, divisions; ``footprint`` in bytes is how much
    memory it visits, which decides on the cache. ``product`` is a matrix product's operations."""

    bytes: float
    operations: float = 0
    wide: float = 0
    divisions: float = 0
    product: float = 0
    footprint: float = 0
    writes: bool = True


def elementary(name: str, dtype: Any) -> tuple[int, int]:
    """Operations and divisions of an elementary function."""
    found, module = ELEMENTARY[name], math32 if np.dtype(dtype) == np.float32 else math64
    horner = sum(2 * (len(getattr(module, polynomial)) - 1) for polynomial in found.polynomials)
    return found.operations + horner, found.divisions


def of_elements(name: str, elements: int, dtype: Any, footprint: int) -> Work:
    """The work of one of the `ACCOUNTS`; ``footprint`` is the size of all its arrays."""
    a, itemsize = ACCOUNTS[name], np.dtype(dtype).itemsize
    operations, divisions = a.operations, a.divisions
    for sign, names in ((1, a.uses), (-1, a.shared)):
        for used in names:
            more, others = elementary(used, dtype)
            operations, divisions = operations + sign * more, divisions + sign * others
    moved = elements * itemsize * (a.reads + a.writes)
    numbers = (elements * count for count in (operations, a.wide, divisions))
    return Work(moved, *numbers, footprint=min(moved, footprint), writes=a.writes > 0)


def of_product(rows: int, inner: int, columns: int, dtype: Any) -> Work:
    """A dense matrix product's: each factor read once, the product written."""
    moved = (rows * inner + inner * columns + rows * columns) * np.dtype(dtype).itemsize
    return Work(moved, product=2 * rows * inner * columns, footprint=moved)


def of_sparse_product(visited: int, rows: int, inner: int, columns: int, dtype: Any) -> Work:
    """A sparse one's: ``visited`` entries of the sparse factor, with their places."""
    itemsize = np.dtype(dtype).itemsize
    moved = (inner * columns + rows * columns) * itemsize + visited * (itemsize + 4)
    return Work(moved, product=2 * visited * columns, footprint=moved)
