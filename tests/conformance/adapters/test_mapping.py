"""A program's layers as ours, by names, orders and shapes alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vae_np.conformance.adapters.mapping import Layer, Piece, layers_of, plans


def dense(*sizes, turned=None):
    """Layers W0, W1, ... of these (fan_in, fan_out)."""
    return [Layer(f"W{i}", shape, f"b{i}", turned) for i, shape in enumerate(sizes)]


TWO_HEADS = [(7, 11), (11, 5), (11, 5), (5, 11), (11, 7)]
ONE_HEAD = [(7, 11), (11, 10), (5, 11), (11, 7)]


def test_two_heads_are_mu_and_then_logvar_in_the_order_given():
    first, second = itertools.islice(plans(dense(*TWO_HEADS, turned=False)), 2)
    assert (first.features, first.hidden, first.latent, first.decoder_hidden) == (7, (11,), 5, (11,))
    assert [piece.tensor for piece in first.heads] == ["W1", "W2"]
    assert [piece.tensor for piece in second.heads] == ["W2", "W1"]
    assert (first.encoder, first.decoder, first.widths) == (("W0",), ("W3", "W4"), "7-11-5-11-7")


def test_pytorchs_layout_is_read_by_its_shapes():
    turned = [(b, a) for a, b in TWO_HEADS]
    known = next(plans(dense(*turned, turned=True)))
    guessed = next(plan for plan in plans(dense(*turned)) if plan.features == 7)
    for plan in (known, guessed):
        assert all(pieces[0].turned for name, pieces in plan.pieces.items() if name.endswith(".W"))


def test_a_square_weight_of_unknown_layout_is_read_both_ways():
    found = [plan for plan in plans(dense((7, 7), (7, 5), (7, 5), (5, 7))) if plan.hidden]
    assert {plan.pieces["encoder.0.W"][0].turned for plan in found} == {True, False}


def test_a_head_of_2_k_is_cut_in_halves_or_every_other_column_in_both_orders():
    found = [plan for plan in plans(dense(*ONE_HEAD, turned=False)) if plan.features == 7]
    cuts = [tuple((p.start, p.stop, p.step) for p in plan.heads) for plan in found]
    assert cuts == [
        ((0, 5, 1), (5, 10, 1)),
        ((5, 10, 1), (0, 5, 1)),
        ((0, None, 2), (1, None, 2)),
        ((1, None, 2), (0, None, 2)),
    ]


def test_layers_in_any_order_are_a_chain():
    for order in itertools.permutations(range(5)):
        layers = [dense(*TWO_HEADS, turned=False)[i] for i in order]
        found = [plan for plan in plans(layers) if plan.features == 7]
        assert {(plan.encoder, plan.decoder) for plan in found} == {(("W0",), ("W3", "W4"))}
        assert len(found) == 2


def test_deep_chains_linear_encoders_and_two_numbers_a_feature_are_read():
    deep = next(plans(dense((30, 12), (12, 9), (9, 8), (4, 9), (9, 12), (12, 30), turned=False)))
    assert deep.widths == "30-12-9-4-9-12-30"
    linear = next(plans(dense((7, 3), (7, 3), (3, 7), turned=False)))
    assert (linear.hidden, linear.decoder_hidden) == ((), ())
    assert next(plans(dense((7, 11), (11, 5), (11, 5), (5, 14), turned=False))).per_feature == 2


@pytest.mark.parametrize(
    "sizes", [[(7, 11), (11, 7)], [(7, 11), (11, 5), (5, 11), (11, 7)], [*TWO_HEADS, (3, 4)], TWO_HEADS[:-1]]
)
def test_what_is_no_encoder_heads_and_decoder_has_no_plan(sizes):
    assert [plan for plan in plans(dense(*sizes, turned=False)) if plan.features == 7] == []


def test_weights_and_gradients_are_read_by_the_same_columns():
    plan = [plan for plan in plans(dense(*ONE_HEAD, turned=False)) if plan.features == 7][3]
    draw = np.random.default_rng(0)
    tensors = {f"W{i}": draw.normal(size=s) for i, s in enumerate(ONE_HEAD)}
    tensors |= {f"b{i}": draw.normal(size=n) for i, n in enumerate((11, 10, 11, 7))}
    ours, slopes = plan.weights(tensors), plan.gradients(tensors)
    np.testing.assert_array_equal(ours["encoder.mu.W"], tensors["W1"][:, 1::2])
    np.testing.assert_array_equal(ours["encoder.logvar.b"], tensors["b1"][0::2])
    assert ours.keys() == slopes.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, slopes[name])


def test_a_head_of_the_log_deviation_is_doubled_and_its_derivative_halved():
    plan = next(plans(dense(*TWO_HEADS, turned=False))).with_deviations()
    tensors = {name: np.ones(shape) for name, shape in zip(["W0", "W1", "W2", "W3", "W4"], TWO_HEADS, strict=True)}
    tensors |= {f"b{i}": np.ones(shape[1]) for i, shape in enumerate(TWO_HEADS)}
    assert (plan.weights(tensors)["encoder.logvar.W"] == 2).all()
    assert (plan.gradients(tensors)["encoder.logvar.b"] == 0.5).all()
    assert (plan.weights(tensors)["encoder.mu.W"] == 1).all()


def test_a_bias_that_is_not_there_is_0_and_has_no_gradient():
    layers = dense(*TWO_HEADS, turned=False)
    plan = next(plans([layers[0]._replace(bias=None), *layers[1:]]))
    tensors = {name: np.ones(shape) for name, shape in zip(["W0", "W1", "W2", "W3", "W4"], TWO_HEADS, strict=True)}
    tensors |= {f"b{i}": np.ones(shape[1]) for i, shape in enumerate(TWO_HEADS)}
    assert (plan.weights(tensors)["encoder.0.b"] == np.zeros(11)).all()
    assert "encoder.0.b" not in plan.gradients(tensors)


@pytest.mark.parametrize(
    "names",
    [
        ["W1", "b1", "W2", "b2"],
        ["W1", "W2", "b1", "b2"],
        ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
        ["fc1.bias", "fc1.kernel", "fc2.bias", "fc2.kernel"],
        ["w_mu", "w_logvar", "b_logvar", "b_mu"],
        ["first", "its", "second", "other"],
    ],
)
def test_a_bias_is_found_by_its_weights_name_or_after_it(names):
    vectors = [n for n in names if "b" in n.rpartition(".")[2][:1] or n in ("its", "other")]
    layers = layers_of({name: (5,) if name in vectors else (11, 5) for name in names})
    pairs = {layer.weight: layer.bias for layer in layers}
    expected = {"w_mu": "b_mu", "W1": "b1", "fc1.weight": "fc1.bias", "fc1.kernel": "fc1.bias", "first": "its"}
    weight = next(name for name in names if name in expected)
    assert pairs[weight] == expected[weight]
    assert None not in pairs.values()
    assert len(set(pairs.values())) == 2


def test_a_layers_line_says_how_it_is_read():
    plan = next(plans(dense((11, 7), (10, 11), (11, 5), (7, 11), turned=True)))
    assert plan.lines()[:2] == ["encoder.0 is W0, transposed", "encoder.mu is W1, transposed, columns 0 to 4"]
    assert Piece("W").of(np.ones((2, 3))).shape == (2, 3)
