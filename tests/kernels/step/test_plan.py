"""Who does what: every entry of every product, and every parameter, is one thread's and no other's."""

import numpy as np
import pytest

import vae_np
from vae_np.formulas.likelihoods import Gaussian
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.plan.make import grid, make_plan, tile_of

SHAPES = [
    {"hidden": (200, 70), "latent": 3},
    {"hidden": (), "latent": 2},
    {"hidden": (5,), "latent": 30, "decoder_hidden": (64, 9, 33)},
    {"hidden": (16,), "latent": 2, "likelihood": Gaussian(sigma="per-feature")},
]
THREADS = (1, 2, 3, 8)


def planned(shape, rows, threads):
    vae = vae_np.VAE(53, backend="numpy", **shape)
    return vae.parameters, vae.architecture, make_plan(vae.architecture, vae.parameters, 2, rows, threads)


def ranges_of(plan, layers, threads):
    """(layer, thread, 2), as `views.entries` finds them."""
    return plan[len(plan) - 2 * layers * threads :].reshape(layers, threads, 2)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("rows", [8, 700])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_is_updated_by_one_thread(shape, rows, threads):
    parameters, a, plan = planned(shape, rows, threads)
    updates = np.zeros(parameters.vector.size, int)
    for begin, end in ranges_of(plan, len(a.layers), threads).reshape(-1, 2):
        updates[begin:end] += 1
    assert (updates == 1).all()


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("rows", [8, 700])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_entry_of_every_product_is_one_threads(shape, rows, threads):
    parameters, a, plan = planned(shape, rows, threads)
    heads = len(a.hidden) + len(a.posterior.heads(a.latent))
    for i, name in enumerate(a.layers):
        fan_in, fan_out = parameters.shapes[f"{name}.W"]
        count = rows if i < heads else 2 * rows
        outputs = {
            places.FORWARD_TILE: (count, fan_out),
            places.WEIGHT_TILE: (fan_in, fan_out),
            places.INPUT_TILE: (count, fan_in),
        }
        for product, form in outputs.items():
            made = np.zeros(form, int)
            for t in range(threads):
                made[tile_of(plan, product, i, t)] += 1
            assert (made == 1).all(), (name, product)


def test_a_thread_updates_the_rows_of_w_whose_gradient_it_has_made():
    parameters, a, plan = planned({"hidden": (200, 70), "latent": 3}, 8, 2)
    by_rows = []
    for i, name in enumerate(a.layers):
        for t, (begin, end) in enumerate(ranges_of(plan, len(a.layers), 2)[i]):
            updated = parameters.zeros_like()
            updated.vector[begin:end] = 1
            W = updated[f"{name}.W"]
            rows, columns = tile_of(plan, places.WEIGHT_TILE, i, t)
            if columns == slice(0, W.shape[1]):
                by_rows.append(name)
                assert W[rows].all()
                assert W.sum() == W[rows].size
    assert by_rows.count("encoder.0") == by_rows.count("decoder.out") == 2


def test_gradients_are_cut_by_columns_only_where_reading_the_factors_costs_more():
    assert grid(2, 200, 784) == (1, 2)
    assert grid(2, 200, 784, 200 * 784 / (2 * 20)) == (2, 1)  # 20 rows
    assert grid(2, 200, 784, 200 * 784 / (2 * 1000)) == (1, 2)
