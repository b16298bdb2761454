"""vae-np tune: what it looks over, what it proposes, and that nothing is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from vae_np.cli import search_space, trials
from vae_np.cli.search_space import Choice, Range
from vae_np.cli.trials import Book


def test_values_fix_or_choose_and_two_points_make_a_range():
    words = [["latent", "2", "5"], ["--hidden", "400,200"], ["learning-rate", "1e-4..1e-2"], ["epochs", "5..9"]]
    assert search_space.parse(words) == {
        "latent": Choice(("2", "5")),
        "hidden": Choice(("400,200",)),
        "learning-rate": Range(1e-4, 1e-2, whole=False, log=True),
        "epochs": Range(5, 9, whole=True, log=False),
    }
    words = [["beta", "0..1"], ["learning-rate", "1..20"], ["patience", "5..9"]]
    assert list(search_space.parse(words).values()) == [
        Range(0, 1, whole=False, log=False),  # beta takes 0.5, whatever the ends are
        Range(1, 20, whole=False, log=True),
        Range(5, 9, whole=True, log=False),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["width", "2"], "--over width: no option of train that can be looked over; there are activation, amsgrad,"),
        (["out", "a"], "--over out: no option of train that can be looked over"),
        (["data", "a.csv", "b.csv"], "--over data: no option"),
        (["amsgrad", "yes"], "--over amsgrad: it takes no value"),
        (["latent"], "--over latent needs values, or a range: --over latent A B C, --over latent A..B"),
        (["latent", "two"], "--over latent: .*invalid int value: 'two'"),
        (["latent", "2", "5", "2"], "--over latent: 2 is there twice"),
        (["latent", "5..2"], "--over latent: a range A..B has A below B; got 5..2"),
        (["latent", "1..2.5"], "--over latent: .*invalid int value: '2.5'"),
        (["learning-rate", "a..2"], "--over learning-rate: a range A..B is of two numbers; got 'a'"),
        (["learning-rate", "0.1..inf"], "a range A..B is of two numbers; got 'inf'"),
        (["latent", "-1..2"], "--over latent: whole numbers from 0 on are needed; got -1..2"),
    ],
)
def test_what_cannot_be_looked_over_is_told(words, message):
    with pytest.raises(ValueError, match=message):
        search_space.parse([words])


class Fake:
    """A run without a process: what its options come to, at once."""

    made: list[tuple[list[str], dict[str, str]]]
    wrong: frozenset[str] = frozenset()

    def __init__(self, folder, options, words):
        self.folder, self.options, self.begun, self.ends = folder, options, 0.0, 0
        type(self).made.append((list(words), dict(options)))
        failed = bool(self.wrong & set(options.values()))
        self.process = type("Process", (), {"returncode": 2 if failed else 0})()
        folder.mkdir(exist_ok=True)
        value = -((float(options["latent"]) - 5) ** 2) - 10 * float(options.get("beta", 0))
        result = {"validation_elbo": value, "test_elbo": value - 1, "active_units": 3}
        (folder / "result.json").write_text(json.dumps(result))

    def is_over(self):
        return True

    def error(self):
        return "no such thing"

    def interrupt(self):
        self.ends += 1

    end = close = interrupt


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(Fake, "made", [], raising=False)
    monkeypatch.setattr(Fake, "wrong", frozenset())
    monkeypatch.setattr(trials, "_Run", Fake)
    monkeypatch.setattr(trials, "POLL", 0.0)
    return Fake


GRID = ["tune", "--data", "data.csv", "--method", "grid", "--over", "latent", "2", "5", "9", "--over", "epochs", "3"]


def test_a_grid_runs_every_combination_and_names_the_best(vae_np, fake, here):
    done = vae_np(*GRID, "--out", "search", "--over", "beta", "0", "1", "--seed", "4", "--scale", "2", "--jobs", "2")
    assert done.code == 0
    assert [options for _, options in fake.made] == [
        {"latent": latent, "epochs": "3", "beta": beta} for latent in "259" for beta in "01"
    ]
    assert all(words == ["--data=data.csv", "--scale=2.0", "--seed=4"] for words, _ in fake.made)
    lines = done.out.splitlines()
    assert lines[0].split() == [
        "trial",
        "latent",
        "epochs",
        "beta",
        "validation",
        "ELBO",
        "test",
        "ELBO",
        "KL",
        "active",
        "seconds",
    ]
    assert lines[1].split()[:5] == ["2", "5", "3", "0", "-0.0000"]
    assert lines[-2:] == ["best: search/trial-002", "next: vae-np evaluate search/trial-002 --samples 500"]
    assert done.err.count("\n") == 6
    table = (here / "search" / "trials.csv").read_text().splitlines()
    assert table[0] == "trial,state,latent,epochs,beta,validation_elbo,test_elbo,active_units,seconds,error"
    assert len(table) == 7


def test_fewer_trials_than_combinations_are_drawn_by_the_seed(vae_np, fake):
    chosen = []
    for out, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        fake.made.clear()
        wide = ["--over", "beta", *map(str, range(8))]
        assert vae_np(*GRID, *wide, "--trials", "5", "--out", out, "--seed", seed).code == 0
        chosen.append([options for _, options in fake.made])
    assert len(chosen[0]) == 5
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_search_goes_on_with_what_was_begun_and_nothing_is_run_twice(vae_np, fake, here):
    assert vae_np(*GRID, "--out", "search", "--trials", "2").code == 0
    book = json.loads((here / "search" / "trials.json").read_text())
    assert [trial["state"] for trial in book["trials"]] == ["done", "done"]
    book["trials"][1] |= {"state": "running", "value": None}  # as kill -9 leaves it
    (here / "search" / "trial-001" / "result.json").unlink()
    (here / "search" / "trials.json").write_text(json.dumps(book))
    begun = book["trials"][1]["options"]
    fake.made.clear()
    assert vae_np("tune", "--resume", "--out", "search", "--trials", "3").code == 0
    assert fake.made[0][1] == begun
    assert len(fake.made) == 2
    found = Book.read(here / "search").trials
    assert [trial.state for trial in found] == ["done"] * 3
    assert {trial.options["latent"] for trial in found} == {"2", "5", "9"}


def test_options_that_were_run_have_the_value_that_they_had(fake, tmp_path):
    proposed = iter([{"latent": "2"}, {"latent": "5"}, {"latent": "2"}])
    book, told = Book(tmp_path, {}), []
    trials.run_all(book, lambda: next(proposed, None), [], 1, told.append)
    assert [options for _, options in fake.made] == [{"latent": "2"}, {"latent": "5"}]
    assert [(trial.state, trial.value) for trial in told] == [("done", -9.0), ("done", 0.0), ("same", -9.0)]
    assert [trial.number for trial in book.done()] == [1, 0]


def test_a_run_that_fails_is_told_and_the_search_goes_on(vae_np, fake, monkeypatch):
    monkeypatch.setattr(Fake, "wrong", frozenset({"5"}))
    done = vae_np(*GRID, "--out", "search")
    assert done.code == 0
    assert "trial 1 failed: exit 2: no such thing" in done.out
    assert "best: search/trial-000" in done.out
    monkeypatch.setattr(Fake, "wrong", frozenset("259"))
    done = vae_np(*GRID, "--out", "none")
    assert (done.code, done.err.splitlines()[-1]) == (
        2, "vae-np: error: no run came to an end: exit 2: no such thing",
    )  # fmt: skip


def test_the_result_is_one_json_object(vae_np, fake):
    found = vae_np(*GRID, "--out", "search", "--json").json
    assert found["best"]["options"] == {"latent": "5", "epochs": "3"}
    assert found["best"]["folder"] == "search/trial-001"
    assert [trial["validation_elbo"] for trial in found["trials"]] == [-9.0, 0.0, -16.0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*GRID, "--out", "search", "--trials", "0"], "--trials must be at least 1; got 0"),
        ([*GRID, "--out", "held"], "held holds a search already; continue it with --resume or choose another --out"),
        (["tune", "--resume", "--out", "none"], "none: has no trials.json to resume; without --resume it begins there"),
        (
            ["tune", "--resume", "--out", "held", "--method", "bayes"],
            "held/trials.json: it has another --method;",
        ),
        (["tune", "--resume", "--out", "broken"], "broken/trials.json: is no book of trials: "),
        (["tune", "--method", "grid", "--out", "x", "--over", "beta", "1..2"], "a grid takes values, and no range"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_makes_nothing(words, message, vae_np, fake, here):
    assert vae_np(*GRID, "--out", "held").code == 0
    (here / "broken").mkdir()
    (here / "broken" / "trials.json").write_text("{}")
    fake.made.clear()
    done = vae_np(*words)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not fake.made


def test_without_optuna_the_grid_is_named(vae_np, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = vae_np("tune", "--data", "data.csv", "--out", "search")
    assert done.code == 2
    assert "--method bayes needs Optuna: pip install 'vae-np[tune]', or --method grid" in done.err


@pytest.mark.slow
def test_runs_are_processes_of_train_whose_folders_evaluate_takes(vae_np, here):
    fixed = ["--over", "hidden", "5", "--over", "backend", "numpy", "--over", "epochs", "2"]
    words = ["tune", "--data", "data.csv", "--method", "grid", "--over", "latent", "1", "2", *fixed]
    done = vae_np(*words, "--out", "search", "--jobs", "2")
    assert done.code == 0, done.err
    assert (here / "search" / "trials.png").stat().st_size > 1000
    folder = done.out.splitlines()[-2].removeprefix("best: ")
    assert vae_np("evaluate", folder).code == 0
    config = json.loads((here / folder / "config.json").read_text())["arguments"]
    assert (config["epochs"], config["hidden"], config["backend"]) == (2, [5], "numpy")


@pytest.mark.slow
def test_an_interrupt_saves_every_run_and_the_search_goes_on_from_there(here):
    fixed = "hidden 5, backend numpy, patience none, epochs 400, checkpoint-seconds 0"
    over = [word for option in f"latent 1 2, {fixed}".split(", ") for word in ("--over", *option.split())]
    words = [sys.executable, "-m", "vae_np", "tune", "--data", "data.csv", "--method", "grid", *over]
    words += ["--out", "search", "--jobs", "2"]
    kept = [here / "search" / f"trial-{n:03d}" / "checkpoint.npz" for n in (0, 1)]
    hears = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731 - where pytest ignores it
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=hears) as process:
        while not any(path.exists() for path in kept):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        told = process.stderr.read()
    assert told.endswith("vae-np: interrupted; continue with: vae-np tune --out search --resume\n")
    assert "running" in [trial.state for trial in Book.read(here / "search").trials]
    done = subprocess.run([*words[:4], "--resume", "--out", "search", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [trial["epochs"] for trial in json.loads(done.stdout)["trials"]] == [400, 400]
