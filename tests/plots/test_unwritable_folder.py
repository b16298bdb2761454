"""matplotlib's own lines on a folder that it cannot write are one line of ours."""

from __future__ import annotations

import os
import subprocess
import sys

from patience import HANGS


def draws(environment):
    program = (
        "import warnings, vae_np.plots.canvas as canvas; warnings.simplefilter('always'); canvas.require_matplotlib()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=HANGS, check=True)
    return [line for line in done.stderr.splitlines() if not line.startswith(" ")]


def test_a_folder_that_matplotlib_cannot_write_is_told_in_one_line_with_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    (line,) = draws({"MPLCONFIGDIR": str(tmp_path / "file" / "folder")})
    assert "UserWarning: matplotlib cannot write its folder, so that every start looks for fonts anew: set MPLC" in line
    assert str(tmp_path / "file") in line


def test_where_it_can_write_nothing_is_said(tmp_path):
    assert draws({"MPLCONFIGDIR": str(tmp_path)}) == []
