"""MNIST from a mirror into a cache, each file checked before it gets its place."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from vae_np.data.packed import DAMAGED
from vae_np.support.files import cache_folder, write_atomic

__all__ = ["CHECKSUMS", "DEFAULT_MIRROR", "download_mnist"]

DEFAULT_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"

CHECKSUMS: Mapping[str, str] = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""md5 of each file's unpacked content, since mirrors pack the same content differently."""

CHUNK = 1 << 16
MOST_BYTES = 1 << 27
"""More than any of the files holds, packed or not: what sends more is no mirror of MNIST."""

Progress = Callable[[str, int, int | None], None]


def download_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    mirror: str | None = None,
    progress: Progress | None = None,
    checksums: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> Path:
    """Put the four files of MNIST into a folder, unless they are there already.

    Parameters
    ----------
    folder : path, optional
        By default "mnist" in the cache: $VAE_NP_CACHE, else $XDG_CACHE_HOME/vae-np, else ~/.cache/vae-np.
    mirror : str, optional
        The URL of the folder that holds the .gz files. By default $VAE_NP_MNIST_MIRROR, else `DEFAULT_MIRROR`.
    progress : callable, optional
        Called as ``progress(file, bytes so far, bytes in all or None)`` while a file arrives.
    checksums : mapping, optional
        The files to have (without .gz) and the md5 of their unpacked content; by default `CHECKSUMS`.
    timeout : float
        Seconds that the mirror may stay silent.

    Returns
    -------
    Path
        The folder, as `load_mnist` takes it.

    Raises
    ------
    ConnectionError
        If a file cannot be had whole: refused, missing, cut off or too slow.
    ValueError
        If what the mirror sent has another checksum. It is not kept.

    Notes
    -----
    A file that is there and verifies is not fetched; one that does not verify is replaced, and stays as it is when
    nothing better can be had. A file appears under its name whole and verified, or not at all.
    """
    folder = cache_folder() / "mnist" if folder is None else Path(folder)
    base = mirror or os.environ.get("VAE_NP_MNIST_MIRROR") or DEFAULT_MIRROR
    if not base.startswith(("http://", "https://", "file://")):
        raise ValueError(f"the mirror must be a URL (http, https or file); got {base!r}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, expected in (CHECKSUMS if checksums is None else checksums).items():
        path = folder / f"{name}.gz"
        if not _verifies(path, expected):
            url = f"{base.rstrip('/')}/{path.name}"
            packed = _fetch(url, path.name, progress, timeout)
            _check(packed, url, expected)
            write_atomic(path, packed)
    return folder


def _verifies(path: Path, expected: str) -> bool:
    """Whether a file is there, is whole and has the content it should have."""
    try:
        return _unpacked_md5(path.read_bytes()) == expected
    except (FileNotFoundError, *DAMAGED):
        return False


def _check(packed: bytes, url: str, expected: str) -> None:
    """Raise unless what came from ``url`` has the right content."""
    try:
        got = _unpacked_md5(packed)
    except EOFError as error:
        raise _unreachable(url, "the file ends too early") from error
    except DAMAGED as error:
        got = f"content that is not gzip ({error})"
    if got != expected:
        raise ValueError(f"{url}: the unpacked content must have md5 {expected}; got {got}")


def _unpacked_md5(packed: bytes) -> str:
    """The md5 of the content, which is unpacked a chunk at a time."""
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        while (chunk := file.read(CHUNK)) and size <= MOST_BYTES:
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest()


def _fetch(url: str, name: str, progress: Progress | None, timeout: float) -> bytes:
    """The body of ``url``, whole."""
    data = bytearray()
    total = None
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            while (chunk := response.read(CHUNK)) and len(data) <= MOST_BYTES:
                data += chunk
                if progress:
                    progress(name, len(data), total)
    except urllib.error.HTTPError as error:
        error.close()
        raise _unreachable(url, f"the server answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _unreachable(url, str(reason) or type(reason).__name__) from error
    if len(data) > MOST_BYTES:
        raise _unreachable(url, f"it sends more than {MOST_BYTES} bytes")
    # a connection that closes early is not an error to http.client
    if total is not None and len(data) != total:
        raise _unreachable(url, f"it ended after {len(data)} of {total} bytes")
    return bytes(data)


def _unreachable(url: str, reason: str) -> ConnectionError:
    """The one error of everything that can go wrong on the way."""
    return ConnectionError(
        f"cannot download {url}: {' '.join(reason.split())}; set another mirror with VAE_NP_MNIST_MIRROR"
        " or mirror=, or load a local folder that holds the files"
    )
