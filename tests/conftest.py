"""What all tests share. (setup.cfg puts this folder on the path, so that oracles, ulp, models, ... can be imported.)"""

from __future__ import annotations

import os
import signal

import distribution
import lengthy
import pytest
from hypothesis import settings

# the same examples on every machine and at every run: a failure in CI is a failure at the desk
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
# the JIT off, kernels are slow, and have had all examples with it on
settings.register_profile("short", settings.get_profile("repeatable"), max_examples=25)
settings.register_profile("explore", deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_configure(config):
    """--hypothesis-seed asks for other examples, of which a profile that repeats its own takes no notice."""
    if config.getoption("hypothesis_seed", None) is not None:
        settings.load_profile("explore")


def pytest_itemcollected(item):
    """The mark ``slow`` of what `lengthy` lists."""
    if lengthy.is_lengthy(item.nodeid):
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(config, items):
    """What one of several workers runs is in the order of `distribution`."""
    if hasattr(config, "workerinput"):
        items[:] = distribution.in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """`distribution`, unless --dist asks for another."""
    return distribution.scheduler(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture
def default_signals():
    """The system's defaults for what ends a run: under nohup, or in a shell's background, some are ignored."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_addoption(parser):
    parser.addoption(
        "--threads", type=int, metavar="N", help="so many threads for every engine that is not told how many"
    )


@pytest.fixture(scope="session", autouse=True)
def as_many_threads_as_asked_for(request):
    """--threads stands for the machine's cores and for the work that is worth them."""
    threads = request.config.getoption("--threads")
    if threads is None:
        yield
        return
    from vae_np.kernels.step import engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "default_threads", lambda cores, n_parameters, rows: threads)
        yield
