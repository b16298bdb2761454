"""The machine's facts: when its threads are quiet."""

from __future__ import annotations

import pytest

from vae_np.support import machine


class Clocks:
    """The time, and that of a process whose threads spin until a moment."""

    def __init__(self, until):
        self.now, self.until = 0.0, until

    def perf_counter(self):
        return self.now

    def process_time(self):
        return min(self.now, self.until)

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(
    ("until", "most", "waited"), [(0.0, 0.5, 0.01), (0.112, 0.5, 0.13), (9.0, 0.5, 0.5), (9.0, 0.002, 0.002)]
)
def test_what_is_timed_next_waits_until_threads_have_stopped_spinning(until, most, waited, monkeypatch):
    monkeypatch.setattr(machine, "time", clocks := Clocks(until))
    machine.until_quiet(most)
    assert clocks.now == pytest.approx(waited)
