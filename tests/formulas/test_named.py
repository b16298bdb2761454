"""What is known by its name: what is saved by name and config is what is loaded, or it is not saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from models import batch, model

import vae_np
from vae_np.formulas.doors import chosen, parse
from vae_np.formulas.likelihoods import Bernoulli
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.posteriors import Diagonal, Planar, Posterior
from vae_np.formulas.priors import Mixture, Standard


class Nameless(Diagonal):
    """Another sampler than its base class, whose name it would be saved by."""

    def sample(self, heads, eps, own):
        found = super().sample(heads, eps, own)
        return found._replace(z=found.z + 3)


class NamelessPrior(Standard):
    pass


class NamelessLikelihood(Bernoulli):
    pass


class NamelessObjective(ELBO):
    pass


@pytest.mark.parametrize(
    ("part", "own"),
    [("posterior", Nameless()), ("prior", NamelessPrior()), ("likelihood", NamelessLikelihood())],
    ids=["posterior", "prior", "likelihood"],
)
def test_a_subclass_without_a_name_of_its_own_is_not_saved_as_its_base_class(part, own, tmp_path):
    vae = model(**{part: own}, backend="numpy")
    x, eps = batch(vae)
    assert vae.loss_and_grad(x, eps)[0] != 0  # it works, in memory
    before = vae.parameters.vector.copy()
    message = f"the {part} {type(own).__name__} cannot be saved: it needs a name of its own; '{own.name}' is that of"
    with pytest.raises(ValueError, match=message):
        vae.save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=message):
        vae_np.fit(vae, x, epochs=1, checkpoint=tmp_path / "run.npz", progress=False)
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(vae.parameters.vector, before)


def test_a_run_with_an_objective_without_a_name_of_its_own_is_not_saved(tmp_path):
    vae = model(backend="numpy")
    with pytest.raises(ValueError, match="the objective NamelessObjective cannot be saved: it needs a name of its own"):
        vae_np.fit(vae, batch(vae)[0], epochs=1, objective=NamelessObjective(), checkpoint=tmp_path / "run.npz")


def test_objects_of_two_classes_are_not_equal():
    assert Nameless() != Diagonal()
    assert Diagonal() != Nameless()
    assert Nameless() == Nameless()
    assert Planar(3) == Planar(3) != Planar(4)


def test_a_class_whose_name_another_one_has_taken_since_is_not_saved():
    first, second = (type("Twin", (Diagonal,), {"name": "test-twin"}) for _ in range(2))
    with pytest.raises(ValueError, match="'test-twin' is that of another class"):
        first().checked_config()
    assert second().checked_config() == {"name": "test-twin"}
    assert first() != second()


# ---- what was given is told


class Lost(Diagonal):
    name = "test-lost"

    def __init__(self, shift=1.0):
        self.shift = shift


class LostBeside(Planar):
    name = "test-lost-beside"

    def __init__(self, flows=4, *, shift=1.0):
        super().__init__(flows)
        self.shift = shift


@dataclass(frozen=True)
class Fields(Diagonal):
    name = "test-fields"
    shift: float = 1.0


class LostAfterFields(Fields):
    name = "test-lost-after-fields"

    def __init__(self, shift=1.0, factor=1.0):
        super().__init__(shift)
        object.__setattr__(self, "factor", factor)


@dataclass(eq=False)
class FieldsBesideConfig(Planar):
    name = "test-fields-beside-config"
    flows: int = 4
    shift: float = 1.0


@pytest.mark.parametrize(
    ("lossy", "names"),
    [
        (Lost(5.0), "shift"),
        (LostBeside(shift=5.0), "flows, shift"),
        (LostAfterFields(2.0, 3.0), "shift, factor"),
        (FieldsBesideConfig(4, 5.0), "flows, shift"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arguments_that_no_config_tells_are_not_lost_but_an_error(lossy, names, tmp_path):
    cls = type(lossy).__name__
    message = rf"the posterior {cls} cannot be saved: \w+.__init__ takes {names}, and no config\(\) of {cls} tells them"
    with pytest.raises(ValueError, match=message):
        model(posterior=lossy, backend="numpy").save(tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()
    assert lossy != type(lossy)()
    assert lossy == lossy


class Told(Planar):
    name = "test-told"

    def __init__(self, flows=4, *, shift=1.0):
        super().__init__(flows)
        self.shift = shift

    def config(self):
        return super().config() | {"shift": self.shift}


class PassedOn(Told):
    name = "test-passed-on"

    def __init__(self, *values, **named):
        super().__init__(*values, **named)
        self.calls = 0


class NoArguments(Diagonal):
    name = "test-no-arguments"

    def __init__(self):
        self.count = 3


@pytest.mark.parametrize(
    "told", [Fields(5.0), Told(3, shift=5.0), PassedOn(3, shift=5.0), NoArguments()], ids=lambda v: type(v).__name__
)
def test_what_is_told_comes_back(told, tmp_path):
    vae = model(posterior=told, backend="numpy")
    vae.save(tmp_path / "model.npz")
    again = vae_np.load(tmp_path / "model.npz", backend="numpy").posterior
    assert again == told
    assert vars(again) == vars(told)


class Wrong(Diagonal):
    name = "test-wrong-config"

    def __init__(self, a=None, given=None):
        self.a, self.given = a, given

    def config(self):
        return self.given


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"name": "test-wrong-config", "a": np.ones(2)}, TypeError, "must be JSON-able: .*ndarray"),
        ({"name": "test-wrong-config", "b": 1}, ValueError, "does not make it again: .* does not take 'b'"),
        ({"a": 1}, TypeError, "must be a dict with its name 'test-wrong-config'; got"),
        ({"name": "diagonal"}, TypeError, "must be a dict with its name 'test-wrong-config'; got"),
        (None, TypeError, "must be a dict with its name"),
        ({"name": "test-wrong-config", "a": 1}, ValueError, "is .*, and of the one that this makes null"),
    ],
    ids=str,
)
def test_a_config_that_does_not_make_the_object_again_is_an_error_that_names_the_class(config, error, message):
    with pytest.raises(error, match=rf"config\(\) of the posterior Wrong {message}"):
        Wrong(given=config).checked_config()


@pytest.mark.parametrize("name", [7, "", "a:b", None, ["planar"]], ids=str)
def test_a_name_is_a_word(name):
    with pytest.raises(TypeError, match="the name of Mine must be a word without a colon; got"):
        type("Mine", (Diagonal,), {"name": name})


# ---- what was chosen, and what its own class says of it


class Needs(Diagonal):
    name = "test-needs"

    def __init__(self, width, *, depth=1):
        if depth < 0:
            raise TypeError("inner problem")
        self.width, self.depth = width, depth

    def config(self):
        return {"name": self.name, "width": self.width, "depth": self.depth}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("planar:flows=2.5", TypeError, "flows must be an integer; got 2.5"),
        ("planar:flows=1_0", TypeError, "flows must be an integer; got '1_0'"),
        ("planar:flows=\u0663", TypeError, "flows must be an integer; got '\u0663'"),
        ("planar:flows=3,flow=2", ValueError, "^the planar posterior does not take 'flow'$"),
        ("planar:self=3", ValueError, "^the planar posterior does not take 'self'$"),
        ({"name": "planar", 3: 4}, ValueError, "^the planar posterior does not take 3$"),
        ("diagonal:flows=2", ValueError, "the diagonal posterior does not take 'flows'"),
        ("test-needs", ValueError, "the test-needs posterior needs width"),
        ("test-needs:width=1,depth=-1", TypeError, "^inner problem$"),
        ({"name": ["planar"]}, ValueError, r"posterior must be one of .*; got \['planar'\]"),
        ({"name": None}, ValueError, "posterior must be one of .*; got None"),
    ],
    ids=str,
)
def test_only_what_is_unknown_is_called_so_and_a_class_s_own_errors_come_through(given, error, message):
    with pytest.raises(error, match=message):
        chosen(Posterior, given)


def test_a_number_is_written_as_one_writes_numbers():
    assert parse("x:a=-3,b=+.5,c=2e-3,d=1_000,e=inf,f=1.2.3") == {
        "name": "x", "a": -3, "b": 0.5, "c": 2e-3, "d": "1_000", "e": float("inf"), "f": "1.2.3"
    }  # fmt: skip
    assert chosen(Posterior, "test-needs:width=2") == Needs(2)
    assert Mixture(3) != Planar(3)
