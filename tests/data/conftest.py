"""A writer of IDX files that shares nothing with the reader, and a folder that looks like MNIST."""

import gzip
import itertools
import struct

import pytest

# type code, struct's letter
CODES = {
    "u1": (0x08, "B"),
    "i1": (0x09, "b"),
    "i2": (0x0B, "h"),
    "i4": (0x0C, "i"),
    "f4": (0x0D, "f"),
    "f8": (0x0E, "d"),
}


def idx_bytes(kind, shape, values):
    code, letter = CODES[kind]
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return header + struct.pack(f">{len(values)}{letter}", *values)


@pytest.fixture(scope="session")
def make_idx():
    """make_idx(kind, shape, values) -> the bytes of an IDX file."""
    return idx_bytes


@pytest.fixture(scope="session")
def small_mnist():
    """The four files of a tiny MNIST, unpacked, by their standard names: 5 and 3 images of 2x3 pixels."""
    pixels = itertools.cycle([0, 51, 255, 102, 1, 204, 17])
    files = {}
    for prefix, n in (("train", 5), ("t10k", 3)):
        images = [next(pixels) for _ in range(n * 6)]
        files[f"{prefix}-images-idx3-ubyte"] = idx_bytes("u1", (n, 2, 3), images)
        files[f"{prefix}-labels-idx1-ubyte"] = idx_bytes("u1", (n,), range(n))
    return files


@pytest.fixture
def mnist_folder(tmp_path, small_mnist):
    folder = tmp_path / "little"
    folder.mkdir()
    for name, content in small_mnist.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder
