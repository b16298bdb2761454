"""What all tests share. (setup.cfg puts this folder on the path, so that oracles, ulp, models, ... can be imported.)"""

from __future__ import annotations

import os

from hypothesis import settings

# the same examples on every machine and at every run: a failure in CI is a failure at the desk
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_configure(config):
    """--hypothesis-seed asks for other examples, of which a profile that repeats its own takes no notice."""
    if config.getoption("hypothesis_seed", None) is not None:
        settings.load_profile("explore")
