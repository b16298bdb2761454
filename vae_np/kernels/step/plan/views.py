"""The arrays of a plan, as compiled code sees them: views made on the spot from addresses and sizes.

``q`` is the plan, ``like`` a number of the model's type, ``place`` one of `places`, ``i`` a layer, ``t`` a thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.decorators import view
from vae_np.kernels.compiler.intrinsics import cube_at, matrix_at, vector_at
from vae_np.kernels.loops.dense_products import PANEL
from vae_np.kernels.loops.sparse_products import Lists
from vae_np.kernels.loops.sums import Columns
from vae_np.kernels.step.plan import places

_ZERO = np.float64(0)


@view
def plan_at(address: Any) -> Any:
    """The plan itself."""
    return vector_at(address, 0, np.int64(0), (vector_at(address, 0, np.int64(0), (1,))[places.LENGTH],))


@view
def row(i: Any) -> Any:
    """Where layer i's row begins."""
    return places.END + places.COLUMNS * i


@view
def tile(q: Any, product: Any, i: Any, t: Any) -> Any:
    """Rows and columns, (r0, r1, c0, c1), of a thread's tile of one of the layer's products."""
    layers, threads = q[places.LAYERS], q[places.THREADS]
    at = row(layers) + 4 * ((product * layers + i) * threads + t)
    return q[at], q[at + 1], q[at + 2], q[at + 3]


@view
def share(q: Any, what: Any, t: Any) -> Any:
    """A thread's range of the examples or of the rows."""
    layers, threads = q[places.LAYERS], q[places.THREADS]
    at = row(layers) + 12 * layers * threads + 2 * (what * threads + t)
    return q[at], q[at + 1]


@view
def entries(q: Any, i: Any, t: Any) -> Any:
    """A thread's range of layer i's parameters, perhaps of none."""
    layers, threads = q[places.LAYERS], q[places.THREADS]
    at = row(layers) + 12 * layers * threads + 4 * threads + 2 * (i * threads + t)
    return q[at], q[at + 1]


@view
def rows_of(q: Any, i: Any) -> Any:
    """How many rows pass through layer i: N in the encoder, S N in the decoder."""
    return q[places.N] if i < q[places.ENCODER] + q[places.HEADS] else q[places.SAMPLES] * q[places.N]


@view
def numbers(q: Any, place: Any, like: Any, begin: Any, end: Any) -> Any:
    """Entries [begin, end) of a flat array."""
    return vector_at(q[place], begin, like, (end - begin,))


@view
def per_row(q: Any, place: Any, like: Any) -> Any:
    """The log-likelihood and its weight, (S N,)."""
    return vector_at(q[place], 0, like, (q[places.SAMPLES] * q[places.N],))


@view
def per_feature(q: Any, place: Any, like: Any) -> Any:
    """What a likelihood has for each feature, (D,)."""
    return vector_at(q[place], 0, like, (q[places.D],))


@view
def per_sample(q: Any, place: Any, like: Any) -> Any:
    """The densities and their weights, (S, N)."""
    return matrix_at(q[place], 0, like, (q[places.SAMPLES], q[places.N]))


@view
def per_example(q: Any, place: Any, like: Any) -> Any:
    """Mu and its kind, (N, K)."""
    return matrix_at(q[place], 0, like, (q[places.N], q[places.K]))


@view
def latents(q: Any, place: Any, like: Any) -> Any:
    """Z and its kind, (S, N, K)."""
    return cube_at(q[place], 0, like, (q[places.SAMPLES], q[places.N], q[places.K]))


@view
def data(q: Any, like: Any) -> Any:
    """X, (N, D)."""
    return matrix_at(q[places.X], 0, like, (q[places.N], q[places.D]))


@view
def raw(q: Any, like: Any) -> Any:
    """The decoder's output, (S N, P)."""
    return matrix_at(
        q[places.RAW], 0, like, (rows_of(q, q[places.LAYERS] - 1), q[row(q[places.LAYERS] - 1) + places.FAN_OUT])
    )


@view
def weight(q: Any, place: Any, like: Any, i: Any) -> Any:
    """Layer i's W, or with places.G its gradient."""
    at = row(i)
    return matrix_at(q[place], q[at + places.W_AT], like, (q[at + places.FAN_IN], q[at + places.FAN_OUT]))


@view
def bias(q: Any, place: Any, like: Any, i: Any) -> Any:
    """Layer i's b, or with places.G its gradient."""
    at = row(i)
    return vector_at(q[place], q[at + places.B_AT], like, (q[at + places.FAN_OUT],))


@view
def hidden(q: Any, place: Any, like: Any, i: Any) -> Any:
    """Layer i's part of h, dh or kept."""
    at = row(i)
    return matrix_at(q[place], q[at + places.H_AT], like, (rows_of(q, i), q[at + places.FAN_OUT]))


@view
def columns(q: Any, like: Any, t: Any) -> Any:
    """A thread's room for sums."""
    size = q[places.PARTIALS]
    return Columns(
        vector_at(q[places.PARTIAL], t * size, like, (size,)),
        vector_at(q[places.WIDE], 2 * t * size, _ZERO, (size,)),
        vector_at(q[places.WIDE], (2 * t + 1) * size, _ZERO, (size,)),
    )


@view
def block_sums(q: Any, like: Any) -> Any:
    """The sums of blocks of raw's rows, (blocks, P)."""
    width = q[row(q[places.LAYERS] - 1) + places.FAN_OUT]
    return matrix_at(q[places.BLOCK_SUMS], 0, like, (q[places.BLOCKS], width))


@view
def panel(q: Any, like: Any, t: Any) -> Any:
    """A thread's panel of a product."""
    size = PANEL // q[places.ITEM]
    return vector_at(q[places.PANEL], t * size, like, (size,))


@view
def _lists(q: Any, places_of: Any, like: Any, rows: Any) -> Any:
    place, value, start, count = places_of
    size = q[places.N] * q[places.D]
    zero = np.int64(0)
    return Lists(
        vector_at(q[place], 0, np.int32(0), (size,)),
        vector_at(q[value], 0, like, (size,)),
        vector_at(q[start], 0, zero, (rows,)),
        vector_at(q[count], 0, zero, (rows,)),
    )


@view
def row_lists(q: Any, like: Any) -> Any:
    """The sparse lists of x's rows."""
    of = places.ROW_PLACE, places.ROW_VALUE, places.ROW_START, places.ROW_COUNT
    return _lists(q, of, like, q[places.N])


@view
def column_lists(q: Any, like: Any) -> Any:
    """Those of its columns."""
    of = places.COLUMN_PLACE, places.COLUMN_VALUE, places.COLUMN_START, places.COLUMN_COUNT
    return _lists(q, of, like, q[places.D])


@view
def begin(q: Any, t: Any) -> Any:
    """A thread's room for where the lists go on, as long as either kind has rows."""
    size = max(q[places.N], q[places.D])
    return vector_at(q[places.BEGIN], t * size, np.int64(0), (size,))


@view
def flags(q: Any) -> Any:
    """Whether each thread takes x as sparse, (T,)."""
    return vector_at(q[places.SPARSE], 0, np.int64(0), (q[places.THREADS],))


@view
def sums(q: Any) -> Any:
    """The sums of chunks: see `stages.update`."""
    return vector_at(q[places.SUMS], 0, _ZERO, (q[places.CHUNKS],))


@view
def words(q: Any) -> Any:
    """Where threads meet."""
    return vector_at(q[places.WORDS], 0, np.int64(0), (8 * (3 + q[places.THREADS]),))


@view
def input_of(q: Any, like: Any, i: Any) -> Any:
    """What layer i is given: x, z, or the h below; all heads have the encoder's last h."""
    encoder, end = q[places.ENCODER], q[places.ENCODER] + q[places.HEADS]
    n, k = rows_of(q, i), q[row(i) + places.FAN_IN]
    if i == 0 or (encoder == 0 and i < end):
        return matrix_at(q[places.X], 0, like, (n, k))
    if i == end:
        return matrix_at(q[places.Z], 0, like, (n, k))
    below = encoder - 1 if i < end and i >= encoder else i - 1
    return matrix_at(q[places.H], q[row(below) + places.H_AT], like, (n, k))


@view
def output_of(q: Any, like: Any, i: Any, gradient: Any) -> Any:
    """Where layer i's output is, or its gradient: in h or raw; raw holds both, one after the other."""
    shape = rows_of(q, i), q[row(i) + places.FAN_OUT]
    if i == q[places.LAYERS] - 1:
        return matrix_at(q[places.RAW], 0, like, shape)
    return matrix_at(q[places.DH if gradient else places.H], q[row(i) + places.H_AT], like, shape)


@view
def input_gradient_of(q: Any, like: Any, i: Any) -> Any:
    """Where the gradient of what layer i is given goes: dz or the dh below."""
    encoder, end = q[places.ENCODER], q[places.ENCODER] + q[places.HEADS]
    shape = (rows_of(q, i), q[row(i) + places.FAN_IN])
    if i == end:
        return matrix_at(q[places.DZ], 0, like, shape)
    below = encoder - 1 if i < end and i >= encoder else i - 1
    return matrix_at(q[places.DH], q[row(below) + places.H_AT], like, shape)
