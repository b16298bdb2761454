"""Documents as bags of words: a distribution over all documents of a length, its digits in long ones, its samples."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import vae_np
from vae_np.formulas.likelihoods import Multinomial, Poisson

D = 5
LIKELIHOOD = Multinomial()
RNG = np.random.default_rng(0)
RAW = 2 * RNG.normal(size=(1, D))


def documents_of(length: int) -> np.ndarray:
    """All of them, (M, D)."""
    every = itertools.product(range(length + 1), repeat=D)
    return np.array([x for x in every if sum(x) == length], float)


@pytest.mark.parametrize("length", [0, 1, 4])
def test_the_probabilities_of_all_documents_of_a_length_add_up_to_1(length):
    x = documents_of(length)
    log_p = LIKELIHOOD.log_density(x, RAW + 0 * x).sum(axis=-1)
    assert math.fsum(np.exp(log_p)) == pytest.approx(1, rel=1e-14)


def test_the_mean_over_all_documents_is_mean_and_the_gradients_mean_is_0():
    x = documents_of(4)
    p = np.exp(LIKELIHOOD.log_density(x, RAW + 0 * x).sum(axis=-1))
    np.testing.assert_allclose(p @ x, Multinomial(length=4).mean(RAW)[0], rtol=1e-13)
    np.testing.assert_allclose(p @ LIKELIHOOD.gradient(x, RAW + 0 * x)[0], 0, atol=1e-14)  # of terms of at most 4


def test_it_is_poisson_counts_given_their_total():
    x = RNG.poisson(3, (50, D)).astype(float)
    n, rates = x.sum(axis=1, keepdims=True), np.exp(RAW).sum()
    given = Poisson().log_density(x, RAW).sum(axis=1) - Poisson().log_density(n, np.log(rates)[None, None])[:, 0]
    np.testing.assert_allclose(LIKELIHOOD.log_density(x, RAW + 0 * x).sum(axis=1), given, rtol=1e-13)


def test_an_empty_document_has_log_p_0_and_no_gradient():
    x = np.array([[0.0] * D, [1.0] * D])
    raw = np.broadcast_to(RAW, x.shape)
    assert (LIKELIHOOD.log_density(x, raw)[0] == 0).all()
    assert (LIKELIHOOD.gradient(x, raw)[0][0] == 0).all()
    vae = vae_np.VAE(D, hidden=(4,), latent=2, likelihood="multinomial", backend="numpy")
    found = vae.elbo(x, np.zeros((2, 2)))
    assert found.log_likelihood[0] == 0 > found.log_likelihood[1]


def test_the_complex_step_is_the_gradient_with_samples_of_the_logits_too():
    """Of sizes up to 40: the step adds as many roundings as there are terms."""
    x = RNG.poisson([0.1, 1, 3, 20, 0.5], (6, D)).astype(float)
    raw = RNG.normal(size=(3, 6, D)) * 3
    gradient = LIKELIHOOD.gradient(x, raw)[0]
    size = x + x.sum(axis=1, keepdims=True)
    for j in range(D):
        step = raw.astype(complex)
        step[..., j] += 1e-100j
        found = LIKELIHOOD.log_density(x, step).sum(axis=-1).imag / 1e-100
        assert (np.abs(found - gradient[..., j]) <= 100 * 2.0**-53 * size[:, j]).all()


def as_written(x, raw):
    """In the precision of the arguments: log n! of 10^6 is 10^7, of which a float32 has 7 digits."""
    n, dtype = x.sum(axis=-1), raw.dtype
    counted = special.gammaln(n + 1).astype(dtype) - special.gammaln(x + 1).astype(dtype).sum(axis=-1)
    return counted + (x * (raw - special.logsumexp(raw, axis=-1, keepdims=True)).astype(dtype)).sum(axis=-1)


def test_float32_keeps_the_digits_of_a_long_document():
    """Near its probabilities, where log p is that of a good fit: 10^6 words of 200, whose log p is near -1000."""
    raw = RNG.normal(size=(1, 200)).astype(np.float32)
    x = LIKELIHOOD.documents(np.exp(raw), 1_000_000, RNG).astype(np.float32)
    with mp.workdps(40):
        a = [mp.mpf(float(v)) for v in raw[0]]
        total = mp.log(sum(mp.exp(v) for v in a))
        exact = mp.loggamma(float(x.sum()) + 1)
        exact += sum(float(k) * (v - total) - mp.loggamma(float(k) + 1) for k, v in zip(x[0], a, strict=True))
    found = LIKELIHOOD.log_density(x, raw)
    assert found.dtype == np.float32
    # each is rounded once, and they are added by pairs
    bound = (1 + math.log2(200)) * 2.0**-24 * float(np.abs(found).sum())
    assert abs(float(found.sum()) - float(exact)) <= bound
    assert abs(float(as_written(x, raw)[0]) - float(exact)) > 100 * bound


def test_documents_have_their_lengths_and_samples_the_likelihoods():
    shares = np.array([[0.2, 0.8, 0.0], [1.0, 1.0, 2.0]], np.float32)
    drawn = Multinomial.documents(shares, [3, 70], np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(axis=1), [3, 70])
    assert drawn[0, 2] == 0
    with pytest.raises(ValueError, match=r"lengths must be whole counts for documents; row 1 is 2\.5"):
        Multinomial.documents(shares, [3.0, 2.5], np.random.default_rng(0))
    for length in (1, 30):
        vae = vae_np.VAE(D, hidden=(4,), latent=2, likelihood=f"multinomial:length={length}", backend="numpy")
        assert (vae.sample(9).sum(axis=1) == length).all()
        np.testing.assert_allclose(vae.decode(np.zeros((3, 2))).sum(axis=1), length, rtol=1e-15 * D)


def test_the_start_is_the_words_share_of_all_and_a_word_that_never_came_is_possible():
    start = LIKELIHOOD.start(np.array([3.0, 0.0, 1.0]), np.ones(3))
    np.testing.assert_allclose(np.exp(start), [0.75, 0.001 / 3, 0.25], rtol=1e-14)
    assert np.isfinite(LIKELIHOOD.start(np.zeros(3), np.zeros(3))).all()


def test_one_word_and_no_length_are_refused():
    with pytest.raises(ValueError, match="multinomial likelihood needs at least two words"):
        vae_np.VAE(1, likelihood="multinomial")
    for length in (0, -2):
        with pytest.raises(ValueError, match="length must be at least 1"):
            Multinomial(length=length)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_linear_decoder_finds_two_topics_and_is_saved(backend, tmp_path):
    """Half of the documents are of the first three words, half of the last three, of unlike lengths."""
    rng = np.random.default_rng(1)
    kind, lengths = rng.integers(0, 2, 300), rng.integers(0, 40, 300)
    topics = np.array([[0.3, 0.3, 0.3, 0.04, 0.03, 0.03], [0.03, 0.03, 0.04, 0.3, 0.3, 0.3]])
    x = Multinomial.documents(topics[kind], lengths, rng)
    vae = vae_np.VAE(6, hidden=(16,), latent=1, decoder_hidden=(), likelihood="multinomial", backend=backend)
    assert vae_np.gradcheck.check_model(vae, x[:20], vae_np.standard_normal(0, 0, (20, 1))).ok
    vae_np.fit(vae, x, epochs=60, batch_size=50, optimizer=vae_np.Adam(0.01), output_bias="data", progress=False)
    weights = vae.parameters["decoder.out.W"][0]
    assert len(set(np.sign(weights[:3]))) == len(set(np.sign(weights[3:]))) == 1
    assert weights[0] * weights[3] < 0
    vae.save(tmp_path / "m.npz")
    assert vae_np.load(tmp_path / "m.npz").likelihood == vae.likelihood


def test_it_is_a_part_of_a_table():
    word = "columns:gaussian=0,multinomial(length=20)=1-4"
    vae = vae_np.VAE(5, hidden=(4,), latent=2, likelihood=word, backend="numpy")
    x = vae.likelihood.examples(np.random.default_rng(1).random((5, 5)))
    assert vae_np.gradcheck.check_model(vae, x, np.random.default_rng(2).normal(size=(5, 2))).ok
    assert (vae.sample(4)[:, 1:].sum(axis=1) == 20).all()


def test_documents_are_drawn_of_lists_and_what_they_cannot_be_drawn_of_is_named():
    g = np.random.default_rng(0)
    assert Multinomial.documents([[0.5, 1, 0]], [3], g).sum() == 3
    with pytest.raises(TypeError, match=r"generator must be a numpy.random.Generator; got 0"):
        Multinomial.documents([[0.5, 0.5]], [3], 0)
    for wrong, value in ((np.nan, "nan"), (-0.1, "-0.1"), (np.inf, "inf")):
        with pytest.raises(
            ValueError, match=rf"shares must lie in .* for documents; row 1, column 0 is {value} \(1 of 4"
        ):
            Multinomial.documents([[0.5, 0.5], [wrong, 0.5]], [3], g)
    with pytest.raises(ValueError, match="shares must not be 0 of every word; row 1 has none"):
        Multinomial.documents([[0.5, 0.5], [0, 0]], [3], g)
