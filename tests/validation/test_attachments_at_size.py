"""Many names at once, by the short cut, held against the long way: every path followed by the system, name by name."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.attachments import AttachmentFinder, Fault, Named
from importer.mapping import AttachmentRules
from importer.models import Attachment
from tests.validation.test_attachments import as_a_user_without_rights

UMLAUT = "übersicht é.pdf"
PARTS = (
    "", ".", "..", "a.pdf", "2024", "link-in", "link-out", "link-up", "dangling", "loop", "blob.pdf", "locked", "none",
    "empty.pdf", "large.pdf", "pipe.pdf", "note.txt", "..hidden.pdf", "x" * 300, unicodedata.normalize("NFC", UMLAUT),
    unicodedata.normalize("NFD", UMLAUT), "2024\\a.pdf", "..\\secret.pdf", "back\\slash.pdf", "A.PDF",
)  # fmt: skip

FOLDERS = ("", ".", "..", "2024", "link-in", "link-out", "link-up", "loop", "a.pdf", "none")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with everything that can lead astray."""
    top = tmp_path_factory.mktemp("place")
    root = top / "files"
    (root / "2024" / "2024").mkdir(parents=True)
    (root / "locked").mkdir()
    for folder in (root, root / "2024", root / "2024" / "2024", root / "locked"):
        (folder / "a.pdf").write_bytes(b"%PDF")
    (top / "secret.pdf").write_bytes(b"keys")
    (top / "outside").mkdir()
    (top / "outside" / "a.pdf").write_bytes(b"keys")
    (root / "link-in").symlink_to("2024")
    (root / "2024" / "link-up").symlink_to("..")
    (root / "link-up").symlink_to("../files")
    (root / "link-out").symlink_to("../outside")
    (root / "2024" / "link-out").symlink_to(top / "outside")
    (root / "dangling").symlink_to("nowhere.pdf")
    (root / "loop").symlink_to("loop")
    (root / "blob.pdf").symlink_to("2024/a.pdf")
    (root / "2024" / "blob.pdf").symlink_to("../../secret.pdf")
    (root / "empty.pdf").touch()
    (root / "large.pdf").write_bytes(b"x" * 11)
    (root / "note.txt").write_bytes(b"x")
    (root / "back\\slash.pdf").write_bytes(b"x")
    (root / "..hidden.pdf").write_bytes(b"x")
    (root / "2024" / unicodedata.normalize("NFD", UMLAUT)).write_bytes(b"x")
    (root / unicodedata.normalize("NFC", UMLAUT)).write_bytes(b"x")
    os.mkfifo(root / "pipe.pdf")
    (root / "locked" / "a.pdf").chmod(0)
    return root


def rules(columns: tuple[str, ...] = ("A",), **more) -> AttachmentRules:
    return AttachmentRules(columns=columns, max_file_size_bytes=10, extensions=("pdf",), **more)


def long_way(root: Path, name: str) -> str:
    """What the finder did before it had a short cut: each form of a name followed from the top, and then looked at."""
    native = name.replace("\\", "/")
    forms = (name, native, unicodedata.normalize("NFC", native), unicodedata.normalize("NFD", native))
    real = (Path(os.path.realpath(root / form)) for form in forms)
    path = next(filter(os.path.exists, real), Path(os.path.realpath(root / native)))
    if not path.is_relative_to(os.path.realpath(root)):
        return "attachment-outside-root"
    try:
        status = path.stat()
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
        return "attachment-missing" if missing else "attachment-unreadable"
    for code, is_so in {
        "attachment-not-a-file": not stat.S_ISREG(status.st_mode),
        "attachment-unreadable": not os.access(path, os.R_OK),
        "attachment-empty": status.st_size == 0,
        "attachment-too-large": status.st_size > 10,
        "attachment-type": not native.rstrip("/").lower().endswith(".pdf"),
    }.items():
        if is_so:
            return code
    return f"{path} of {status.st_size}"


def told(found: Attachment | Fault) -> str:
    return found.code if isinstance(found, Fault) else f"{found.path} of {found.size_bytes}"


def names_of(root: Path) -> list[str]:
    """Every path of up to three of the parts, and some hundred of them as absolute ones."""
    products = itertools.chain(
        itertools.product(PARTS), itertools.product(PARTS, PARTS), itertools.product(FOLDERS, FOLDERS, PARTS)
    )
    paths = map("/".join, products)
    names = [path for path in dict.fromkeys(paths) if path.strip() == path and path]
    absolute = [f"{root}/{name}" for name in names[: len(PARTS) ** 2]]
    outside = [f"{root.parent}/{name}" for name in ("secret.pdf", "files-too", "outside/a.pdf", "files/a.pdf")]
    return [*names, *absolute, *outside, "/etc/hostname", "//etc/hostname", f"/{root}/a.pdf", "x/" * 3000 + "a.pdf"]


def test_the_short_cut_never_leads_elsewhere(root: Path):
    """Of some thousand paths with links, `..`, backslashes and both forms of Unicode each comes to the same end."""
    finder = AttachmentFinder(rules(), root)
    names = names_of(root)
    with as_a_user_without_rights():
        for name in names:
            (named,) = finder.find([("A", name)])
            assert told(named.found) == long_way(root, name), name


def test_what_was_learned_of_one_name_harms_no_other(root: Path):
    """Folders are remembered; whichever names come first, the same is found."""
    names = names_of(root)
    forwards, backwards = AttachmentFinder(rules(), root), AttachmentFinder(rules(), root)
    there = {name: forwards.find([("A", name)]) for name in names}
    back = {name: backwards.find([("A", name)]) for name in reversed(names)}
    assert there == back


def test_a_root_at_the_top_of_everything(root: Path):
    """With `/` as the root nothing lies outside, and no path gets a second slash."""
    finder = AttachmentFinder(rules(), Path("/"))
    for name in (str(root / "a.pdf"), str(root / "a.pdf").lstrip("/"), f"{root}/link-out/a.pdf", "/", "none.pdf"):
        (named,) = finder.find([("A", name)])
        assert told(named.found) == long_way(Path("/"), name), name


CELLS = st.lists(st.sampled_from(["", "a.pdf", "2024/a.pdf", "none.pdf", "empty.pdf", "link-out/a.pdf", " "]), max_size=4).map(";".join)  # fmt: skip
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, max_files=st.integers(min_value=1, max_value=5))
def test_a_chunk_is_its_rows(root: Path, rows: list[tuple[str, str]], max_files: int):
    """`find_all` says of every row what `find` says of it: its files, their bytes, and whether something is wrong."""
    columns = ("A", "B")
    one_by_one = AttachmentFinder(rules(columns, max_files=max_files), root)
    expected = [one_by_one.find(zip(columns, row, strict=True)) for row in rows]
    chunk = AttachmentFinder(rules(columns, max_files=max_files), root).find_all(list(zip(*rows, strict=True)))
    assert [chunk.of(position) for position in range(len(rows))] == expected
    faulty = [position for position, named in enumerate(expected) if has_fault(named)]
    assert chunk.faulty_rows.tolist() == faulty
    sizes = [sum(each.found.size_bytes for each in named if isinstance(each.found, Attachment)) for named in expected]
    assert [chunk.size_bytes[position] for position in range(len(rows)) if position not in faulty] == [
        size for position, size in enumerate(sizes) if position not in faulty
    ]


def has_fault(named: list[Named]) -> bool:
    return any(isinstance(each.found, Fault) for each in named)


def test_more_names_than_are_remembered(root: Path, tmp_path: Path):
    """When the memory of names is full it is emptied, in the middle of a chunk's columns, too; nothing else changes."""
    for number in range(40):
        (tmp_path / f"{number}.pdf").write_bytes(b"x" * (number % 10 + 1))
    columns = ("A", "B")
    small = AttachmentFinder(rules(columns, max_files=2), tmp_path, remembered=7)
    for start in range(0, 40, 10):
        cells = [[f"{number}.pdf;{number}.pdf" for number in range(start, start + 10)], [""] * 5 + ["0.pdf"] * 5]
        found = small.find_all(cells)
        assert found.faulty_rows.tolist() == [5, 6, 7, 8, 9]
        assert found.size_bytes[:5].tolist() == [2 * (number % 10 + 1) for number in range(start, start + 5)]
        assert told(found.of(3)[1].found) == long_way(tmp_path, f"{start + 3}.pdf")
