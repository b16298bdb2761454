"""What is compiled, when, and how often: in processes of their own, with the cache of the package itself."""

import json
import subprocess
import sys

import pytest
from patience import HANGS

from vae_np.kernels.compiler.decorators import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")

REPORT = """
import importlib, json, sys
import numpy as np
from vae_np.kernels.compiler.decorators import COMPILED
def report():
    found = {}
    likelihoods = "loops.likelihoods.bernoulli", "loops.likelihoods.gaussian"
    for name in ("loops.adam", "loops.minibatch", "loops.latent", *likelihoods, "step.sequence"):
        for f in vars(importlib.import_module(f"vae_np.kernels.{name}")).values():
            if hasattr(f, "signatures") and f.signatures and f.__module__.endswith(name):
                found[f"{name}.{f.py_func.__name__}"] = [len(f.signatures), sum(f.stats.cache_misses.values())]
    from vae_np.kernels.compiler import decorators
    for compiled in decorators._KEPT:
        name = compiled._pyfunc.__qualname__.split(".")[0]
        before = found.get(name, [0, 0])
        found[name] = [before[0] + 1, before[1] + (compiled.cache_hits == 0)]
    print(json.dumps(found))
"""
STEP = """
from vae_np import VAE, Adam, AdamState
for activation, likelihood in (("tanh", "bernoulli"), ("gelu", "gaussian")):
    vae = VAE(7, hidden=(5,), latent=2, activation=activation, likelihood=likelihood, dtype="float32")
    adam = Adam(amsgrad=activation == "gelu")
    state = AdamState.zeros(vae.parameters.vector, adam)
    x, eps = np.ones((3, 7), np.float32), np.ones((1, 3, 2), np.float32)
    for objective in ("elbo", "iwae"):
        _, gradients = vae.loss_and_grad(x, eps, objective=objective)
        vae.engine.update(adam, gradients, state)
        vae.train_step(x, eps, adam, state, objective=objective)
report()
"""
RUN = """
import tempfile, os
from vae_np.evaluation import evaluate
from vae_np import VAE, fit
folder = tempfile.mkdtemp()
rows = np.random.default_rng(0).random((53, 7)).astype(np.float32)
np.save(os.path.join(folder, "x.npy"), rows)
for x in (rows, np.load(os.path.join(folder, "x.npy"), mmap_mode="r"), np.asfortranarray(rows)):
    vae = VAE(7, hidden=(5, 1), latent=2, likelihood="gaussian", dtype="float32")
    for samples in (1, 3):
        for objective in ("elbo", "iwae"):
            fit(vae, x, epochs=1, batch_size=10, samples=samples, objective=objective, validation=x, progress=False)
    evaluate(vae, x, samples=5)
    evaluate(vae, x[:1], samples=1)
    vae.decode(vae.encode(x)[0])
    eps = np.zeros((3, 53, 2), np.float32)
    eps.flags.writeable = False
    for noise in (eps, eps[0], eps[:, ::-1]):
        vae.elbo(x, noise)
        vae.loss_and_grad(x, noise, objective="iwae")
        vae.engine.loss_and_grad(x, noise if noise.ndim == 3 else noise[None], vae_objective, 1.0)
    vae.sample(3, 0)
    vae.reconstruct(x[::2])
report()
""".replace("for x in", "from vae_np import IWAE\nvae_objective = IWAE()\nfor x in", 1)


def run(code: str) -> dict[str, list[int]]:
    """For each kernel that a fresh interpreter used: its signatures, and how many it had to compile."""
    command = [sys.executable, "-c", REPORT + code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
def test_a_second_process_compiles_nothing():
    run(STEP)
    second = run(STEP)
    # a constant's folding is compiled with what folds it, and scalars with what calls them: only these are on the disk
    assert {name: misses for name, (_, misses) in second.items() if misses} == {}
    assert {"step.sequence.run", "look", "activate", "assess", "posterior_backward", "update", "amsgrad"} <= set(second)


@pytest.mark.slow
def test_what_is_compiled_is_compiled_once_a_precision_whatever_arrays_come():
    found = run(RUN)
    assert {name: signatures for name, (signatures, _) in found.items() if signatures != 1} == {}
    assert {
        "activate_backward",
        "posterior_backward",
        "assess",
        "update",
        "step.sequence.run",
        "loops.minibatch.gather",
    } <= set(found)


@pytest.mark.slow
def test_the_report_notices_another_form_of_array():
    arrays = "(np.ones(4), np.ones(8)[::2])"
    code = f"from vae_np.kernels.loops import adam\nfor a in {arrays}: adam.sum_of_squares(a, 0, len(a))\nreport()\n"
    assert run(code)["loops.adam.sum_of_squares"][0] == 2


@pytest.mark.slow
def test_a_precision_or_a_kind_of_its_own_is_compiled_for_itself():
    """Kinds are equal as tuples, and 0 of float32 equals 0 of float64: neither may be taken for the other."""
    code = STEP.replace("report()", "") + STEP.replace("float32", "float64")
    found = run(code)
    assert found["look"][0] == 2
    assert found["activate"][0] == 4
