"""Why a bound is what it is, as the accuracy table says it."""

from __future__ import annotations

SQUARED = "e^(-s/2), in NumPy up to 2.5 in float32, enters squared"
GREY = "of the terms' sum: a grey x cancels; x = 0 and x = 1 do not"
CANCELS = "of the terms' sum"
NUMPY = "in float32: NumPy's exp and log are off by up to 2.5"
ERFCX = "SciPy's erfcx is off by up to 7"
SUBNORMAL = "of the smallest subnormal: Phi(a), rounded to it, is multiplied by a"
ADAM = "of the terms' sum abs(theta) + abs(move), where the move's two terms, m and g, count each"
FROM_H = "of the terms' sum: computed from h, in which the tail is already rounded"
