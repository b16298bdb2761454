"""Atomic files: whole or absent, whatever happens in between."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from vae_np.support.files import temporary_prefix, write_atomic
from vae_np.training.checkpoint import remove_temporaries

WRITER = """
import sys
from vae_np.support.files import write_atomic
print("ready", flush=True)
n = 0
while True:
    write_atomic(sys.argv[1], bytes([n % 251]) * 400_000)
    n += 1
"""


@pytest.fixture(autouse=True)
def _sigint():
    """SIGINT as on a terminal, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "file.bin"
    for data in (b"first", b"", b"third" * 1000):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("delay", [0.003, 0.011, 0.02, 0.05])
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(delay, tmp_path):
    path = tmp_path / "file.bin"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(delay)
        process.kill()
    data = path.read_bytes()
    assert len(data) == 400_000
    assert len(set(data)) == 1
    write_atomic(path, b"after")  # what the killed one left disturbs nobody
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("name", ["fsync", "replace", "fchmod"])
def test_an_error_on_the_way_leaves_the_old_file_and_no_temporary(name, tmp_path, monkeypatch):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"vae_np.support.files.os.{name}", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(path, b"new")
    assert caught.value.filename == str(path)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_an_interrupt_on_the_way_leaves_the_old_file_and_no_temporary(tmp_path, monkeypatch):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr("vae_np.support.files.os.fsync", lambda handle: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    calls = []
    real = {name: getattr(os, name) for name in ("fsync", "replace")}

    def spy(name):
        def call(*arguments):
            is_file = name != "fsync" or stat.S_ISREG(os.fstat(arguments[0]).st_mode)
            calls.append((name, is_file, os.fstat(arguments[0]).st_size if name == "fsync" and is_file else None))
            return real[name](*arguments)

        return call

    for name in real:
        monkeypatch.setattr(f"vae_np.support.files.os.{name}", spy(name))
    write_atomic(tmp_path / "file.bin", b"12345")
    assert calls == [("fsync", True, 5), ("replace", True, None), ("fsync", False, None)]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "file.bin", b"x")
    finally:
        assert os.umask(before) == mask
    assert stat.S_IMODE((tmp_path / "file.bin").stat().st_mode) == mode


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_atomic(tmp_path, b"x")


def test_a_missing_folder_is_named_and_not_the_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_atomic(tmp_path / "none" / "file.bin", b"x")
    assert caught.value.filename == str(tmp_path / "none" / "file.bin")


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "other").mkdir()
    target, link = tmp_path / "other" / "target", tmp_path / "link"
    link.symlink_to(target)
    for data in (b"first", b"second"):  # the link dangles at first
        write_atomic(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["target"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_named_pipe_stays_and_its_reader_gets_the_bytes(linked, tmp_path):
    pipe, path = tmp_path / "pipe", tmp_path / "file.csv"
    os.mkfifo(pipe)
    path.symlink_to(pipe)
    data = bytes(range(256)) * 1000  # more than a pipe holds
    with open(tmp_path / "read", "wb") as out, subprocess.Popen(["cat", str(pipe)], stdout=out) as reader:
        write_atomic(path if linked else pipe, data)
        if not stat.S_ISFIFO(os.stat(pipe).st_mode):
            reader.kill()  # it would wait for a writer for ever
    assert (tmp_path / "read").read_bytes() == data
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    assert path.is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file.csv", "pipe", "read"]


def test_a_pipe_whose_reader_goes_is_an_error_of_its_name(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["head", "-c", "1", str(pipe)], stdout=subprocess.DEVNULL)
    try:
        with pytest.raises(BrokenPipeError) as caught:
            write_atomic(pipe, bytes(10**7))
    finally:
        reader.kill()
        reader.wait()
    assert caught.value.filename == str(pipe)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def test_a_link_through_the_processes_files_leads_to_its_pipe(tmp_path):
    read, write = os.pipe()  # as /dev/stdout of a pipeline: a link to what has no path
    try:
        (tmp_path / "out.csv").symlink_to(f"/proc/self/fd/{write}")
        if not (tmp_path / "out.csv").exists():
            pytest.skip("no /proc/self/fd")
        write_atomic(tmp_path / "out.csv", b"text")
        assert os.read(read, 10) == b"text"
    finally:
        os.close(read)
        os.close(write)


def test_a_device_is_written_into_and_what_it_says_is_told(tmp_path, monkeypatch):
    device = "/dev/full"
    if not os.path.exists(device) or not stat.S_ISCHR(os.stat(device).st_mode):
        pytest.skip("no /dev/full")
    link = tmp_path / "out.csv"
    link.symlink_to(device)
    for name in ("replace", "rename", "unlink"):  # whatever is wrong, the device stays

        def refuse(*arguments, _name=name):
            raise AssertionError(f"os.{_name} of {arguments}")

        monkeypatch.setattr(f"vae_np.support.files.os.{name}", refuse)
    monkeypatch.setattr("vae_np.support.files.tempfile.mkstemp", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(link, b"new")
    assert caught.value.filename == str(link)
    assert link.is_symlink()
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomic(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_longest_names_are_written_and_their_temporaries_known(tmp_path):
    for path in (tmp_path / ("a" * 255), tmp_path / ("\u00e4" * 127)):
        write_atomic(path, b"x")
        assert path.read_bytes() == b"x"
        stale = tmp_path / f"{temporary_prefix(path)}ab12_xyz.tmp"
        stale.touch()
        remove_temporaries(path)
        assert not stale.exists()
