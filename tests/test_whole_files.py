"""A file appears whole or not at all, with the rights that its user gave it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from importer.whole_files import begins_as, is_same, replacing


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_appears_when_the_block_ends(tmp_path: Path):
    """Until then there is nothing, or what was there before; and nothing else is left behind."""
    path = tmp_path / "report.csv"
    for text in ("first", "second"):
        before = path.read_text() if path.exists() else None
        with replacing(path) as temporary:
            temporary.write_text(text)
            assert (path.read_text() if path.exists() else None) == before
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path):
    """What could not be finished is gone, and the former file is as it was."""
    path = tmp_path / "report.csv"
    path.write_text("former")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127, "😀" * 63])
def test_the_longest_names(name: str, tmp_path: Path):
    """A name that the disk takes is taken, however much the name of the file beside it adds."""
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert (tmp_path / name).read_text() == "whole"


def test_rights(tmp_path: Path):
    """A new file has the rights that the user gives to all; one that is replaced keeps its own; a private one has none."""
    former = os.umask(0o027)
    try:
        with replacing(tmp_path / "new") as temporary:
            assert rights(temporary) == 0o600
        assert rights(tmp_path / "new") == 0o640
        (tmp_path / "new").chmod(0o604)
        with replacing(tmp_path / "new"):
            pass
        assert rights(tmp_path / "new") == 0o604
        with replacing(tmp_path / "secret", private=True):
            pass
        assert rights(tmp_path / "secret") == 0o600
    finally:
        os.umask(former)


def test_a_file_is_known_by_its_beginning(tmp_path: Path):
    """An empty file may be anything; one that is shorter than every beginning is none of them."""
    path = tmp_path / "report.csv"
    for text, known in {"": True, "sheet,row,x": True, "she": False, "ID,State": False}.items():
        path.write_text(text)
        assert begins_as(path, (b"sheet,row", b"[]")) is known


def test_one_file_by_two_names(tmp_path: Path):
    """A link is the file that it leads to; what is not there is no other file."""
    path, link = tmp_path / "manifest.csv", tmp_path / "link.csv"
    assert not is_same(path, link)
    path.write_text("ID")
    link.symlink_to(path)
    assert is_same(path, link)
    assert not is_same(path, tmp_path / "other.csv")


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    """Nobody may ever write into it: it is not what would replace it, and that is known without a look into it."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert not begins_as(tmp_path / "pipe.csv", (b"x",))


DIES_WITH_A_HALF = """
import os, signal, sys
from pathlib import Path
from importer.whole_files import replacing
os.umask(0)
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of what customers wrote")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="files are not locked on Windows")
def test_what_a_killed_run_has_left_is_removed(tmp_path: Path):
    """The next file of that name removes it; files in use, links, and whatever is called otherwise stay."""
    path = tmp_path / "report.csv"
    assert subprocess.run([sys.executable, "-c", DIES_WITH_A_HALF, path], check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert rights(left) == 0o600, "nobody else reads it, whatever the umask"
    others = {
        ".report.csv.backup.tmp",
        ".report.csv.12345678.txt",
        ".report.csv.x.12345678.tmp",
        "report.csv.12345678.tmp",
    }
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".report.csv.abcdefgh.tmp").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").touch()
    (tmp_path / ".report.csv.abcdefgi.tmp").mkdir()
    stay = others | {".report.csv.abcdefgh.tmp", ".report.csv.abcdefgi.tmp", "kept"}
    with replacing(path) as live, replacing(path) as other:
        assert {each.name for each in tmp_path.iterdir()} == stay | {live.name, other.name}
        live.write_text("live")
        other.write_text("other")
    assert {each.name for each in tmp_path.iterdir()} == stay | {"report.csv"}
    assert path.read_text() == "live"
