"""What is compiled, when, and how often: in processes of their own, with the cache of the package itself."""

import json
import subprocess
import sys

import pytest

from vae_np.kernels.policy import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")

REPORT = """
import importlib, json, sys
import numpy as np
from vae_np.kernels.policy import COMPILED
def report():
    found = {}
    for name in ("activation", "adam", "latent", "likelihood"):
        for f in vars(importlib.import_module(f"vae_np.kernels.{name}")).values():
            if hasattr(f, "signatures") and f.signatures and not f.py_func.__name__.startswith("_"):
                stats = f.stats
                found[f"{name}.{f.py_func.__name__}"] = [len(f.signatures), sum(stats.cache_misses.values())]
    print(json.dumps(found))
"""
STEP = """
from vae_np.model import VAE
from vae_np.optim import Adam, AdamState
for activation, likelihood in (("tanh", "bernoulli"), ("gelu", "gaussian")):
    vae = VAE(7, hidden=(5,), latent=2, activation=activation, likelihood=likelihood, dtype="float32")
    adam = Adam(amsgrad=activation == "gelu")
    state = AdamState.zeros(vae.parameters.vector, adam)
    x, eps = np.ones((3, 7), np.float32), np.ones((1, 3, 2), np.float32)
    for objective in ("elbo", "iwae"):
        _, gradients = vae.loss_and_grad(x, eps, objective=objective)
        vae.engine.update(adam, gradients, state)
report()
"""
RUN = """
import tempfile, os
from vae_np.evaluation import evaluate
from vae_np.model import VAE
from vae_np.training import fit
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
""".replace("for x in", "from vae_np.objectives import IWAE\nvae_objective = IWAE()\nfor x in", 1)


def run(code: str) -> dict[str, list[int]]:
    """For each kernel that a fresh interpreter used: its signatures, and how many it had to compile."""
    command = [sys.executable, "-c", REPORT + code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_second_process_compiles_nothing():
    run(STEP)
    second = run(STEP)
    assert {name: misses for name, (_, misses) in second.items() if misses} == {}
    assert {"activation.forward", "activation.gelu_forward", "latent.backward", "likelihood.gradient"} <= set(second)


def test_a_kernel_is_compiled_once_a_precision_whatever_arrays_come():
    found = run(RUN)
    assert {name: signatures for name, (signatures, _) in found.items() if signatures != 1} == {}
    assert {"activation.backward", "latent.posterior_backward", "likelihood.gaussian_gradient", "adam.step"} <= set(
        found
    )


def test_the_report_notices_another_form_of_array():
    code = "from vae_np.kernels import adam\nfor a in (np.ones(4), np.ones(8)[::2]): adam.sum_of_squares(a)\nreport()\n"
    assert run(code)["adam.sum_of_squares"][0] == 2
