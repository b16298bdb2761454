"""IDX files against a writer made of struct alone."""

import gzip
import math
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.data.idx import read_idx

RANGES = {
    "u1": st.integers(0, 2**8 - 1),
    "i1": st.integers(-(2**7), 2**7 - 1),
    "i2": st.integers(-(2**15), 2**15 - 1),
    "i4": st.integers(-(2**31), 2**31 - 1),
    "f4": st.floats(width=32),
    "f8": st.floats(),
}


@st.composite
def idx_contents(draw):
    kind = draw(st.sampled_from(sorted(RANGES)))
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    size = math.prod(shape)
    return kind, shape, draw(st.lists(RANGES[kind], min_size=size, max_size=size))


@given(idx_contents(), st.booleans())
def test_what_is_written_is_read_back(make_idx, tmp_path_factory, content, packed):
    kind, shape, values = content
    path = tmp_path_factory.getbasetemp() / "round-trip.idx"
    data = make_idx(kind, shape, values)
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    array = read_idx(path)
    assert array.dtype == np.dtype(kind)  # in the machine's byte order
    assert array.shape == shape
    # repr, so that NaN equals itself and -0.0 differs from 0.0
    assert repr(array.ravel().tolist()) == repr(values)


GOOD = struct.pack(">4B2I", 0, 0, 8, 2, 2, 3) + bytes(range(6))
PACKED = gzip.compress(GOOD)

MALFORMED = {
    "empty": (b"", "byte 0: the file ends within the 4-byte"),
    "within the magic": (GOOD[:3], "byte 3: the file ends within the 4-byte"),
    "bad magic": (b"PK" + GOOD[2:], "byte 0: .* starts with 00 00; this one with 50 4b"),
    "unknown type": (b"\0\0\x0a" + GOOD[3:], "byte 2: type code 0a is none of 08, 09"),
    "no dimension": (b"\0\0\x08\0" + GOOD[4:], "byte 3: 0 dimensions"),
    "255 dimensions": (b"\0\0\x08\xff" + bytes(4 * 255), "byte 3: 255 dimensions"),
    "within the sizes": (GOOD[:9], "byte 9: the file ends within the 2 sizes"),
    "one byte short": (GOOD[:-1], r"byte 17: .*shape \(2, 3\) .* needs 6 bytes .*; it has 5"),
    "one byte long": (GOOD + b"x", "byte 18: the file goes on after its end"),
    "absurd size": (GOOD[:4] + b"\xff" * 8 + GOOD[12:], r"byte 18: .*4294967295, 4294967295.* it has 6"),
    "empty but absurd": (b"\0\0\x08\x04" + b"\xff" * 12 + bytes(4), "byte 4: shape .* is too large"),
    "packed and cut": (PACKED[:-9], "byte [0-9]+: the gzip data is damaged"),
    "packed, wrong CRC": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "byte 18: the gzip data is damaged"),
    "packed, garbage inside": (PACKED[:12] + b"\xff" + PACKED[13:], "byte 0: the gzip data is damaged"),
    "packed, garbage behind": (PACKED + b"garbage", "byte 18: the gzip data is damaged"),
    "packed, one byte short": (gzip.compress(GOOD[:-1]), "byte 17: the file ends early"),
    "packed, one byte long": (gzip.compress(GOOD + b"x"), "byte 18: the file goes on"),
    "packed, absurd size": (gzip.compress(GOOD[:4] + b"\xff" * 8), "byte 12: the file ends early"),
}


def test_the_file_that_the_malformed_ones_derive_from_is_sound(tmp_path):
    for content in (GOOD, PACKED):
        (tmp_path / "good.idx").write_bytes(content)
        np.testing.assert_array_equal(read_idx(tmp_path / "good.idx"), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_with_its_name_and_the_byte(tmp_path, case):
    content, fact = MALFORMED[case]
    path = tmp_path / "bad-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path}: {fact}") as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_an_absurd_header_costs_no_memory(tmp_path, pack):
    path = tmp_path / "absurd.idx"
    path.write_bytes(pack(struct.pack(">4B2I", 0, 0, 0x0E, 2, 2**31, 2**31) + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="ends early"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255), st.booleans())
def test_a_changed_byte_is_read_or_refused_but_never_another_error(tmp_path_factory, place, change, packed):
    content = bytearray(PACKED if packed else GOOD)
    content[place % len(content)] ^= change
    path = tmp_path_factory.getbasetemp() / "changed.idx"
    path.write_bytes(content)
    refusal = None
    try:
        read_idx(path)
    except ValueError as error:
        refusal = str(error)
    assert refusal is None or refusal.startswith(f"{path}: byte ")


def test_a_missing_file_stays_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent-idx3-ubyte")
