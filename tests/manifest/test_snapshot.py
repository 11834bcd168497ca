from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest.snapshot import private_copy, private_folder

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def unprivileged():
    """Act as an unprivileged user if the tests run as root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_copy_is_complete_hashed_and_private(tmp_path: Path) -> None:
    """Only this user may read it."""
    source = tmp_path / "tickets.csv"
    content = os.urandom(3_000_000)
    source.write_bytes(content)
    seen: list[int] = []
    copy = private_copy(source, tmp_path / "made" / "here", on_bytes=seen.append)
    assert copy.path.read_bytes() == content
    assert copy.path.parent == tmp_path / "made" / "here"
    assert copy.sha256 == hashlib.sha256(content).hexdigest()
    assert copy.size_bytes == sum(seen) == len(content)
    assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600


def test_copy_keeps_the_content_from_the_start(tmp_path: Path) -> None:
    source = tmp_path / "tickets.csv"
    source.write_text("a\n1\n")
    copy = private_copy(source, tmp_path)
    source.write_text("a\n2\n")
    assert copy.path.read_text() == "a\n1\n"


def test_source_that_keeps_changing_is_refused(tmp_path: Path) -> None:
    """It changes during each of three attempts, so it is still being written."""
    source, folder = tmp_path / "tickets.csv", tmp_path / "copies"
    source.write_text("a\n1\n")

    def write_more(_size: int) -> None:
        if source.stat().st_size < 100:
            with source.open("a") as file:
                file.write("2\n" * 20)
        os.utime(source, ns=(0, source.stat().st_mtime_ns + 1_000_000_000))

    with pytest.raises(
        ManifestError, match=r"tickets\.csv is still being written: it changed while it was copied, 3 times"
    ):
        private_copy(source, folder, on_bytes=write_more, wait_s=0)
    assert list(folder.iterdir()) == []


def test_source_that_changes_once_is_copied_again(tmp_path: Path) -> None:
    """The copy and its hash have the new content."""
    source = tmp_path / "tickets.csv"
    source.write_text("a\n1\n")
    calls: list[int] = []

    def write_once(size: int) -> None:
        calls.append(size)
        if len(calls) == 1:
            with source.open("a") as file:
                file.write("22\n")

    copy = private_copy(source, tmp_path, on_bytes=write_once, wait_s=0)
    assert copy.path.read_text() == "a\n1\n22\n"
    assert copy.sha256 == hashlib.sha256(b"a\n1\n22\n").hexdigest()


def test_second_copy_replaces_a_longer_first_copy(tmp_path: Path) -> None:
    """An export may truncate the file between two attempts."""
    source = tmp_path / "tickets.csv"
    source.write_text("a\n" + "1\n" * 1000)
    calls: list[int] = []

    def shorten_once(size: int) -> None:
        calls.append(size)
        if len(calls) == 1:
            source.write_text("a\n9\n")

    assert private_copy(source, tmp_path, on_bytes=shorten_once, wait_s=0).path.read_text() == "a\n9\n"


def test_missing_source_suggests_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("a\n")
    with pytest.raises(ManifestError, match="does not exist") as caught:
        private_copy(tmp_path / "ticket.csv", tmp_path)
    assert caught.value.hint == "Did you mean tickets.csv?"


def test_a_results_file_is_no_suggestion_for_a_missing_manifest(tmp_path: Path) -> None:
    """Neither is a manifest for missing results."""
    for name, wrong in (("tickets.csv", "tickets.results.csv"), ("tickets.results.csv", "tickets.csv")):
        (tmp_path / wrong).write_text("a\n")
        with pytest.raises(ManifestError) as caught:
            private_copy(tmp_path / name, tmp_path)
        assert caught.value.hint == "Check the path."
        (tmp_path / wrong).unlink()


@pytest.mark.parametrize("name", ["zzz", "no/such/folder", "missing.csv"])
def test_missing_source_without_a_similar_name(tmp_path: Path, name: str) -> None:
    """The hint says to check the path, although every file has the same ending."""
    (tmp_path / "bin.csv").write_text("a\n")
    with pytest.raises(ManifestError, match="does not exist") as caught:
        private_copy(tmp_path / name, tmp_path)
    assert caught.value.hint == "Check the path."


def test_folder_pipe_device_and_socket_are_refused(tmp_path: Path) -> None:
    """Only regular files can be read twice. Opening a pipe would wait for its writer."""
    with pytest.raises(ManifestError, match="is a folder"):
        private_copy(tmp_path, tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # A socket's path is short by law, and a test's folder may be too deep for it.
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s")
        for source in (pipe, Path("/dev/null"), Path(short) / "s"):
            with pytest.raises(ManifestError, match="is a pipe or a device"):
                private_copy(source, tmp_path)


def test_empty_source_is_refused(tmp_path: Path) -> None:
    """A file of 0 bytes is a failed export."""
    source = tmp_path / "tickets.csv"
    source.touch()
    with pytest.raises(ManifestError, match="is empty"):
        private_copy(source, tmp_path / "copies")
    assert list((tmp_path / "copies").iterdir()) == []


def test_unreadable_sources_name_the_reason(tmp_path: Path) -> None:
    """The message has the system's reason: permissions, a loop of links, a bad name."""
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for source, reason in (
        (circle, "symbolic links"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "nul\0name", "null"),
    ):
        with pytest.raises(ManifestError, match=f"can't be read: .*{reason}"):
            private_copy(source, tmp_path)


def test_source_without_read_permission_is_an_error(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        folder = Path(open_to_all)
        folder.chmod(0o777)
        source = folder / "tickets.csv"
        source.write_text("a\n")
        source.chmod(0)
        with unprivileged(), pytest.raises(ManifestError, match="can't be read: Permission denied"):
            private_copy(source, folder)
        assert [path.name for path in folder.iterdir()] == ["tickets.csv"]


def test_read_error_is_an_error_of_the_source(tmp_path: Path) -> None:
    """Opening works, and reading fails, as on a broken disk."""
    with pytest.raises(ManifestError, match=r"/proc/self/mem can't be read"):
        private_copy(Path("/proc/self/mem"), tmp_path / "copies")
    assert list((tmp_path / "copies").iterdir()) == []


def test_folder_without_write_permission_is_named(tmp_path: Path) -> None:
    source = tmp_path / "tickets.csv"
    source.write_text("a\n")
    with pytest.raises(ManifestError, match=r"tickets.csv can't be copied to .*tickets.csv"):
        private_copy(source, source)


def test_incomplete_copy_is_removed_if_the_disk_is_full(tmp_path: Path) -> None:
    """The message has the system's reason."""
    import resource  # noqa: PLC0415 - only there on Unix, where this can be tried
    import signal  # noqa: PLC0415

    source, folder = tmp_path / "tickets.csv", tmp_path / "copies"
    source.write_bytes(b"x" * 100_000)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(ManifestError, match=r"tickets.csv can't be copied to .*copies.*: File too large"):
            private_copy(source, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(folder.iterdir()) == []


DIES_WITH_A_COPY = """
import os, signal
from importer.manifest.snapshot import private_folder
with private_folder() as folder:
    (folder / "manifest.copy").write_text("what customers wrote")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders are not locked on Windows")
def test_folders_of_killed_runs_are_removed(tmp_path: Path, monkeypatch) -> None:
    """Folders in use, of other programs or made just now stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("ticket-importer-run-new", "ticket-importer-run-old", "ticket-importer-other"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "ticket-importer-run-old", (1e9, 1e9))
    (tmp_path / "ticket-importer-other" / "file").touch()
    with private_folder() as live:
        (live / "manifest.copy").touch()
        killed = subprocess.run(
            [sys.executable, "-c", DIES_WITH_A_COPY], check=False, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}
        )
        assert killed.returncode == -signal.SIGKILL
        assert len(list(tmp_path.glob("ticket-importer-run-*/manifest.copy"))) == 2
        with private_folder() as other:
            assert other != live
            assert list(tmp_path.glob("ticket-importer-run-*/manifest.copy")) == [live / "manifest.copy"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ticket-importer-other", "ticket-importer-run-new"]


DIES_WITH_AN_ARCHIVE = """
import os, signal, sys
from pathlib import Path
from importer.manifest.manifest import open_manifest
from importer.manifest.snapshot import private_copy, private_folder
from importer.models import ManifestOptions
source = Path(sys.argv[1])
with private_folder() as folder:
    copy = private_copy(source, folder)
    manifest = open_manifest(copy.path, ManifestOptions(), original=source)
    print(len(list(folder.iterdir())), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders are not locked on Windows")
def test_unpacked_files_of_killed_runs_are_removed(tmp_path: Path, monkeypatch) -> None:
    """They are in the run's private folder."""
    temporary, source = tmp_path / "temporary", tmp_path / "tickets.csv.gz"
    temporary.mkdir()
    source.write_bytes(gzip.compress(b"id,text\n1,x\n"))
    killed = subprocess.run(
        [sys.executable, "-c", DIES_WITH_AN_ARCHIVE, source],
        check=False,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
    )
    assert (killed.stdout, killed.returncode) == (b"2\n", -signal.SIGKILL)
    (left,) = temporary.iterdir()
    assert [path.stat().st_mode & 0o777 for path in left.iterdir()] == [0o600, 0o600]
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with private_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
