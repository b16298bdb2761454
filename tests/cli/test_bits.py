"""Bits a dimension, where x are levels."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import vae_np
from vae_np.cli import main


@pytest.mark.parametrize("samples", [1, 7])
def test_evaluate_tells_bits_a_dimension_of_levels_and_of_nothing_else(samples, tmp_path, capsys):
    grey = np.random.default_rng(0).random((20, 6))
    for likelihood in (vae_np.DiscretisedLogistic(levels=9), vae_np.Bernoulli()):
        vae = vae_np.VAE(6, hidden=(4,), latent=2, likelihood=likelihood, backend="numpy")
        x = likelihood.examples(grey)
        found = vae_np.evaluate(vae, x, samples=samples)
        np.save(tmp_path / "x.npy", x)
        vae.save(tmp_path / "model.npz")
        words = ["evaluate", str(tmp_path / "model.npz"), "--data", str(tmp_path / "x.npy"), "--backend", "numpy"]
        words += ["--samples", str(samples)]
        assert main([*words, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert main(words) == 0
        shown = capsys.readouterr().out
        if likelihood.has_levels:
            nats = found.elbo if samples == 1 else found.evidence
            assert math.isclose(found.bits_per_dimension, -nats / 6 / math.log(2), rel_tol=1e-14)
            assert math.isclose(told["bits_per_dimension"], found.bits_per_dimension, rel_tol=1e-12)
            assert f"bits a dimension {found.bits_per_dimension:11.4f} (by the " in shown
        else:
            assert math.isnan(found.bits_per_dimension)
            assert "bits_per_dimension" not in told
            assert "bits" not in shown
