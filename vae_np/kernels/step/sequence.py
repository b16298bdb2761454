"""The passes of a step in compiled code: which stage follows which, with a meeting of the threads after each.

`run` does what the plan's order says, any of

    ENCODE      x to mu, logvar, sigma, kl, z
    DECODE      z to raw, still without the output's bias
    VALUE       raw gets its bias; log p(x|z), log p(z), log q(z|x)
    GRADIENT    raw, with or without its bias, to weight times the gradient of log p(x|z), which is written too
    DECODER     the decoder's backward pass, to dz
    ENCODER     the rest: dmu and dlogvar, and the encoder's backward pass
    SUMS        the sums of log p(x|z), kl and the squares of the gradient
    UPDATE      Adam, if those are finite and the squares within the range; else `stages.REFUSED` is left

in this order. Where posterior or prior have no kernels (places.LATENT is 0), the engine runs their formulas between
ENCODE, which then ends with the heads' products, and DECODE, and between DECODER and ENCODER. Where the activation has
none, its two stages are Python: they call the formula back.

Every entry of every array, and every sum, is computed in one way, wherever the tiles are cut: the number of threads
changes no bit.
Layers are numbered as in `plan`; ``_do(q, place, i, j, t)`` is thread t's share of the stage at that place.
`costs.sequence_with` puts other functions in the place of it and of ``_meet``.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.decorators import inner, kernel
from vae_np.kernels.compiler.intrinsics import call_stage
from vae_np.kernels.compiler.subnormal import begin_flush, end_flush
from vae_np.kernels.loops.dense_products import FORWARD, INPUT, WEIGHT
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.threads.barrier import begin, gate, meet

ENCODE, DECODE, VALUE, GRADIENT, DECODER, ENCODER, SUMS, UPDATE = (1 << i for i in range(8))
NO_PRIOR, NO_POSTERIOR, NO_KL = 1, 2, 4  # what places.LEFT_OUT names


@inner
def _do(q: Any, place: Any, i: Any, j: Any, t: Any) -> None:
    call_stage(q[place], q, i, j, t)


@inner
def _meet(q: Any, t: Any) -> None:
    if q[places.THREADS] > 1:
        meet(views.words(q), q[places.THREADS])


@inner
def _hidden(q: Any, first: Any, end: Any, t: Any) -> None:
    """A stack of hidden layers."""
    for i in range(first, end):
        _do(q, places.PRODUCT, i, FORWARD, t)
        _do(q, places.ACTIVATE, i, 0, t)
        _meet(q, t)


@inner
def _hidden_backward(q: Any, first: Any, end: Any, t: Any) -> None:
    """The gradients of a stack of hidden layers, from the last one's da; the first one's da is left."""
    for i in range(end - 1, first - 1, -1):
        _do(q, places.BIAS_GRADIENT, i, 0, t)
        _do(q, places.PRODUCT, i, WEIGHT, t)
        if i > first:
            _do(q, places.PRODUCT, i, INPUT, t)
            _do(q, places.ACTIVATE_BACKWARD, i - 1, i, t)
            _meet(q, t)


@inner
def _encode(q: Any, t: Any) -> None:
    heads = q[places.ENCODER]
    _do(q, places.LOOK, 0, 0, t)
    _meet(q, t)
    _do(q, places.DECIDE, 0, 0, t)
    if heads > 0:
        _do(q, places.SPARSE_PRODUCT, 0, 0, t)
    _hidden(q, 0, heads, t)
    for i in range(heads, heads + q[places.HEADS]):
        _do(q, places.PRODUCT, i, FORWARD, t)
    if q[places.LATENT]:
        _do(q, places.SAMPLE, 0, 0, t)  # of the examples whose mu and logvar this thread has made
    _meet(q, t)


@inner
def _decode(q: Any, t: Any) -> None:
    out = q[places.LAYERS] - 1
    _hidden(q, out - q[places.DECODER], out, t)
    _do(q, places.PRODUCT, out, FORWARD, t)
    _meet(q, t)


@inner
def _decoder(q: Any, t: Any) -> None:
    """Draw, in raw, to the decoder's gradients and dz."""
    out = q[places.LAYERS] - 1
    first = out - q[places.DECODER]
    _do(q, places.BIAS_GRADIENT, out, 1 if q[places.WHAT] & GRADIENT else 0, t)
    _do(q, places.PRODUCT, out, WEIGHT, t)
    _do(q, places.PRODUCT, out, INPUT, t)
    if first < out:
        _do(q, places.ACTIVATE_BACKWARD, out - 1, out, t)
        _meet(q, t)
        _hidden_backward(q, first, out, t)
        _do(q, places.PRODUCT, first, INPUT, t)
    _meet(q, t)


@inner
def _encoder(q: Any, t: Any) -> None:
    """Dz, or the heads' cotangents, to the encoder's gradients."""
    heads, left_out = q[places.ENCODER], q[places.LEFT_OUT]
    if q[places.LATENT]:
        if left_out & NO_PRIOR == 0:
            _do(q, places.PRIOR_BACKWARD, 0, 0, t)
        _do(q, places.LATENT_BACKWARD, 0, 1 if left_out & NO_KL else 0, t)
        if left_out & NO_POSTERIOR == 0:
            _do(q, places.POSTERIOR_BACKWARD, 0, 0, t)
        _meet(q, t)
    for i in range(heads, heads + q[places.HEADS]):
        _do(q, places.BIAS_GRADIENT, i, 0, t)
        _do(q, places.PRODUCT, i, WEIGHT, t)
    if heads > 0:
        for i in range(heads, heads + q[places.HEADS]):
            _do(q, places.PRODUCT, i, INPUT, t)
        _do(q, places.ACTIVATE_BACKWARD, heads - 1, heads, t)
        _meet(q, t)
        _hidden_backward(q, 0, heads, t)
        _do(q, places.SPARSE_PRODUCT, 0, 1, t)


@inner
def _step(q: Any, t: Any) -> None:
    """What the order says."""
    what = q[places.WHAT]
    if what & ENCODE:
        _encode(q, t)
    if what & DECODE:
        _decode(q, t)
    if what & VALUE:
        _do(q, places.MEASURE, 0, 0, t)
        if q[places.LATENT]:
            _do(q, places.DENSITIES, 0, 0, t)
        _meet(q, t)
    if what & GRADIENT:
        _do(q, places.ASSESS, 0, 0, t)
        _meet(q, t)
        if q[places.OWN_SIZE] > 0:
            _do(q, places.OWN_GRADIENT, 0, 0, t)
    if what & DECODER:
        _decoder(q, t)
    if what & ENCODER:
        _encoder(q, t)
    if what & SUMS:
        _meet(q, t)
        _do(q, places.ADD, 0, 0, t)
        _meet(q, t)
        if what & UPDATE == 0:
            _do(q, places.TOTAL, 0, 0, t)
    if what & UPDATE:
        _do(q, places.UPDATE if q[places.V_MAX] == 0 else places.AMSGRAD, 0, 0, t)


@kernel
def run(q: Any, t: Any) -> None:
    """The order once, for t = 0; any other thread does its share of one order after the other.

    It returns when no order followed for a while, or when the meeting was called off.
    """
    while t == 0 or gate(views.words(q), t):
        if not begin(views.words(q), q[places.THREADS]):
            return
        before = begin_flush(q[places.FLUSH])
        _step(q, t)
        end_flush(before)
        _meet(q, t)
        if t == 0:
            return
