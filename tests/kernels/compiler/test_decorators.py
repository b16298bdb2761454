"""How kernels are compiled and cached, in processes of their own."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS

import vae_np
from vae_np.kernels.compiler.decorators import COMPILED, kernel, scalar

needs_compiler = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")

READ_ONLY = """
import numba.core.caching as caching
def refuse(self):
    raise OSError("read-only")
for locator in vars(caching).values():
    if isinstance(locator, type) and hasattr(locator, "ensure_cache_path"):
        locator.ensure_cache_path = refuse
import warnings
warnings.filterwarnings("ignore", "compiled code cannot be kept")  # tests/kernels/compiler/test_unwritable_cache.py
"""
EVALUATE = """
import sys
import numpy as np
sys.path.insert(0, ".")
from loop import exp_of
out = np.ones(3)
exp_of(out)
print(out[0])
"""
LOOP = """
from vae_np.kernels.math.elementary import exp
from vae_np.kernels.compiler.decorators import kernel

@kernel
def exp_of(x):
    for i in range(x.size):
        x[i] = exp(x[i])
"""


def without_caches() -> dict[str, str]:
    """The environment, but for what names a cache."""
    return {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "VAE_NP_CACHE")}


def run(code: str, folder: Path) -> float:
    """The number that a fresh interpreter prints, with warnings as errors."""
    environment = without_caches() | {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(folder)}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert result.returncode == 0, result.stderr
    return float(result.stdout)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the compiled mathematics, without a cache, and a kernel in a file of its own."""
    source = Path(vae_np.__file__).parent
    needed = ["support/files.py", *(f"kernels/compiler/{name}.py" for name in ("cache", "decorators", "intrinsics"))]
    needed += [str(path.relative_to(source)) for path in sorted((source / "kernels" / "math").glob("*.py"))]
    for name in needed:
        copy = tmp_path / "vae_np" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, copy)
        for folder in (copy.parent, *copy.parent.relative_to(tmp_path).parents):
            (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


@pytest.mark.slow
@needs_compiler
def test_kernels_work_where_no_cache_can_be_written(copied):
    assert run(READ_ONLY + EVALUATE, copied) == pytest.approx(math.e, rel=1e-15)
    assert not list(copied.rglob("*.nbi"))


@pytest.mark.slow
@needs_compiler
def test_a_cached_kernel_notices_a_change_in_what_is_compiled_into_it(copied):
    assert run(EVALUATE, copied) == pytest.approx(math.e, rel=1e-15)
    assert list(copied.rglob("loop.exp_of*.nbi"))
    mathematics = copied / "vae_np" / "kernels" / "math" / "scheme.py"
    text = mathematics.read_text()
    changed = text.replace("return _scale(_ONE + _exp_less_one(r), t)", "return -_ONE")
    assert changed != text
    mathematics.write_text(changed)
    assert run(EVALUATE, copied) == -1


def test_a_kernel_overflows_in_silence():
    @kernel
    def square(x):
        for i in range(x.size):
            x[i] = x[i] * x[i] / (x[i] - x[i])

    x = np.array([1e300, -1e300])
    square(x)
    assert np.isinf(x).all()


def test_scalars_are_not_reassociated_inside_a_kernel():
    magic = 1.5 * 2.0**52

    @scalar
    def rounded(t):
        return (t + magic) - magic

    @kernel
    def round_all(x):
        for i in range(x.size):
            x[i] = rounded(x[i])

    x = np.linspace(-3, 3, 60)
    expected = np.rint(x)
    round_all(x)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.slow
@needs_compiler
def test_compiled_code_stays_outside_the_package(tmp_path):
    # a kernel and a stage, the two kinds of what is cached
    code = "import numpy as np; from vae_np.kernels.loops import adam; from vae_np.kernels.step import addresses; "
    code += "adam.sum_of_squares(np.ones(3), 0, 3); addresses._address('decide', np.float64, None)"
    folder = Path(vae_np.__file__).parent / "kernels" / "__pycache__"
    before = {file.name for file in folder.glob("*.nb?")}
    environment = without_caches() | {"XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    for cached in ("adam.sum_of_squares*.nbc", "forward.decide*.nbc"):
        assert list((tmp_path / "vae-np" / "numba").rglob(cached)), cached
    assert {file.name for file in folder.glob("*.nb?")} == before
