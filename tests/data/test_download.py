"""Downloads, from a server on this machine only."""

import contextlib
import gzip
import hashlib
import http.server
import socket
import threading

import pytest
from patience import HANGS

from vae_np.data import download, load, load_mnist
from vae_np.support import files

NAMES = tuple(download.CHECKSUMS)


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves ``files``; ``faults`` says what goes wrong with a name."""

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.requests.append(self.path)
        fault = self.server.faults.get(name)
        body = self.server.files.get(name)
        if fault == "slow":
            self.server.over.wait()
        if body is None or fault == "404":
            self.send_error(404)
            return
        if fault == "cut":
            length, body = len(body), body[:-5]
        elif fault == "cut, no length":
            length, body = None, body[:-5]
        else:
            length = len(body)
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client that would not wait
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(small_mnist, monkeypatch, tmp_path):
    """A running server, its URL in ``url``; the environment names a cache and no mirror."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("VAE_NP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VAE_NP_MNIST_MIRROR", raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.files = {f"{name}.gz": gzip.compress(content) for name, content in small_mnist.items()}
    server.faults, server.requests, server.over = {}, [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/some/mnist/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def checksums(small_mnist):
    return {name: hashlib.md5(content).hexdigest() for name, content in small_mnist.items()}


def test_four_files_arrive_and_load_and_are_not_fetched_again(mirror, checksums, tmp_path):
    folder = download.download_mnist(mirror=mirror.url, checksums=checksums)
    assert folder == tmp_path / "cache" / "mnist"
    assert sorted(mirror.requests) == sorted(f"/some/mnist/{name}.gz" for name in NAMES)
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"{name}.gz" for name in NAMES)
    assert (len(load_mnist(folder)), len(load_mnist(folder, part="test"))) == (5, 3)
    download.download_mnist(mirror=mirror.url, checksums=checksums)
    assert len(mirror.requests) == 4


def test_load_mnist_by_name_uses_the_mirror_of_the_environment(mirror, checksums, monkeypatch):
    monkeypatch.setenv("VAE_NP_MNIST_MIRROR", mirror.url.rstrip("/"))
    monkeypatch.setattr(download, "CHECKSUMS", checksums)
    data = load("mnist", part="test", dtype="float32")
    assert (data.name, data.x.shape, data.image_shape) == ("mnist", (3, 6), (2, 3))
    assert len(mirror.requests) == 4


def test_the_content_is_verified_and_not_the_packing(mirror, checksums, small_mnist):
    for name, content in small_mnist.items():
        mirror.files[f"{name}.gz"] = gzip.compress(content, 1, mtime=1)
    download.download_mnist(mirror=mirror.url, checksums=checksums)


DAMAGE = {
    "a changed byte": lambda b: b[:-6] + bytes([b[-6] ^ 1]) + b[-5:],
    "cut": lambda b: b[:-3],
    "empty": lambda b: b"",
    "another content": lambda b: gzip.compress(b"other"),
    "not gzip": lambda b: b"<html>",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_in_the_cache_is_fetched_anew_and_alone(mirror, checksums, tmp_path, damage):
    folder = download.download_mnist(tmp_path / "own", mirror=mirror.url, checksums=checksums)
    mirror.requests.clear()
    victim = folder / f"{NAMES[2]}.gz"
    sound = victim.read_bytes()
    victim.write_bytes(DAMAGE[damage](sound))
    download.download_mnist(folder, mirror=mirror.url, checksums=checksums)
    assert mirror.requests == [f"/some/mnist/{NAMES[2]}.gz"]
    assert victim.read_bytes() == sound


@pytest.mark.parametrize("damage", ["another content", "not gzip", "a changed byte"])
def test_a_wrong_checksum_names_both_and_nothing_is_kept(mirror, checksums, tmp_path, damage):
    name = f"{NAMES[0]}.gz"
    mirror.files[name] = DAMAGE[damage](mirror.files[name])
    with pytest.raises(ValueError, match="md5") as caught:
        download.download_mnist(mirror=mirror.url, checksums=checksums)
    text = str(caught.value)
    got = hashlib.md5(b"other").hexdigest() if damage == "another content" else "not gzip"
    for part in (mirror.url + name, checksums[NAMES[0]], got):
        assert part in text
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


FAULTS = {
    "404": "the server answers 404",
    "cut": "it ended after [0-9]+ of [0-9]+ bytes",
    "cut, no length": "ends too early",
    "slow": "timed out",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_on_the_way_is_one_clear_line(mirror, checksums, tmp_path, fault):
    mirror.faults[f"{NAMES[1]}.gz"] = "404"
    with pytest.raises(ConnectionError):  # after the first file, which the time below may be too short for
        download.download_mnist(mirror=mirror.url, checksums=checksums, timeout=HANGS)
    mirror.faults[f"{NAMES[1]}.gz"] = fault
    with pytest.raises(ConnectionError, match=FAULTS[fault]) as caught:
        download.download_mnist(mirror=mirror.url, checksums=checksums, timeout=0.2 if fault == "slow" else HANGS)
    text = str(caught.value)
    for part in (f"{mirror.url}{NAMES[1]}.gz", "VAE_NP_MNIST_MIRROR", "local folder"):
        assert part in text
    assert "\n" not in text
    # what had arrived and verified before it stays
    assert [p.name for p in (tmp_path / "cache" / "mnist").iterdir()] == [f"{NAMES[0]}.gz"]


def test_a_refused_connection_is_the_same_error(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as bound:  # a port that is taken, and that nobody listens to
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        with pytest.raises(ConnectionError, match=f"cannot download {url}{NAMES[0]}.gz: .*refused"):
            download.download_mnist(tmp_path, mirror=url, timeout=HANGS)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_is_no_url_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"the mirror must be a URL .*; got 'nowhere/mnist'"):
        download.download_mnist(tmp_path, mirror="nowhere/mnist")


def test_progress_is_told_of_every_file_up_to_its_end(mirror, checksums):
    calls = []
    download.download_mnist(mirror=mirror.url, checksums=checksums, progress=lambda *c: calls.append(c))
    last = {name: (done, total) for name, done, total in calls}
    assert last == {name: (len(body), len(body)) for name, body in mirror.files.items()}


def test_a_body_without_end_is_given_up(mirror, checksums, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 10)
    with pytest.raises(ConnectionError, match="sends more than 10 bytes"):
        download.download_mnist(mirror=mirror.url, checksums=checksums)


@pytest.mark.parametrize(
    ("own", "shared", "expected"),
    [
        ("/a", "/b", "/a"),
        ("~/c", "/b", "/home/of/me/c"),
        ("", "/b", "/b/vae-np"),
        (None, None, "/home/of/me/.cache/vae-np"),
    ],
)
def test_the_cache_is_where_the_environment_says(monkeypatch, own, shared, expected):
    for name, value in (("VAE_NP_CACHE", own), ("XDG_CACHE_HOME", shared), ("HOME", "/home/of/me")):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert files.cache_folder().as_posix() == expected
