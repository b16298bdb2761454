"""A guard against slow decay that does not depend on the machine's mood: calls, allocations and bytes of a step."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest

from vae_np import ELBO, VAE, Adam
from vae_np.formulas.optim import AdamState
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step import sequence
from vae_np.kernels.step.costs import account_of
from vae_np.kernels.step.engine import WHOLE

TRAIN = WHOLE | sequence.SUMS | sequence.UPDATE


def training(dtype="float32", hidden=(400,), latent=20, n=128, samples=1, threads=1, **options):
    """A step as a function, its engine, and what it reads."""
    vae = VAE(784, hidden=hidden, latent=latent, activation="relu", dtype=dtype, threads=threads)
    rng = np.random.default_rng(0)
    x = (rng.random((n, 784)) < 0.13).astype(dtype)
    eps = rng.standard_normal((samples, n, latent)).astype(dtype)
    adam = Adam(**options)
    state = AdamState.zeros(vae.parameters.vector, adam)
    return (lambda: vae.engine.train(x, eps, ELBO(), 1.0, adam, state)), vae.engine, x


def test_a_step_makes_no_more_calls_meetings_and_bytes_than_it_did():
    """The figures of 784-400-20, batch 128, float32. Fewer are welcome: then write them down here."""
    engine = training()[1]
    found = account_of(engine._workspace(1, 128).plan, TRAIN)
    assert len(found.calls) == 34
    assert found.meetings == 14
    assert found.bytes == 37_164_896  # of them 8 x 652,824 x 4 are Adam's and the gradient's norm
    assert Counter(call.stage for call in found.calls)["product"] == 14


@pytest.mark.parametrize(("hidden", "calls"), [((), 19), ((200,), 34), ((200, 200), 46), ((200, 200, 200), 58)])
def test_a_hidden_layer_more_on_both_sides_costs_twelve_calls(hidden, calls):
    engine = training(hidden=hidden)[1]
    assert len(account_of(engine._workspace(1, 128).plan, TRAIN).calls) == calls


def test_bytes_grow_with_what_they_are_made_of():
    def count(**sizes):
        engine = training(**sizes)[1]
        return account_of(engine._workspace(sizes.get("samples", 1), sizes.get("n", 128)).plan, TRAIN).bytes

    base = count()
    assert count(dtype="float64") == 2 * base
    assert base < count(n=256) < 2 * base
    assert base < count(samples=2) < 2 * base
    assert base < count(hidden=(400, 400)) < 2 * base


def test_a_step_of_training_is_one_call_into_compiled_code(monkeypatch):
    step, engine, _ = training(hidden=(20,), latent=2, n=4)
    run, seen = sequence.run, []
    monkeypatch.setattr(sequence, "run", lambda q, t: (seen.append(t), run(q, t)))
    step()
    step()
    assert seen == [0, 0]
    assert engine.threads == 1


@pytest.mark.skipif(not COMPILED, reason="plain Python makes views")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loop_allocates_no_array(dtype, threads):
    step, engine, x = training(dtype, threads=threads, clip_norm=1.0)
    rows = np.arange(len(x))

    def whole():
        engine.batch(x, rows, (0, 1))
        step()

    for _ in range(3):
        whole()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for _ in range(5):
            whole()
        after = tracemalloc.take_snapshot()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    arrays = [tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)]
    left = sum(s.size_diff for s in after.filter_traces(arrays).compare_to(before.filter_traces(arrays), "filename"))
    assert left == 0
    assert peak < 20_000  # Python's own numbers and frames; the smallest buffer of a layer has more
