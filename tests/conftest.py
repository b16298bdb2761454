"""What all tests share. (setup.cfg puts this folder on the path, so that oracles, ulp, models, ... can be imported.)"""

from __future__ import annotations

import os

from hypothesis import settings

# the same examples on every machine and at every run: a failure in CI is a failure at the desk
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
