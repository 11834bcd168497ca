"""A file appears whole or not at all, with the rights that its user gave it, and is never written through a link."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.runtime.atomic_files import (
    NotOursError,
    begins_as,
    create,
    create_anew,
    is_same,
    keep_copy,
    open_made,
    open_to_append,
    replacing,
)


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
    """A new file has the rights that the user gives to all, one that is replaced keeps its own; neither is loose."""
    former = os.umask(0o027)
    try:
        with replacing(tmp_path / "new") as temporary:
            assert rights(temporary) == 0o600
        assert rights(tmp_path / "new") == 0o640
        (tmp_path / "new").chmod(0o606)
        with replacing(tmp_path / "new"):
            pass
        assert rights(tmp_path / "new") == 0o600
        os.umask(0)
        with replacing(tmp_path / "loose"):
            pass
        assert rights(tmp_path / "loose") == 0o640
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
from importer.runtime.atomic_files import replacing
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


def a_link(path: Path) -> None:
    path.symlink_to(path.with_name("other"))


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_hard_link(path: Path) -> None:
    path.hardlink_to(path.with_name("other"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


STRANGE = (a_link, a_dangling_link, a_hard_link, a_pipe, a_folder, a_socket)


@pytest.mark.parametrize("make", STRANGE)
@pytest.mark.parametrize("opens", [create, create_anew, open_made, open_to_append])
def test_nothing_is_written_through_links_pipes_folders_or_sockets(
    opens: Callable[[Path], int], make: Callable[[Path], None], tmp_path: Path
):
    """It is refused at once, and stays; what a link leads to is as it was, and what does not exist is not made."""
    other, path = tmp_path / "other", tmp_path / "path"
    other.write_text("another's")
    make(path)
    before = path.lstat()
    with pytest.raises(OSError, match=r"(?i)exists|has this name, and not a file|has a second name"):
        opens(path)
    assert path.lstat() == before
    assert other.read_text() == "another's"
    assert {each.name for each in tmp_path.iterdir()} == {"other", "path"}


@pytest.mark.parametrize("make", [a_pipe, a_folder, a_socket])
def test_what_is_no_file_is_not_replaced(make: Callable[[Path], None], tmp_path: Path):
    """A pipe or a folder is somebody's; only a file or a link gives way."""
    make(tmp_path / "path")
    with pytest.raises(NotOursError, match="has this name, and not a file"), replacing(tmp_path / "path"):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["path"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path):
    """What it leads to stays as it is."""
    other, path = tmp_path / "other", tmp_path / "path"
    other.write_text("another's")
    path.symlink_to(other)
    with replacing(path) as temporary, os.fdopen(open_made(temporary), "w") as file:
        file.write("ours")
    assert (other.read_text(), path.read_text(), path.is_symlink()) == ("another's", "ours", False)


def test_a_file_that_is_exchanged_while_it_is_written(tmp_path: Path):
    """What another program has put in its place does not become ours."""

    def exchange() -> None:
        with replacing(tmp_path / "path") as temporary:
            temporary.unlink()
            temporary.symlink_to("secret")

    with pytest.raises(NotOursError, match="another program"):
        exchange()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_killed_run_left_is_made_anew(tmp_path: Path):
    """It begins empty, with the rights of a new one."""
    path = tmp_path / "path"
    path.write_text("of a killed run")
    path.chmod(0o666)
    former = os.umask(0)
    try:
        os.close(create_anew(path))
    finally:
        os.umask(former)
    assert (path.read_text(), rights(path)) == ("", 0o640)


def test_a_file_is_added_to(tmp_path: Path):
    """A new one and one that is there, which loses what rights are too many; a device takes it, too."""
    path = tmp_path / "log"
    for text, mode in (("one,", 0o640), ("two", 0o600)):
        former = os.umask(0)
        try:
            with os.fdopen(open_to_append(path), "a") as file:
                file.write(text)
        finally:
            os.umask(former)
        assert rights(path) == mode
        path.chmod(0o606)
    assert path.read_text() == "one,two"
    os.close(open_to_append(Path(os.devnull)))


def test_a_former_file_is_kept_under_a_free_name_only(tmp_path: Path):
    """The name may be a link to nowhere, which would become a file elsewhere."""
    path, kept = tmp_path / "results", tmp_path / "results.1"
    path.write_text("former")
    path.chmod(0o644)
    a_dangling_link(kept)
    with pytest.raises(FileExistsError):
        keep_copy(path, kept)
    assert not (tmp_path / "nowhere").exists()
    kept.unlink()
    keep_copy(path, kept)
    assert (kept.read_text(), rights(kept)) == ("former", 0o640)
