"""Ways through the latent space: lines, great circles, and the difference of two classes."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from models import BACKENDS, batch, model
from sums import assert_sums

import vae_np
from vae_np.evaluation import attribute_vector, interpolate, latent_path

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 6, 4))


@pytest.mark.parametrize("path", ["line", "sphere"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_path_begins_and_ends_where_it_is_told(path, dtype):
    a, b = A.astype(dtype), B.astype(dtype)
    z = latent_path(a, b, 5, path=path)
    assert (z.shape, z.dtype) == ((6, 5, 4), np.dtype(dtype))
    for got, expected in ((z[:, 0], a), (z[:, -1], b)):
        assert_sums("end", got, expected, np.abs(expected).max(), 8)
    assert np.array_equal(latent_path(a[2], b[2], 5, path=path), z[2])
    back = latent_path(b, a, 5, path=path)
    assert_sums("back", back[:, ::-1], z, np.abs(z).max(), 16)


def test_a_line_is_walked_in_equal_steps_and_its_middle_is_the_mean():
    z = latent_path(A, B, 3, path="line")
    assert_sums("middle", z[:, 1], (A + B) / 2, np.abs(A) + np.abs(B), 4)
    steps = np.diff(latent_path(A, B, 6, path="line"), axis=1)
    assert_sums("steps", steps, np.broadcast_to((B - A)[:, None] / 5, steps.shape), (np.abs(A) + np.abs(B))[:, None], 8)


def test_the_sphere_is_that_of_fifty_digits():
    z, steps = latent_path(A, B, 7), 7
    with mp.workdps(50):
        for n in range(len(A)):
            a, b = ([mp.mpf(float(v)) for v in row] for row in (A[n], B[n]))
            one, other = (mp.sqrt(mp.fsum(v * v for v in row)) for row in (a, b))
            w = mp.acos(mp.fsum(p * q for p, q in zip(a, b, strict=True)) / one / other)
            for i in range(steps):
                t = mp.mpf(i) / (steps - 1)
                length, f, g = (1 - t) * one + t * other, mp.sin((1 - t) * w) / mp.sin(w), mp.sin(t * w) / mp.sin(w)
                expected = [length * (f * p / one + g * q / other) for p, q in zip(a, b, strict=True)]
                size = float(length * (abs(f) + abs(g)))
                assert_sums("z", z[n, i], np.array([float(v) for v in expected]), size, 20)


def test_on_the_sphere_the_length_goes_in_line_and_the_angle_in_equal_steps():
    z, t = latent_path(A, B, 6), np.linspace(0, 1, 6)
    lengths = np.linalg.norm(z, axis=-1)
    expected = (1 - t) * np.linalg.norm(A, axis=1)[:, None] + t * np.linalg.norm(B, axis=1)[:, None]
    assert_sums("lengths", lengths, expected, expected, 40)
    u = z / lengths[..., None]
    turned = np.arccos((u[:, 1:] * u[:, :-1]).sum(axis=-1))
    assert np.ptp(turned, axis=1).max() < 1e-6  # an arc cosine keeps half of the digits
    assert (lengths[:, 3] > np.linalg.norm(latent_path(A, B, 6, path="line"), axis=-1)[:, 3]).all()


@pytest.mark.parametrize("apart", [0.0, 1e-300, 1e-17, 1e-9, 1e-4])
def test_of_directions_that_are_nearly_one_the_sphere_is_the_line(apart):
    a = np.array([3.0, 0.0])
    b = np.array([3.0, 3.0 * apart])
    z = latent_path(a, b, 5)
    # the line is shorter by the square of the angle over 8
    assert np.abs(z - latent_path(a, b, 5, path="line")).max() <= 3 * (apart**2 + 4 * np.finfo(float).eps)
    assert np.array_equal(latent_path(a, 2 * a, 3), [[3, 0], [4.5, 0], [6, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((A, -A), "opposite directions"),
        ((A, 0 * A), "length 0 has no direction"),
        ((A, B[:2]), r"one shape.*\(6, 4\) and \(2, 4\)"),
        ((A, np.where(B > 1, np.nan, B)), "b must lie in"),
        ((A, B, 1), "steps must be at least 2"),
        ((0.0, 1.0), "one shape"),
    ],
)
def test_what_is_no_way_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        latent_path(*arguments)


def test_a_path_of_another_kind_is_named():
    with pytest.raises(ValueError, match="path must be one of sphere, line; got 'arc'"):
        latent_path(A, B, path="arc")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", ["line", "sphere"])
def test_rows_are_joined_through_their_posterior_means(backend, path):
    vae = model(backend=backend)
    x = batch(vae)[0]
    found = interpolate(vae, x[:2], x[2:4], 4, path=path)
    assert found.shape == (2, 4, x.shape[1])
    assert_sums("ends", found[:, [0, -1]], np.stack([vae.reconstruct(x[:2]), vae.reconstruct(x[2:4])], axis=1), 1.0, 50)
    mu = vae.encode(x)[0]
    assert_sums("middle", found[0], vae.decode(latent_path(mu[0], mu[2], 4, path=path)), 1.0, 50)
    with pytest.raises(ValueError, match="x and y must have as many rows; they have 2 and 3"):
        interpolate(vae, x[:2], x[2:])


def test_a_conditional_model_keeps_the_condition_or_goes_from_one_to_the_other():
    vae = model(condition=3, backend="numpy")
    x = batch(vae)[0][:, :-3]
    z = latent_path(*(vae.encode(rows, 1)[0] for rows in (x[:2], x[2:4])), 3)
    assert np.array_equal(interpolate(vae, x[:2], x[2:4], 3, condition=1), vae.decode(z, 1))
    ends = vae.rows(x[:1], 0), vae.rows(x[1:2], 2)
    z = latent_path(vae.encode(ends[0])[0], vae.encode(ends[1])[0], 3)
    c = np.array([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    assert np.array_equal(interpolate(vae, *ends, 3)[0], vae.decode(z[0], c))
    with pytest.raises(ValueError, match="the model is conditional"):
        interpolate(vae, x[:1], x[1:2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_attribute_vector_leads_from_the_mean_of_one_class_to_that_of_the_other(dtype):
    vae = model(dtype=dtype, backend="numpy")
    x, labels = batch(vae)[0], np.array(["with", "without", "with", "other", "without"])
    mu = vae.encode(x)[0]
    v = attribute_vector(vae, x, labels, "with", "without")
    assert (v.shape, v.dtype) == ((3,), np.dtype(dtype))
    assert_sums("v", v, (mu[0] + mu[2] - mu[1] - mu[4]) / 2, np.abs(mu).max(), 8)
    assert np.array_equal(attribute_vector(vae, x, labels, "without", "with"), -v)
    other = attribute_vector(vae, x[[0, 1, 2, 4]], labels[[0, 1, 2, 4]], "with", "without")
    assert_sums("v", other, v, np.abs(mu).max(), 50)


def test_classes_that_no_row_has_and_labels_that_are_not_one_a_row_are_named():
    vae = model(backend="numpy")
    x = batch(vae)[0]
    with pytest.raises(ValueError, match="target 7 is the label of no row"):
        attribute_vector(vae, x, [0, 1, 1, 0, 0], 7, 0)
    with pytest.raises(ValueError, match=r"one for each of 5 rows; they have shape \(4,\)"):
        attribute_vector(vae, x, [0, 1, 1, 0], 1, 0)


def test_classes_that_differ_in_one_thing_are_moved_into_each_other():
    """Rows of two blobs: those of one, moved by the vector, are nearer to the other's mean than to their own."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    centres = np.array([[2.0, 0, -1, 1], [-2.0, 1, 1, -1]])
    x = centres[labels] + 0.3 * rng.normal(size=(400, 4))
    vae = vae_np.VAE(4, hidden=(16,), latent=2, likelihood=vae_np.Gaussian(0.3), backend="numpy")
    vae_np.fit(vae, x[:300], epochs=60, optimizer=vae_np.Adam(0.01), progress=False)
    v = attribute_vector(vae, x[:300], labels[:300], 1, 0)
    moved = vae.decode(vae.encode(x[300:][labels[300:] == 0])[0] + v)
    to = np.linalg.norm(moved[:, None] - centres, axis=-1)
    assert (to[:, 1] < to[:, 0] / 3).all()
