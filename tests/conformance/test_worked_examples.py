"""The programs of scripts/verify: their verdicts, and that of a copy with a mistake planted in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vae_np
from vae_np.conformance.child import grade

FOLDER = Path(vae_np.__file__).parents[1] / "scripts" / "verify"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in a checkout")
SECONDS = 300.0


def verdict(file, **names):
    """The ids that are found, and the answer."""
    asked = {what: f"{file}:{name}" for what, name in names.items()}
    answer = grade(asked, SECONDS)
    json.dumps(answer, allow_nan=False)
    return [finding["id"] for finding in answer["findings"]], answer


def planted(folder, name, right, wrong):
    """A copy with a mistake in it."""
    text = (FOLDER / name).read_text()
    assert text.count(right) == 1, right
    copy = folder / name
    copy.write_text(text.replace(right, wrong))
    return copy


def first_wrong(answer):
    return next((stage["stage"] for stage in answer["stages"] if stage["status"] == "wrong"), None)


@pytest.mark.slow
def test_the_loss_of_tutorials_is_named_and_with_sums_it_is_right(tmp_path):
    file = FOLDER / "tutorial_loss.py"
    assert verdict(file, loss="vae_loss")[0] == ["rec-mean-over-pixels", "rec-scalar-mean"]
    assert verdict(file, loss="right_loss")[0] == ["gaussian-no-constant"]
    wrong = planted(tmp_path, file.name, "    return -0.5 * np.sum(1 + logvar", "    return -0.25 * np.sum(1 + logvar")
    assert verdict(wrong, loss="right_loss")[0] == ["kl-double-half", "gaussian-no-constant"]


def test_the_pytorch_program_is_right_in_every_stage_gradient_and_step():
    pytest.importorskip("torch", exc_type=ImportError)
    found, answer = verdict(FOLDER / "pytorch_vae.py", model="VAE", loss="loss_function")
    assert (found, first_wrong(answer)) == (["objective-batch-sum"], None)
    right = {stage["stage"] for stage in answer["stages"] if stage["status"] == "right"}
    assert {"mu", "logvar", "z", "raw", "loss", "d_encoder.0.W", "step 10: decoder.out.b"} <= right
    assert answer["ok"]


@pytest.mark.parametrize(
    ("right", "wrong", "ids", "stage"),
    [
        ("torch.exp(0.5 * logvar)", "torch.exp(logvar)", ["std-is-variance", "objective-batch-sum"], "z"),
        ("return bce + kld", "return bce + 2 * kld", ["objective-batch-sum", "kl-missing-half"], "loss"),
        ('reduction="sum"', 'reduction="mean"', ["objective-batch-sum", "kl-batch-sum-rec-mean"], "loss"),
        ("h3 = F.relu(self.fc3(z))", "h3 = self.fc3(z)", ["activation-missing", "objective-batch-sum"], "decoder.0.h"),
        ("z = self.reparameterize(mu, logvar)", "z = self.reparameterize(mu, logvar).detach()",
         ["objective-batch-sum", "no-reparam", "no-reparam"], "d_encoder.0.W"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_pytorch_program_is_named(right, wrong, ids, stage, tmp_path):
    pytest.importorskip("torch", exc_type=ImportError)
    copy = planted(tmp_path, "pytorch_vae.py", right, wrong)
    found, answer = verdict(copy, model="VAE", loss="loss_function")
    assert (found, first_wrong(answer)) == (ids, stage)
    assert not answer["ok"]


def test_the_jax_program_is_right_and_a_mistake_in_it_is_named(tmp_path):
    for package in ("jax", "flax", "optax"):
        pytest.importorskip(package, exc_type=ImportError)
    names = {"loss": "loss_function", "sampler": "reparameterize"}
    assert verdict(FOLDER / "jax_vae.py", **names)[0] == []
    wrong = planted(tmp_path, "jax_vae.py", "std = jnp.exp(0.5 * logvar)", "std = jnp.exp(logvar)")
    assert verdict(wrong, **names)[0] == ["std-is-variance"]
    wrong = planted(tmp_path, "jax_vae.py", "return -jnp.sum(labels", "return -jnp.mean(labels")
    assert verdict(wrong, **names)[0] == ["rec-mean-over-pixels"]


def test_the_jax_program_is_right_in_every_stage_gradient_and_step():
    for package in ("jax", "flax", "optax"):
        pytest.importorskip(package, exc_type=ImportError)
    found, answer = verdict(FOLDER / "jax_vae.py", model="VAE", loss="loss_function")
    assert (found, first_wrong(answer)) == ([], None)
    right = {stage["stage"] for stage in answer["stages"] if stage["status"] == "right"}
    assert {"mu", "logvar", "z", "raw", "loss", "d_encoder.0.W", "step 10: decoder.out.b"} <= right


@pytest.mark.parametrize(
    ("right", "wrong", "ids", "stage"),
    [
        ("std = jnp.exp(0.5 * logvar)", "std = jnp.exp(logvar)", ["std-is-variance"], "z"),
        ("return -0.5 * jnp.sum(1", "return -0.25 * jnp.sum(1", ["kl-double-half"], "loss"),
    ],
)
def test_a_mistake_in_the_jax_program_is_named(right, wrong, ids, stage, tmp_path):
    for package in ("jax", "flax", "optax"):
        pytest.importorskip(package, exc_type=ImportError)
    copy = planted(tmp_path, "jax_vae.py", right, wrong)
    found, answer = verdict(copy, model="VAE", loss="loss_function")
    assert (found, first_wrong(answer)) == (ids, stage)


def test_the_loss_inside_the_keras_program_is_found_and_a_mistake_in_it_is_named(tmp_path):
    pytest.importorskip("keras", exc_type=ImportError)
    found, answer = verdict(FOLDER / "keras_vae.py", model="VAE")
    assert found == ["bce-clamp-keras"]
    assert "they have Conv2D, Conv2DTranspose" in answer["facts"][0]
    assert "z is mu + exp(s/2) eps" in answer["facts"]
    right = "self.add_loss(vae_loss(data, reconstruction, z_mean, z_log_var))"
    wrong = "self.add_loss(reconstruction_loss(data, reconstruction) + 0.5 * kl_loss(z_mean, z_log_var))"
    assert verdict(planted(tmp_path, "keras_vae.py", right, wrong), model="VAE")[0] == [
        "bce-clamp-keras", "kl-double-half",
    ]  # fmt: skip


def test_the_keras_program_has_one_clamp_and_a_mistake_in_it_is_named(tmp_path):
    pytest.importorskip("keras", exc_type=ImportError)
    names = {"loss": "vae_loss", "sampler": "Sampling"}
    assert verdict(FOLDER / "keras_vae.py", **names)[0] == ["bce-clamp-keras"]
    wrong = planted(tmp_path, "keras_vae.py", "ops.exp(0.5 * z_log_var) * epsilon", "ops.exp(z_log_var) * epsilon")
    assert verdict(wrong, **names)[0] == ["std-is-variance", "bce-clamp-keras"]
    wrong = planted(tmp_path, "keras_vae.py", "ops.mean(ops.sum(kl, axis=1))", "ops.mean(kl)")
    assert verdict(wrong, **names)[0] == ["bce-clamp-keras", "kl-mean-over-latent"]
