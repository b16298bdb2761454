"""What a user's posterior or prior returns in another shape, type or name is an error that names class and method.

Each would otherwise be broadcast into a loss or a gradient that is wrong without a word, in one backend or in both.
"""

from __future__ import annotations

import numpy as np
import pytest
from models import BACKENDS, K, N, batch, model

from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.objectives import Loss
from vae_np.formulas.posteriors import Diagonal, Posterior
from vae_np.formulas.posteriors.base import Gradient
from vae_np.formulas.priors import Prior, Standard

S = 2


class Landing:
    """The importance-weighted bound of one sample, with log q's direct part left out."""

    name, analytic_kl = "test-landing", False

    def __call__(self, terms, beta=1.0):
        log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
        one = np.full(log_w.shape, 1 / log_w.size)
        return Loss(-log_w.mean(), Cotangents(-one, log_prior=-one, log_posterior=one, log_posterior_direct=0 * one))


def loss(backend, objective="elbo", dtype="float64", **doors):
    vae = model(**doors, backend=backend, dtype=dtype)
    return vae.loss_and_grad(*batch(vae, S), objective=objective)[0]


class Shifted(Diagonal):
    """The diagonal posterior and a learned shift s (K,), whose methods return what ``wrong`` makes of it."""

    def __init__(self, method="", wrong=None):
        self.method, self.wrong = method, wrong

    def _returned(self, method, right):
        return self.wrong(right) if method == self.method else right

    def heads(self, latent):
        return self._returned("heads", super().heads(latent))

    def own_shapes(self, latent):
        return self._returned("own_shapes", {"s": (latent,)})

    def own_start(self, latent, generator):
        return self._returned("own_start", {"s": np.full(latent, 0.1)})

    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        return self._returned("sample", found._replace(z=found.z + own["s"]))

    def score(self, cache):
        return self._returned("score", super().score(cache))

    def backward(self, dz, dlog_q, cache):
        heads = super().backward(dz, dlog_q, cache).heads
        return self._returned("backward", Gradient(heads, {"s": dz.sum(axis=(0, 1))}))

    def log_q_backward(self, rest, direct, cache):
        return self._returned("log_q_backward", Posterior.log_q_backward(self, rest, direct, cache))

    def moments(self, heads, own):
        mu, logvar = super().moments(heads, own)
        return self._returned("moments", (mu + own["s"], logvar))

    def kl_terms(self, heads, own, prior, prior_own):
        moved = {**heads, "mu": heads["mu"] + own["s"]}
        return self._returned("kl_terms", super().kl_terms(moved, own, prior, prior_own))

    def kl_backward(self, dkl, heads, own, prior, prior_own):
        moved = {**heads, "mu": heads["mu"] + own["s"]}
        found, down = super().kl_backward(dkl, moved, own, prior, prior_own)
        return self._returned("kl_backward", (Gradient(found.heads, {"s": found.heads["mu"].sum(axis=0)}), down))


class OwnScore(Shifted):
    log_q_backward = Posterior.log_q_backward


class Wide(Standard):
    """N(0, 1) and a learned factor f (1,) on z."""

    def __init__(self, method="", wrong=None):
        self.method, self.wrong = method, wrong

    def _returned(self, method, right):
        return self.wrong(right) if method == self.method else right

    def own_shapes(self, latent):
        return self._returned("own_shapes", {"f": (1,)})

    def own_start(self, latent, generator):
        return self._returned("own_start", {"f": np.ones(1)})

    def log_density(self, z, own):
        return self._returned("log_density", super().log_density(z * own["f"], own))

    def gradient(self, dlog, z, own):
        dz, _ = super().gradient(dlog, z * own["f"], own)
        return self._returned("gradient", (dz * own["f"], {"f": (dz * z).sum(keepdims=True)[0, 0]}))

    def sample(self, n, latent, generator, own, dtype):
        return self._returned("sample", super().sample(n, latent, generator, own, dtype) / own["f"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_as_it_should_be_passes(backend):
    for posterior in (Shifted(), OwnScore()):
        for objective in ("elbo", "iwae"):
            for dtype in ("float32", "float64"):
                assert np.isfinite(loss(backend, objective, dtype, posterior=posterior, prior=Wide()))
    assert np.isfinite(loss(backend, posterior=Shifted()))


def of(part, change):
    """Change one entry of a named tuple."""
    return lambda found: found._replace(**{part: change(getattr(found, part))})


def head(change):
    return of("heads", lambda heads: {**heads, "mu": change(heads["mu"])})


def own(change):
    return of("own", lambda arrays: {"s": change(arrays["s"])})


GRADIENTS = {
    "head (K,)": (head(lambda a: a.sum(axis=0)), rf"the array of mu must have shape \({N}, {K}\); it has \({K},\)"),
    "head (N, 1)": (head(lambda a: a[:, :1]), "the array of mu must have shape"),
    "head (1, N, K)": (head(lambda a: a[None]), "the array of mu must have shape"),
    "head a number": (head(lambda a: 1.0), "the array of mu must be an array of shape .*; it is a float"),
    "head float32": (head(lambda a: a.astype("f4")), "the array of mu must be float64; it is float32"),
    "head complex": (head(lambda a: a + 1j), "the array of mu must be float64; it is complex128"),
    "head unknown": (of("heads", lambda h: {**h, "nu": h["mu"]}), "there is no head array 'nu'; there are mu, logvar"),
    "heads None": (of("heads", lambda h: None), "the head arrays must be a dict; they are a NoneType"),
    "own ()": (own(lambda a: a.sum()), rf"the array of s must have shape \({K},\); it has \(\)"),
    "own (1,)": (own(lambda a: a[:1]), "the array of s must have shape"),
    "own (N, K)": (own(lambda a: np.ones((N, K))), "the array of s must have shape"),
    "own unknown": (of("own", lambda o: {"t": o["s"]}), "there is no own array 't'; there are s"),
    "None": (lambda found: None, "must return a Gradient; it returned a NoneType"),
    "tuple": (tuple, "must return a Gradient; it returned a tuple"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["backward", "log_q_backward", "kl_backward"])
@pytest.mark.parametrize("case", GRADIENTS)
def test_a_wrong_gradient_of_a_posterior_is_an_error(case, method, backend):
    change, message = GRADIENTS[case]
    wrong = (lambda found: (change(found[0]), found[1])) if method == "kl_backward" else change
    objective = "iwae" if method == "log_q_backward" else "elbo"
    with pytest.raises((ValueError, TypeError), match=rf"^Shifted\.{method}:? {message}"):
        loss(backend, objective, posterior=Shifted(method, wrong))


FORWARD = {
    "sample z (N, K)": ("sample", of("z", lambda z: z[0]), rf"z must have shape \({S}, {N}, {K}\); it has"),
    "sample z (S, N, 1)": ("sample", of("z", lambda z: z[..., :1]), "z must have shape"),
    "sample z float32": ("sample", of("z", lambda z: z.astype("f4")), "z must be float64; it is float32"),
    "sample z complex": ("sample", of("z", lambda z: z + 0j), "z must be float64; it is complex128"),
    "sample log_q (N,)": ("sample", of("log_q", lambda q: q[0]), "log_q must have shape"),
    "sample log_q (S, 1)": ("sample", of("log_q", lambda q: q[:, :1]), "log_q must have shape"),
    "sample log_q (S, N, 1)": ("sample", of("log_q", lambda q: q[..., None]), "log_q must have shape"),
    "sample log_q ()": ("sample", of("log_q", np.sum), "log_q must have shape"),
    "sample tuple": ("sample", tuple, "must return a Sample; it returned a tuple"),
    "sample None": ("sample", lambda found: None, "must return a Sample; it returned a NoneType"),
    "kl_terms (N,)": ("kl_terms", lambda kl: kl.sum(axis=1), "the KL must have shape"),
    "kl_terms (N, 1)": ("kl_terms", lambda kl: kl[:, :1], "the KL must have shape"),
    "kl_terms ()": ("kl_terms", np.sum, "the KL must have shape"),
    "kl_backward None": ("kl_backward", lambda found: None, "must return a Gradient and .* it returned a NoneType"),
    "kl_backward prior": ("kl_backward", lambda f: (f[0], {"a": 1.0}), "there is no prior array 'a'"),
    "moments None": ("moments", lambda found: None, "must return mean and log-variance; it returned a NoneType"),
    "moments (K,)": ("moments", lambda m: (m[0][0], m[1]), "the mean must have shape"),
    "moments (N, 1)": ("moments", lambda m: (m[0], m[1][:, :1]), "the log-variance must have shape"),
    "heads of width 0": ("heads", lambda h: {**h, "z": 0}, "the size of z must be at least 1; got 0"),
    "heads of width 2.0": ("heads", lambda h: {**h, "mu": 2.0}, "the size of mu must be an integer; got 2.0"),
    "heads named 0": ("heads", lambda h: {**h, "0": 3}, "the name of an array must be a Python identifier; got '0'"),
    "heads named a.b": ("heads", lambda h: {**h, "a.b": 3}, ".*must be a Python identifier; got 'a.b'"),
    "heads a list": ("heads", list, r"must return a dict of names and sizes; it returned \['mu', 'logvar'\]"),
    "no heads": ("heads", lambda h: {}, "a posterior has at least one head"),
    "own_shapes a number": ("own_shapes", lambda s: {"s": 3}, "the shape of s must be a tuple"),
    "own_shapes of 0": ("own_shapes", lambda s: {"s": (0,)}, "the size of s must be at least 1; got 0"),
    "own_start (5,)": ("own_start", lambda s: {"s": np.zeros(5)}, "the array of s must have shape"),
    "own_start unknown": ("own_start", lambda s: {"q": np.zeros(K)}, "there is no own array 'q'; there are s"),
    "own_start NaN": ("own_start", lambda s: {"s": np.full(K, np.nan)}, "s: row 0 is nan"),
    "own_start complex": ("own_start", lambda s: {"s": np.zeros(K) + 1j}, "the array of s must be float64"),
    "own_start None": ("own_start", lambda s: None, "the own arrays must be a dict; they are a NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", FORWARD)
def test_a_wrong_return_of_a_posterior_is_an_error(case, backend):
    method, wrong, message = FORWARD[case]
    with pytest.raises((ValueError, TypeError), match=rf"^Shifted\.{method}:? {message}"):
        loss(backend, posterior=Shifted(method, wrong))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("wrong", [lambda s: s[0], lambda s: s[..., :1], lambda s: s[:, :1]])
def test_a_wrong_score_is_an_error(wrong, backend):
    """A loss that leaves out the direct part of log q weighs the score."""
    with pytest.raises(ValueError, match=r"^OwnScore\.score: the score must have shape \(2, 5, 3\)"):
        loss(backend, Landing(), posterior=OwnScore("score", wrong))


PRIORS = {
    "(N,)": ("log_density", lambda p: p[0], rf"log p\(z\) must have shape \({S}, {N}\); it has \({N},\)"),
    "(S, 1)": ("log_density", lambda p: p[:, :1], r"log p\(z\) must have shape"),
    "(S, N, 1)": ("log_density", lambda p: p[..., None], r"log p\(z\) must have shape"),
    "()": ("log_density", np.sum, r"log p\(z\) must have shape"),
    "float32": ("log_density", lambda p: p.astype("f4"), r"log p\(z\) must be float64; it is float32"),
    "dz (N, K)": ("gradient", lambda g: (g[0][0], g[1]), "dz must have shape"),
    "dz (S, N, 1)": ("gradient", lambda g: (g[0][..., :1], g[1]), "dz must have shape"),
    "dz alone": ("gradient", lambda g: g[0], "must return dz and the own arrays' cotangents; it returned a ndarray"),
    "own ()": ("gradient", lambda g: (g[0], {"f": g[1]["f"][0]}), r"the array of f must have shape \(1,\)"),
    "own unknown": ("gradient", lambda g: (g[0], {"a": g[1]["f"]}), "there is no own array 'a'; there are f"),
    "own_start (5,)": ("own_start", lambda s: {"f": np.zeros(5)}, "the array of f must have shape"),
    "own_shapes a.b": ("own_shapes", lambda s: {"a.b": (1,)}, ".*must be a Python identifier; got 'a.b'"),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", PRIORS)
def test_a_wrong_return_of_a_prior_is_an_error(case, backend):
    method, wrong, message = PRIORS[case]
    with pytest.raises((ValueError, TypeError), match=rf"^Wide\.{method}:? {message}"):
        loss(backend, "iwae", prior=Wide(method, wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda z: z[:, :2], rf"z must have shape \(4, {K}\); it has \(4, 2\)"),
        (lambda z: z[:3], "z must have shape"),
        (lambda z: z.astype("f4"), "z must be float64; it is float32"),
    ],
)
def test_wrong_draws_of_a_prior_are_an_error(wrong, message):
    vae = model(prior=Wide("sample", wrong), backend="numpy")
    for draw in (vae.sample_prior, vae.sample):
        with pytest.raises((ValueError, TypeError), match=rf"^Wide\.sample: {message}"):
            draw(4, 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_prior_that_overrides_forward_and_draw_is_named_by_them(backend):
    class Whole(Prior):
        log_density = gradient = sample = lambda self, *arguments: None

        def forward(self, z, own, encoder):
            return z.sum(axis=-1)[0], None

        def draw(self, n, latent, generator, own, dtype, encoder):
            return np.zeros((n, latent + 1))

    vae = model(prior=Whole(), backend=backend)
    with pytest.raises(ValueError, match=r"^Whole\.forward: log p\(z\) must have shape"):
        vae.loss_and_grad(*batch(vae, S))
    with pytest.raises(ValueError, match=r"^Whole\.draw: z must have shape"):
        vae.sample_prior(3, 0)


def test_encode_is_checked_as_well():
    for backend in BACKENDS:
        vae = model(posterior=Shifted("moments", lambda m: (m[0], m[1][:, :1])), backend=backend)
        with pytest.raises(ValueError, match=r"^Shifted\.moments: the log-variance must have shape"):
            vae.encode(batch(vae)[0])
