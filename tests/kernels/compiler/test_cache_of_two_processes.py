"""Two processes that compile one function for two types at the same time: neither is ever given the other's code."""

from __future__ import annotations

import itertools

import pytest
from numba.core.caching import IndexDataCacheFile

from vae_np.kernels.compiler import cache
from vae_np.kernels.compiler.decorators import COMPILED, kernel

STEPS = ["_load_index", "_save_index", "_save_data"]
ORDERS = [(step, after) for step in STEPS for after in (False, True)]


def two(kind, folder):
    """The indices of two processes, on one folder."""
    return [kind(str(folder), "f-1.py311", "stamp") for _ in range(2)]


def interleave(kind, folder, step, after, stale):
    """The first saves its code, and at that point of it the second saves its own, having read the index before if
    stale; what a third finds then."""
    first, second = two(kind, folder)
    found = second._load_index()
    if stale:
        second._load_index = lambda: dict(found)
    original, done = getattr(first, step), []

    def interrupted(*args):
        if after:
            result = original(*args)
        if not done:
            done.append(True)
            second.save("double", "code of double")
        return result if after else original(*args)

    setattr(first, step, interrupted)
    first.save("single", "code of single")
    third = kind(str(folder), "f-1.py311", "stamp")
    return {key: third.load(key) for key in ("single", "double")}


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize(("step", "after"), ORDERS)
def test_whoever_comes_in_between_each_finds_its_own_code_or_none(step, after, stale, tmp_path):
    for key, code in interleave(cache.NamedByKey, tmp_path, step, after, stale).items():
        assert code in (None, f"code of {key}")


def test_numbas_own_index_gives_the_others_code(tmp_path):
    """If this fails Numba has mended it, and `NamedByKey` may go."""
    wrong = 0
    for number, ((step, after), stale) in enumerate(itertools.product(ORDERS, (False, True))):
        (tmp_path / str(number)).mkdir()
        found = interleave(IndexDataCacheFile, tmp_path / str(number), step, after, stale)
        wrong += any(code not in (None, f"code of {key}") for key, code in found.items())
    assert wrong > 0


def test_what_was_kept_is_found_and_what_is_of_an_older_source_goes(tmp_path):
    first, second = two(cache.NamedByKey, tmp_path)
    first.save("single", 1)
    first.save("double", 2)
    assert [second.load(key) for key in ("single", "double", "half")] == [1, 2, None]
    first.save("single", 3)
    assert second.load("single") == 3
    assert len(list(tmp_path.glob("*.nbc"))) == 2
    newer = cache.NamedByKey(str(tmp_path), "f-1.py311", "another stamp")
    assert newer.load("single") is None
    newer.save("single", 4)
    assert newer.load("single") == 4
    assert len(list(tmp_path.glob("*.nbc"))) == 1
    assert second.load("single") is None


def test_code_of_an_older_source_that_is_killed_halfway_takes_nobodys_place(tmp_path):
    older, newer = (cache.NamedByKey(str(tmp_path), "f-1.py311", stamp) for stamp in ("older", "newer"))
    newer.save("single", "code of the newer")

    def killed(overloads):
        raise KeyboardInterrupt

    older._save_index = killed
    with pytest.raises(KeyboardInterrupt):
        older.save("single", "code of the older")
    assert newer.load("single") == "code of the newer"


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x80\x04\x95\xff\xff\xff\x7f" + b"x" * 40])
@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
def test_what_cannot_be_read_is_compiled_again(tmp_path, pattern, rubbish):
    first, second = two(cache.NamedByKey, tmp_path)
    first.save("single", "code of single")
    (file,) = tmp_path.glob(pattern)
    file.write_bytes(rubbish)
    assert second.load("single") is None
    second.save("single", "code of single")
    assert first.load("single") == "code of single"


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_kernels_have_such_an_index():
    compiled = kernel(lambda x: x)
    assert type(compiled._cache._cache_file) is cache.NamedByKey
