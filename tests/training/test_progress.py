"""How a run shows itself: a bar of one line on a terminal, lines in a log, nothing if silent."""

from __future__ import annotations

import io
import math
import re
import sys
import threading
import time
from collections import Counter

import pytest

from vae_np.training.history import COLUMNS
from vae_np.training.progress import COMPILING, WAITED, Bar, Lines, Silent, choose_reporter, epoch_line

ROW = {
    **dict.fromkeys(COLUMNS, 0.0),
    "epoch": 3,
    "elbo": -101.23456,
    "log_likelihood": -90.0,
    "kl": 11.23456,
    "validation_elbo": -103.5,
    "active_units": 17,
    "seconds": 1.234,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_a_line_an_epoch():
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start(10, 100, 0)
    for _ in range(10):
        lines.step(3, -100.0)
    lines.epoch(ROW)
    lines.close()
    assert stream.getvalue() == (
        "epoch 3/10  ELBO -101.235  log-likelihood -90.000  KL 11.235  validation -103.500  active 17  1.23 s\n"
    )


def test_a_line_without_validation_has_no_nan():
    assert "nan" not in epoch_line({**ROW, "validation_elbo": math.nan}, 10)


def test_a_bar_fits_eighty_columns_and_ends_full(monkeypatch):
    monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda file: (79, 24))
    stream = Terminal()
    bar = Bar(stream)
    bar.start(1000, 5000, 4990)
    for _ in range(10):
        bar.step(1000, -101.234)
        bar.epoch(ROW)
    bar.close()
    drawn = stream.getvalue().rstrip("\n").split("\r")
    assert max(map(len, drawn)) == 79
    assert drawn[1].startswith("epoch 999/1000 100%|")
    assert drawn[-1].startswith("epoch 1000/1000 100%|")
    assert drawn[-1].endswith("ELBO -101.23, validation -103.50")
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize("kind", [Lines, Bar])
def test_a_first_step_that_waits_long_is_said_to_wait_for_the_compiler(kind, monkeypatch):
    monkeypatch.setattr("vae_np.training.progress.WAITED", 0.001)
    stream = Terminal()
    reporter = kind(stream, compiling=True)
    reporter.start(10, 100, 50)
    while "compiling" not in stream.getvalue():
        time.sleep(0.001)
    reporter.step(6, -5.0)
    reporter.step(6, -5.0)
    assert reporter.first is None
    reporter.close()
    text = stream.getvalue()
    if kind is Lines:
        assert re.fullmatch(re.escape(COMPILING) + r"\nthe first step came after \d+\.\d s\n", text)
    else:
        assert ", compiled in " in text


@pytest.mark.parametrize("kind", [Lines, Bar])
@pytest.mark.parametrize("done", [50, 100])
@pytest.mark.parametrize("step", [False, True])
def test_nothing_is_said_of_a_compiler_that_took_no_time_or_where_no_step_is_taken(kind, done, step, monkeypatch):
    started = []

    class Timer(threading.Timer):
        def __init__(self, seconds, tell):
            super().__init__(seconds, tell)
            started.append((seconds, tell))

        def start(self):
            pass

    monkeypatch.setattr("vae_np.training.progress.threading.Timer", Timer)
    stream = Terminal()
    reporter = kind(stream, compiling=True)
    reporter.start(10, 100, done)
    if step:
        reporter.step(6, -5.0)
    else:
        reporter.close()
    assert len(started) == (done < 100)
    for seconds, tell in started:
        assert seconds == WAITED == 2
        tell()  # at the last moment
    reporter.close()
    assert "compil" not in stream.getvalue()


def test_a_bar_without_validation_has_no_nan():
    stream = Terminal()
    bar = Bar(stream)
    bar.start(2, 20, 0)
    bar.step(1, -5.0)
    bar.epoch({**ROW, "validation_elbo": math.nan})
    bar.close()
    assert "nan" not in stream.getvalue().lower()


def test_a_bar_that_was_never_started_can_be_closed():
    Bar(Terminal()).close()


def test_a_step_of_a_bar_calls_next_to_nothing_and_draws_nothing(monkeypatch):
    """What a step costs, in calls: seconds would be the machine's. tqdm draws when its time has come, here never."""
    pytest.importorskip("tqdm")
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)  # a thread that draws after ten seconds without
    stream, calls = Terminal(), Counter()
    bar = Bar(stream)
    bar.start(10, 100_000, 0)
    bar.bar.mininterval = math.inf
    before = stream.getvalue()
    bar.step(3, -101.234)

    def count(frame, event, argument):
        calls[event] += 1

    outside = sys.getprofile()
    sys.setprofile(count)
    try:
        for _ in range(100):
            bar.step(3, -101.234)
    finally:
        sys.setprofile(outside)
    assert stream.getvalue() == before
    assert calls["call"] <= 2 * 100  # the step and tqdm's update
    bar.close()


def test_a_run_of_no_steps_has_a_bar_too():
    bar = Bar(Terminal())
    bar.start(0, 0, 0)
    bar.close()


@pytest.mark.parametrize(
    ("terminal", "progress", "kind"),
    [
        (True, None, Bar),
        (True, True, Bar),
        (True, False, Silent),
        (False, None, Silent),
        (False, True, Lines),
        (False, False, Silent),
    ],
)
def test_the_reporter_follows_the_stream(terminal, progress, kind, monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal() if terminal else io.StringIO())
    assert type(choose_reporter(progress)) is kind


def test_without_tqdm_a_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    assert type(choose_reporter(None)) is Lines


def test_a_reporter_of_ones_own_is_used():
    mine = Silent()
    assert choose_reporter(mine) is mine


@pytest.mark.parametrize("progress", [None, True])
def test_without_a_standard_error_nothing_is_said(progress, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert type(choose_reporter(progress)) is Silent


def test_a_standard_error_that_is_no_file_gets_lines_if_asked_for(monkeypatch):
    class Writer:
        def write(self, text):
            return len(text)

    monkeypatch.setattr("sys.stderr", Writer())
    assert type(choose_reporter(None)) is Silent
    assert type(choose_reporter(True)) is Lines
