"""A likelihood for each group of columns: the sum of its parts' oracles, their places, names and refusals."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import oracles.likelihoods as scalar
import oracles.tables as exact
import pytest
from oracles.normal import log_normal

import vae_np
from vae_np.formulas.doors import parse
from vae_np.formulas.likelihoods import (
    Bernoulli,
    Categorical,
    Columns,
    Gaussian,
    Likelihood,
    NegativeBinomial,
    Poisson,
)

U = np.finfo(np.float64).eps / 2
GROUPS = [
    (Gaussian("heteroscedastic"), [8, 0]),
    (Categorical(3), "1-3"),
    (NegativeBinomial("per-feature"), "4+6"),
    (Bernoulli(), 5),
    (Poisson(), 7),
]
TABLE = Columns(GROUPS)
D, P = 9, 11
WORDS = (
    "columns:gaussian(sigma=heteroscedastic)=8+0,categorical(classes=3)=1-3,"
    "negative-binomial(dispersion=per-feature)=4+6,bernoulli=5,poisson=7"
)


def row(seed: int) -> tuple[np.ndarray, np.ndarray, dict]:
    """x (D,), raw (P,), own: not one value twice."""
    rng = np.random.default_rng(seed)
    x = np.array([rng.normal(), 0, 1, 0, rng.integers(1, 9), 1, rng.integers(10, 30), rng.integers(0, 4), rng.normal()])
    return x.astype(float), rng.normal(size=P), {"logdispersion_2": rng.normal(size=2)}


def exact_parts(x, raw, own):
    """(value, size of its terms) of every column, each by its own oracle; raw stands in the order of the groups."""
    s = own["logdispersion_2"]
    with mp.workdps(60):
        a = [mp.mpf(float(v)) for v in raw[4:7]]
        total = mp.log(sum(mp.exp(v) for v in a))
        classes = [(mp.mpf(float(hot)) * (v - total), abs(v) + abs(total)) for hot, v in zip(x[1:4], a, strict=True)]
        at = {j + 1: found for j, found in enumerate(classes)}
        at |= {8: log_normal(x[8], raw[0], raw[2]), 0: log_normal(x[0], raw[1], raw[3])}
        at |= {4: exact.negative_binomial(x[4], raw[7], s[0]), 6: exact.negative_binomial(x[6], raw[8], s[1])}
        at |= {5: scalar.bernoulli(x[5], raw[9]), 7: exact.poisson(x[7], raw[10])}
        return [at[j] for j in range(D)]


def worst_of(likelihood, seed: int) -> float:
    """The worst column, in units of its terms' rounding."""
    x, raw, own = row(seed)
    found = likelihood.log_density(x[None], raw[None], own)[0]
    parts = [p if isinstance(p, tuple) else (p, abs(p)) for p in exact_parts(x, raw, own)]
    return max(float(abs(mp.mpf(float(f)) - e) / max(size, U)) / U for f, (e, size) in zip(found, parts, strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_every_column_has_the_log_p_of_its_own_oracle_and_their_sum_is_the_rows(seed):
    assert worst_of(TABLE, seed) <= 8  # each part is held to 6 of its terms; a softmax here to 8
    x, raw, own = row(seed)
    parts = exact_parts(x, raw, own)
    with mp.workdps(60):
        total, size = mp.fsum(p[0] for p in parts), float(mp.fsum(p[1] for p in parts))
    assert abs(TABLE.log_density(x, raw, own).sum() - float(total)) <= (8 + D) * U * size


def test_every_part_is_normalised_by_itself():
    """Over all of three classes, two truths and counts to far in the tail, and an integral over the numbers."""
    table = Columns([("gaussian:sigma=0.7", 0), ("categorical", "1-3"), ("bernoulli", 4), ("poisson", 5)])
    raw = np.array([0.3, 0.5, -1.0, 0.2, 0.8, 1.1])
    grid = np.linspace(-12, 12, 4001)  # the trapezoidal rule is exact here to rounding
    rows = [
        [value, *classes, truth, count]
        for classes in np.eye(3) for truth in (0, 1) for count in range(60) for value in (0.0,)
    ]  # fmt: skip
    x = np.array(rows)
    discrete = np.exp(table.log_density(x, np.broadcast_to(raw, x.shape))[:, 1:].sum(axis=1)).sum()
    values = np.zeros((len(grid), 6))
    values[:, 0] = grid
    density = np.exp(table.log_density(values, np.broadcast_to(raw, values.shape))[:, 0]).sum() * (grid[1] - grid[0])
    assert abs(discrete - 1) <= len(x) * 8 * U
    assert abs(density - 1) <= len(grid) * 8 * U


class Misplaced(Columns):
    """A group's gradient stands at another group's columns."""

    name = "columns-misplaced"

    def gradient(self, x, raw, own=None):
        draw, down = super().gradient(x, raw, own)
        return np.roll(draw, 1, axis=-1), down


class Transposed(Columns):
    """The second column of a part has the first one's x."""

    name = "columns-transposed"

    def log_density(self, x, raw, own=None):
        return super().log_density(x[..., [8, *range(1, 8), 0]], raw, own)


class OwnOfAnother(Columns):
    """The derivatives to a part's dispersions stand in the wrong order."""

    name = "columns-own"

    def gradient(self, x, raw, own=None):
        draw, down = super().gradient(x, raw, own)
        return draw, {name: array[..., ::-1] for name, array in down.items()}


def checked(likelihood, **how):
    vae = vae_np.VAE(D, hidden=(5,), latent=2, likelihood=likelihood, backend="numpy")
    rng = np.random.default_rng(3)
    vae.parameters.vector[...] += 0.3 * rng.standard_normal(vae.parameters.vector.size)
    return vae_np.gradcheck.check_model(
        vae, np.array([row(i)[0] for i in range(4)]), rng.normal(size=(2, 4, 2)), 0.7, **how
    )


@pytest.mark.slow
def test_its_gradient_passes_both_checks():
    assert checked(TABLE).ok


def test_its_gradient_passes_and_one_that_is_misplaced_does_not():
    assert checked(TABLE, methods=["complex step"]).ok
    for mistaken in (Misplaced, OwnOfAnother):
        assert not checked(mistaken(GROUPS), methods=["complex step"]).ok


def test_the_oracles_find_a_column_that_is_taken_for_another():
    assert worst_of(Transposed(GROUPS), 0) > 1e6


def test_its_parts_alone_have_its_values_gradients_means_and_starts():
    x, raw, own = row(1)
    draw, down = TABLE.gradient(x, raw, own)
    mean, variance = np.array([row(i)[0] for i in range(30)]).mean(axis=0), np.linspace(0.5, 3, D)
    begin, start = 0, TABLE.start(mean, variance)
    for likelihood, columns in TABLE.groups:
        j, mine = list(columns), {"logdispersion": own["logdispersion_2"]} if len(columns) == 2 else {}
        end = begin + likelihood.raw_size(len(j))
        np.testing.assert_array_equal(draw[begin:end], likelihood.gradient(x[j], raw[begin:end], mine)[0])
        np.testing.assert_array_equal(TABLE.mean(raw, own)[j], likelihood.mean(raw[begin:end], mine))
        np.testing.assert_array_equal(start[begin:end], likelihood.start(mean[j], variance[j]))
        begin = end
    assert begin == P == TABLE.raw_size(D)
    nb = NegativeBinomial("per-feature")
    theirs = nb.gradient(x[[4, 6]], raw[7:9], {"logdispersion": own["logdispersion_2"]})[1]["logdispersion"]
    np.testing.assert_array_equal(down["logdispersion_2"], theirs)
    np.testing.assert_array_equal(
        TABLE.start_own(mean, variance)["logdispersion_2"],
        nb.start_own(mean[[4, 6]], variance[[4, 6]])["logdispersion"],
    )


# ---- its name


def test_a_word_is_the_table_and_its_config_makes_it_again():
    likelihood = vae_np.VAE(D, hidden=(3,), latent=1, likelihood=WORDS, backend="numpy").likelihood
    assert likelihood == TABLE
    assert Columns(**{k: v for k, v in TABLE.checked_config().items() if k != "name"}) == TABLE
    assert parse("columns:poisson=0-3+5")["groups"] == [({"name": "poisson"}, "0-3+5")]


def test_a_table_within_a_table_is_one_too():
    inner = "columns:columns(poisson=0,gaussian(sigma=learned,floor=0.1)=1-2)=3+0+1,bernoulli=2"
    vae = vae_np.VAE(4, hidden=(3,), latent=1, likelihood=inner, backend="numpy")
    assert "likelihood.logvar_1_0" in vae.parameters
    np.testing.assert_array_equal(vae.likelihood.real(4), [True, True, False, False])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_model_of_a_table_trains_resumes_saves_evaluates_draws_and_scores(backend, tmp_path):
    x = np.array([row(i)[0] for i in range(40)])

    def fresh():
        return vae_np.VAE(D, hidden=(6,), latent=2, likelihood=WORDS, scale="standard", backend=backend)

    whole, resumed, path = fresh(), fresh(), tmp_path / "run.npz"
    vae_np.fit(whole, x, epochs=4, output_bias="data", progress=False)
    vae_np.fit(fresh(), x, epochs=2, output_bias="data", progress=False, checkpoint=path)
    vae_np.fit(resumed, x, epochs=4, output_bias="data", progress=False, checkpoint=path, resume=True)
    np.testing.assert_array_equal(whole.parameters.vector, resumed.parameters.vector)
    whole.save(tmp_path / "model.npz")
    back = vae_np.load(tmp_path / "model.npz", backend=backend)
    assert back.likelihood == TABLE
    assert vae_np.evaluate(back, x, samples=8).evidence == vae_np.evaluate(whole, x, samples=8).evidence
    drawn = back.sample(50)
    TABLE.check(drawn)
    assert back.reconstruct(x).shape == x.shape
    found = vae_np.evaluation.anomalies(back, x, samples=8)
    assert found.contributions.shape == x.shape
    assert np.isfinite(found.score).all()


def test_only_the_numbers_of_a_table_are_standardised_and_the_volume_is_theirs():
    x = np.array([row(i)[0] for i in range(40)]) * np.where(np.arange(D) == 8, 50.0, 1.0)
    vae = vae_np.VAE(D, hidden=(6,), latent=2, likelihood=TABLE, scale="standard", backend="numpy")
    vae.start_scaling(x)
    u = vae.scaling.inside(x)
    np.testing.assert_array_equal(u[:, 1:8], x[:, 1:8])
    np.testing.assert_allclose(u[:, [0, 8]].std(axis=0), 1)
    assert vae.scaling.log_volume == pytest.approx(np.log(x[:, [0, 8]].std(axis=0)).sum())
    with pytest.raises(ValueError, match="needs a likelihood of all real numbers"):
        vae_np.VAE(2, likelihood="columns:poisson=0,bernoulli=1", scale="standard")


# ---- what is refused


@pytest.mark.parametrize(
    ("j", "value", "message"),
    [
        (6, 2.5, r"whole counts for the negative-binomial likelihood; row 1, column 6 is 2\.5"),
        (7, -1, r"whole counts for the poisson likelihood; row 1, column 7 is -1"),
        (5, 1.5, r"row 1, column 5 is 1\.5"),
        (2, 0, r"exactly one 1 in each group of 3 columns .*; row 1, columns 1-3 have 0"),
        (8, math.nan, r"row 1, column 8 is nan"),
    ],
)
def test_a_value_that_a_part_does_not_admit_is_named_by_its_column_in_the_table(j, value, message):
    x = np.array([row(i)[0] for i in range(3)])
    x[1, j] = value
    with pytest.raises(ValueError, match=message):
        TABLE.check(x)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "at least one pair"),
        ([("poisson", "0-2"), ("bernoulli", "2-3")], "column 2 is in more than one"),
        ([("poisson", "0-1"), ("bernoulli", "3")], "column 2 is in none"),
        ([("poisson", "1-0")], "columns are such as 0-3"),
        ([("poisson", "")], "columns are such as 0-3"),
        ([("poisson", [])], "columns must be numbers from 0 on"),
        ([("poisson", [0.5])], "columns must be numbers from 0 on"),
        ([("none", 0)], "likelihood must be one of"),
    ],
)
def test_groups_that_are_no_table_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        Columns(groups)


@pytest.mark.parametrize("groups", ["poisson", {"poisson": 0}, 3, ["poisson=0-3"], [("poisson",)]])
def test_groups_that_are_no_pairs_are_refused(groups):
    with pytest.raises(TypeError, match="pair"):
        Columns(groups)


@pytest.mark.parametrize("word", ["columns:poisson", "columns:=0", "columns:poisson(=0", "columns:", "columns:a(b)c=0"])
def test_a_word_that_is_no_table_is_refused(word):
    with pytest.raises(ValueError, match="groups are such as"):
        vae_np.VAE(2, likelihood=word)


def test_a_table_of_other_columns_is_refused():
    with pytest.raises(ValueError, match="have 9 columns, not 8"):
        vae_np.VAE(8, likelihood=TABLE)
    assert issubclass(Columns, Likelihood)
