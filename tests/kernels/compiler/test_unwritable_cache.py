"""A cache that cannot be written is told in one line, with the reason and what to set."""

from __future__ import annotations

import errno
import os
import warnings

import pytest

from vae_np.kernels.compiler import cache, decorators

pytestmark = pytest.mark.skipif(not decorators.COMPILED, reason="nothing is compiled")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Numba finds no folder, as where home and package belong to others; ours is below a file."""
    from numba.core import caching

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("VAE_NP_CACHE", str(tmp_path / "file" / "cache"))
    cache.tell_uncached.cache_clear()
    yield tmp_path
    cache.tell_uncached.cache_clear()


def one(x):
    return x + 1


def another(x):
    return x + 2


def test_the_first_kernel_that_cannot_be_kept_says_why_and_what_to_set(nowhere):
    with pytest.warns(UserWarning, match=r"^compiled code cannot be kept \(.*Not a directory\)") as caught:
        first, second = decorators.kernel(one), decorators.kernel(one)
    assert (first(1.0), second(2.0)) == (2.0, 3.0)
    (warning,) = caught
    text = str(warning.message)
    assert f"({nowhere / 'file' / 'cache' / 'numba'} (Not a directory))" in text
    assert text.endswith("set NUMBA_CACHE_DIR or VAE_NP_CACHE to a folder that can be written")
    assert "\n" not in text


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "VAE_NP_CACHE"])
def test_the_folder_that_is_named_is_the_one_that_is_told(nowhere, monkeypatch, variable):
    monkeypatch.setenv(variable, str(nowhere / "file" / "mine"))
    with pytest.warns(UserWarning, match=f"{nowhere / 'file' / 'mine'}.*Not a directory"):
        decorators.kernel(one)
    cache.tell_uncached.cache_clear()
    monkeypatch.setenv(variable, str(nowhere / "there"))
    with pytest.warns(UserWarning, match="Numba finds no folder to write to, nor uses "):
        decorators.kernel(one)


def test_where_code_is_kept_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decorators.kernel(one)(1.0) == 2.0


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "VAE_NP_CACHE"])
def test_a_named_folder_that_cannot_be_written_is_told_with_the_one_that_is_used(variable, monkeypatch, tmp_path):
    """Numba went on beside the package's source, first without a word; that is in no folder that pip empties."""
    from numba.core import config

    (tmp_path / "file").write_text("")
    bad = tmp_path / "file" / "cache"
    monkeypatch.setattr(config, "CACHE_DIR", str(bad) if variable == "NUMBA_CACHE_DIR" else "")
    monkeypatch.setenv("VAE_NP_CACHE", str(bad if variable == "VAE_NP_CACHE" else tmp_path / "ours"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "usual"))
    first, second = decorators.kernel(one), decorators.kernel(another)
    with pytest.warns(UserWarning, match=r"^compiled code cannot be kept in ") as caught:
        assert (first(1.0), second(2.0)) == (2.0, 4.0)
    (warning,) = caught
    named = bad if variable == "NUMBA_CACHE_DIR" else bad / "numba"
    used = (tmp_path / "ours" if variable == "NUMBA_CACHE_DIR" else tmp_path / "usual" / "vae-np") / "numba"
    assert str(warning.message).endswith(f"in {named} (Not a directory): it is kept in {used}")
    assert first._cache.cache_path.startswith(str(used))


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "VAE_NP_CACHE"])
def test_a_folder_that_can_only_be_read_is_read(variable, monkeypatch, tmp_path):
    """As one in a container's image: every user of it compiled anew."""
    from numba.core import config

    image, named = tmp_path / "image", tmp_path / "image" / ("" if variable == "NUMBA_CACHE_DIR" else "numba")
    monkeypatch.setattr(config, "CACHE_DIR", str(named) if variable == "NUMBA_CACHE_DIR" else "")
    monkeypatch.setenv("VAE_NP_CACHE", str(image if variable == "VAE_NP_CACHE" else tmp_path / "ours"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "usual"))
    assert decorators.kernel(one)(1.0) == 2.0
    there = {file: file.read_bytes() for file in image.rglob("*.nb?")}
    assert len(there) == 2
    writable = cache._fault
    monkeypatch.setattr(
        cache, "_fault", lambda folder: f"{folder} (read-only)" * (folder == str(named)) or writable(folder)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decorators.kernel(one)
        assert found(1.0) == 2.0
    assert dict(found.stats.cache_misses) == {}
    with pytest.warns(UserWarning, match=rf"^compiled code cannot be kept in {named} \(read-only\): it is kept in "):
        assert found(1) == 2  # of another type, which is not there
    assert {file: file.read_bytes() for file in image.rglob("*.nb?")} == there
    again = decorators.kernel(one)
    assert (again(1), dict(again.stats.cache_misses)) == (2, {})  # from the folder that was used instead


@pytest.mark.parametrize("full", ["_save_data", "_save_index"])
def test_a_folder_that_fills_up_stops_nothing_and_is_told_once(full, monkeypatch, tmp_path):
    """Every start ended with "No space left on device", and nothing was trained."""
    from numba.core import config

    def no_space(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache.NamedByKey, full, no_space)
    with pytest.warns(UserWarning, match=r"^compiled code cannot be kept \(") as caught:
        assert [decorators.kernel(one)(1.0), decorators.kernel(another)(2.0)] == [2.0, 4.0]
    (warning,) = caught
    assert f"({tmp_path}: No space left on device)" in str(warning.message)
    monkeypatch.undo()
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    again = decorators.kernel(one)
    assert again(1.0) == 2.0
    assert list(again.stats.cache_misses.values()) == [1]  # of what was half kept nothing is taken
    assert list(tmp_path.rglob("*.tmp.*")) == []
