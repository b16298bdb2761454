"""check_objective on Keras 3, by whatever backend is there; only where keras is installed, with one."""

from __future__ import annotations

import pytest

from vae_np.conformance import check_objective
from vae_np.conformance.programs import callable_of

keras = pytest.importorskip("keras", exc_type=ImportError)
ops = keras.ops


class Sampling(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class OfVariance(Sampling):
    def call(self, inputs):
        return inputs[0] + ops.exp(inputs[1]) * keras.random.normal(ops.shape(inputs[0]))


def loss(data, reconstruction, z_mean, z_log_var):
    bce = -data * ops.log(reconstruction) - (1 - data) * ops.log(1 - reconstruction)
    kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
    return ops.mean(ops.sum(bce, axis=1) + ops.sum(kl, axis=1))


def averaged(data, reconstruction, z_mean, z_log_var):
    kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
    return ops.mean(ops.sum(ops.square(data - reconstruction) / 2, axis=1)) + ops.mean(kl)


@pytest.mark.parametrize(("f", "expected"), [(loss, []), (averaged, ["kl-mean-over-latent", "gaussian-no-constant"])])
def test_a_loss_is_graded(f, expected):
    report = check_objective(f)
    assert [finding.id for finding in report.findings] == expected, report
    assert "by Keras on" in str(report)
    assert keras.config.floatx() == "float32"


@pytest.mark.parametrize(("kind", "expected"), [(Sampling, []), (OfVariance, ["std-is-variance"])])
def test_a_layer_of_a_pair_is_a_sampler(kind, expected):
    for sampler in (kind().call, kind()):
        assert [finding.id for finding in check_objective(sampler=sampler).findings] == expected


def test_the_class_of_a_layer_is_its_call_and_is_made_with_init(tmp_path):
    (tmp_path / "keras_layer.py").write_text(
        "import keras\nfrom keras import ops\n\n\nclass Sampling(keras.layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.scale = 1.0\n\n"
        "    def call(self, inputs):\n"
        "        return inputs[0] + self.scale * ops.exp(inputs[1] / 2) * keras.random.normal(ops.shape(inputs[0]))\n"
    )
    for name in ("Sampling", "Sampling.call"):
        assert not check_objective(sampler=callable_of(f"{tmp_path}/keras_layer.py:{name}")).findings
