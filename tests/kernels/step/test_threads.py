"""The engine on several threads: the same bits, and threads that get along with errors and forks."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from models import LIKELIHOODS, batch, model
from patience import HANGS
from sums import WHOLE_MODEL, assert_tensors

from vae_np import ELBO, IWAE, Adam, fit
from vae_np.formulas.engine import FormulaEngine
from vae_np.formulas.optim import AdamState
from vae_np.kernels.compiler.decorators import COMPILED, kernel
from vae_np.kernels.step import engine
from vae_np.kernels.step.engine import KernelEngine, default_threads
from vae_np.kernels.step.threads import barrier
from vae_np.kernels.step.threads.team import Team
from vae_np.support.machine import usable_cores as cores

OBJECTIVES = [(ELBO(), 0.37), (ELBO(0.3, "per-dimension"), 1.0), (ELBO(0.3, "per-entry"), 1.0), (IWAE(), 1.0)]


@pytest.mark.parametrize("threads", [2, 3, 5, 9])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_several_threads_find_the_formulas_values(likelihood, threads):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend="numpy")
    x, eps = batch(vae, 3)
    several = KernelEngine(vae.architecture, vae.parameters, threads)
    for objective, beta in OBJECTIVES:
        right, found = (e.loss_and_grad(x, eps, objective, beta) for e in (vae.engine, several))
        terms = np.abs(right.log_likelihood).max() + np.abs(right.kl).max()
        assert_tensors("loss", found.loss, right.loss, size=terms)
        assert_tensors("log_likelihood", found.log_likelihood, right.log_likelihood)
        assert_tensors("kl", found.kl, right.kl)
        largest = np.abs(right.gradients.vector).max()
        for name, view in right.gradients.items():
            assert_tensors(name, found.gradients[name], view, 2 * WHOLE_MODEL, largest if view.size == 1 else 0)
    found, right = ({**e.terms(x, eps).arrays(), **passes(e, x, eps)} for e in (several, vae.engine))
    for name, expected in right.items():
        assert_tensors(name, found[name], expected)


def passes(engine, x, eps):
    """What the encoder and the decoder give, by name."""
    mu, logvar = engine.encode(x)
    return {"encoded mu": mu, "encoded logvar": logvar, "decoded": engine.decode(eps)}


@pytest.mark.parametrize("amsgrad", [False, True])
def test_training_has_the_same_bits_on_any_number_of_threads(amsgrad):
    ends = []
    for threads in (1, 2, 3, 5):
        vae = model(backend="numpy")
        several = KernelEngine(vae.architecture, vae.parameters, threads)
        adam = Adam(clip_norm=0.5, weight_decay=0.1, amsgrad=amsgrad)
        state = AdamState.zeros(vae.parameters.vector, adam)
        for seed in range(10):
            gradients = several.loss_and_grad(*batch(vae, 2, seed=seed), ELBO(), 1.0).gradients
            several.update(adam, gradients, state)
        ends.append(vae.parameters.vector)
    for end in ends[1:]:
        assert np.array_equal(ends[0], end) or not COMPILED  # NumPy's products have an order of their own


@pytest.mark.parametrize("n", [70, 300])  # of three threads, none begins with a block of rows; of two, of 300, both do
@pytest.mark.parametrize("objective", [ELBO(), IWAE()])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_columns_are_added_in_one_order_whether_or_not_threads_have_whole_blocks(likelihood, objective, n):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend="numpy")
    x, eps = batch(vae, 1 if objective == ELBO() else 3, n=n)
    one, *others = (
        KernelEngine(vae.architecture, vae.parameters, threads).loss_and_grad(x, eps, objective, 1.0).gradients
        for threads in (1, 2, 3)
    )
    for other in others:
        assert np.array_equal(one["decoder.out.b"], other["decoder.out.b"])
        assert np.array_equal(one.vector, other.vector) or not COMPILED


def test_an_objective_that_looks_at_everything_sees_the_whole_batch():
    class Everything(ELBO):
        def __call__(self, terms, beta=1.0):
            assert len(terms.mu) == terms.z.shape[1] == terms.raw.shape[1] == 5
            return super().__call__(terms, beta)

    vae = model(backend="numpy")
    x, eps = batch(vae, 2)
    several = KernelEngine(vae.architecture, vae.parameters, 3)
    found = several.loss_and_grad(x, eps, Everything(), 1.0)
    right = FormulaEngine(vae.architecture, vae.parameters).loss_and_grad(x, eps, ELBO(), 1.0)
    assert_tensors("gradient", found.gradients.vector, right.gradients.vector)


def test_small_models_get_one_thread_and_large_ones_all_cores():
    assert default_threads(64, 8_000, 64) == 1
    assert default_threads(2, 650_000, 128) == 2
    assert [default_threads(64, 650_000, rows) for rows in (2, 3, 10, 16)] == [1, 2, 2, 3]
    assert default_threads(1, 650_000, 128) == 1
    assert default_threads(64, 650_000, 128) == 24
    assert default_threads(64, 5_000_000, 1000) == 64


def test_there_is_at_least_one_core():
    assert 1 <= cores() <= (os.cpu_count() or 1)


# ---- where threads meet


@kernel
def count_meetings(words, threads, seen, t, times):
    """Each thread writes its number of the round; all must have written before any goes on."""
    for i in range(times):
        seen[t] = i
        barrier.meet(words, threads)
        for other in range(threads):
            if seen[other] != i:
                return i
        barrier.meet(words, threads)
    return times


@pytest.mark.parametrize("threads", [1, 2, pytest.param(5, marks=pytest.mark.slow)])
def test_nobody_leaves_a_meeting_before_all_have_come(threads):
    times = 2000 if COMPILED else 20
    words, seen = barrier.new_words(threads), np.zeros(threads, np.int64)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda t: count_meetings(words, threads, seen, t, times), range(threads)))
    assert found == [times] * threads


@kernel
def follow(words, threads, seen, t):
    while barrier.gate(words, t):
        if not barrier.begin(words, threads):
            return
        seen[t] += 1
        barrier.meet(words, threads)


@kernel
def lead(words, threads):
    if barrier.begin(words, threads):
        barrier.meet(words, threads)


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["lingering", "called anew"])
def test_workers_follow_each_time_whether_they_linger_or_not(pause):
    team, threads = Team(), 3
    one, other = (barrier.new_words(threads) for _ in range(2))
    seen = np.zeros(threads, np.int64)
    for i in range(30):
        words = other if i % 7 == 6 else one  # another engine's turn
        team.run(words, threads, lambda w=words: lead(w, threads), lambda t, w=words: follow(w, threads, seen, t))
        time.sleep(pause)
    assert seen.tolist() == [0, 30, 30]
    assert len(team.workers) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_meeting_whose_caller_is_interrupted_is_called_off(error):
    team, seen = Team(), np.zeros(2, np.int64)
    words = barrier.new_words(2)

    def interrupted():
        time.sleep(0.01)  # the worker is waiting by now
        raise error

    with pytest.raises(error):
        team.run(words, 2, interrupted, lambda t: follow(words, 2, seen, t))
    anew = barrier.new_words(2)
    team.run(anew, 2, lambda: lead(anew, 2), lambda t: follow(anew, 2, seen, t))  # the worker is free again
    assert seen.tolist() == [0, 1]


def test_an_error_in_a_worker_comes_out_and_the_worker_lives_on():
    team, seen, words = Team(), np.zeros(2, np.int64), barrier.new_words(2)

    def fails(t):
        raise MemoryError("no room")

    with pytest.raises(RuntimeError, match="thread 1 of the step") as caught:
        team.run(words, 2, lambda: lead(words, 2), fails)
    assert isinstance(caught.value.__cause__, MemoryError)
    anew = barrier.new_words(2)
    team.run(anew, 2, lambda: lead(anew, 2), lambda t: follow(anew, 2, seen, t))
    assert seen.tolist() == [0, 1]


def test_an_interrupted_step_leaves_an_engine_that_works(monkeypatch):
    vae = model(backend="numpy")
    x, eps = batch(vae, 2)
    several = KernelEngine(vae.architecture, vae.parameters, 2)
    right = several.loss_and_grad(x, eps, ELBO(), 1.0).loss

    def interrupted(q, t):
        if t == 0:
            raise KeyboardInterrupt
        whole(q, t)

    whole = engine.sequence.run
    with monkeypatch.context() as patched:
        patched.setattr(engine.sequence, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            several.loss_and_grad(x, eps, ELBO(), 1.0)
    assert several.loss_and_grad(x, eps, ELBO(), 1.0).loss == right


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own():
    vae = model(backend="numpy")
    x, eps = batch(vae, 2)
    several = KernelEngine(vae.architecture, vae.parameters, 2)
    right = several.loss_and_grad(x, eps, ELBO(), 1.0).loss
    child = os.fork()
    if child == 0:
        os._exit(0 if several.loss_and_grad(x, eps, ELBO(), 1.0).loss == right else 1)
    deadline = time.monotonic() + HANGS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, 9)
    pytest.fail("the child waits for threads that it does not have")


def test_numpys_warnings_are_off_in_every_thread_of_a_step():
    vae = model(dtype="float32", hidden=(4,))
    vae.parameters["encoder.0.W"][...] = 3e38
    several = KernelEngine(vae.architecture, vae.parameters, 2)
    x, eps = batch(vae, 2)
    several.loss_and_grad(x, eps, ELBO(), 1.0)  # a warning would be an error here
    several.encode(x)


def test_a_model_serves_several_threads_of_the_caller():
    vae = model(n_features=31, hidden=(29,))
    pieces = [batch(vae, n=40 if COMPILED else 4, seed=seed) for seed in range(8)]
    right = [(*vae.encode(x), vae.loss_and_grad(x, eps)[1].vector, vae.elbo(x, eps).elbo) for x, eps in pieces]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10 if COMPILED else 3):
            found = pool.map(lambda p: (*vae.encode(p[0]), vae.loss_and_grad(*p)[1].vector, vae.elbo(*p).elbo), pieces)
            for a, b in zip(found, right, strict=True):
                assert all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


@pytest.mark.skipif(not COMPILED, reason="with the JIT off NumPy multiplies, whose digits depend on the threads' tiles")
def test_a_run_that_is_resumed_on_fewer_cores_keeps_its_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "default_threads", default_threads)  # whatever --threads says
    monkeypatch.setattr(engine, "WORK_PER_THREAD", 1)
    x = batch(model(n_features=31, hidden=(29,)), n=96)[0]

    def run(cores, **options):
        monkeypatch.setattr(engine, "cores", lambda: cores)
        vae = model(n_features=31, hidden=(29,))
        fit(vae, x, batch_size=32, **options)
        assert vae.engine._threads(96) == cores  # not as many as where it began
        return vae.parameters.vector

    whole = run(3, epochs=4)
    assert np.array_equal(run(1, epochs=4), whole)
    run(3, epochs=2, checkpoint=tmp_path / "run.npz")
    assert np.array_equal(run(1, epochs=4, checkpoint=tmp_path / "run.npz", resume=True), whole)
