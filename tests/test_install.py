"""That the package is found wherever Python starts, as it is installed here."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("called", ["-c", "script"])
def test_the_folder_that_holds_the_clone_does_not_hide_the_package(called, tmp_path):
    """A clone is a folder vae_np without an __init__.py: in Python's eyes a package without a single name."""
    try:
        (tmp_path / "vae_np").symlink_to(CHECKOUT, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    code = "import vae_np; print('VAE' in vae_np.__all__, vae_np.__file__)"
    (tmp_path / "script.py").write_text(code)
    words = ["-c", code] if called == "-c" else ["script.py"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True ")
    assert Path(done.stdout.split(maxsplit=1)[1].strip()).name == "__init__.py"


def test_an_editable_install_is_a_line_of_the_path():
    """With `package_dir` setuptools writes the clone into a .pth file; without, a finder that is asked after the folder
    in which Python starts, and never if that holds the clone."""
    config = configparser.ConfigParser()
    config.read(CHECKOUT / "setup.cfg", "utf-8")
    assert config["options"]["package_dir"].strip() == "= ."
