"""The fast look-up of many file names, compared with the slow one: the system resolves every path, one by one."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.attachments import AttachmentFinder, FileFault, NamedFiles
from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.mapping import AttachmentRules
from importer.mapping.templates import Template
from importer.models import Attachment
from importer.validation.attachments import FileMeasurer
from tests.validation.test_attachments import as_unprivileged_user

UMLAUT = "übersicht é.pdf"
PARTS = (
    "", ".", "..", "a.pdf", "2024", "link-in", "link-out", "link-up", "dangling", "loop", "blob.pdf", "locked", "none",
    "empty.pdf", "large.pdf", "pipe.pdf", "note.txt", "..hidden.pdf", "x" * 300, unicodedata.normalize("NFC", UMLAUT),
    unicodedata.normalize("NFD", UMLAUT), "2024\\a.pdf", "..\\secret.pdf", "back\\slash.pdf", "A.PDF",
)  # fmt: skip

FOLDERS = ("", ".", "..", "2024", "link-in", "link-out", "link-up", "loop", "a.pdf", "none")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with links, dots and other difficult names."""
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


def slow_lookup(root: Path, name: str) -> str:
    """Resolve each form of a name from the top, and then check the file."""
    native = name.replace("\\", "/")
    forms = (name, native, unicodedata.normalize("NFC", native), unicodedata.normalize("NFD", native))
    # With `/` between, as a Path would drop what ends in `/` or `/.`.
    *others, last = (form if form.startswith("/") else f"{root}/{form}" for form in (*forms, native))
    given = next(filter(os.path.exists, others), last)
    path = Path(os.path.realpath(given))
    if not path.is_relative_to(os.path.realpath(root)):
        return "attachment-outside-root"
    try:
        status = os.stat(given)  # noqa: PTH116 - as above
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


def path_or_code(found: Attachment | FileFault) -> str:
    return found.code if isinstance(found, FileFault) else f"{found.path} of {found.size_bytes}"


def names_of(root: Path) -> list[str]:
    """Return every path of up to three of the parts, and some hundred of them as absolute paths."""
    products = itertools.chain(
        itertools.product(PARTS), itertools.product(PARTS, PARTS), itertools.product(FOLDERS, FOLDERS, PARTS)
    )
    paths = map("/".join, products)
    names = [path for path in dict.fromkeys(paths) if path.strip() == path and path]
    absolute = [f"{root}/{name}" for name in names[: len(PARTS) ** 2]]
    outside = [f"{root.parent}/{name}" for name in ("secret.pdf", "files-too", "outside/a.pdf", "files/a.pdf")]
    return [*names, *absolute, *outside, "/etc/hostname", "//etc/hostname", f"/{root}/a.pdf", "x/" * 3000 + "a.pdf"]


def test_fast_and_slow_lookups_agree(root: Path):
    """Thousands of paths with links, `..`, backslashes and both forms of Unicode have the same result."""
    finder = AttachmentFinder(rules(), root)
    names = names_of(root)
    with as_unprivileged_user():
        for name in names:
            (named,) = finder.find([("A", name)])
            assert path_or_code(named.found) == slow_lookup(root, name), name


def test_the_cache_of_folders_does_not_change_results(root: Path):
    """Folders are cached; the results don't depend on the order of names."""
    names = names_of(root)
    forwards, backwards = AttachmentFinder(rules(), root), AttachmentFinder(rules(), root)
    there = {name: forwards.find([("A", name)]) for name in names}
    back = {name: backwards.find([("A", name)]) for name in reversed(names)}
    assert there == back


def test_the_root_may_be_the_file_system_root(root: Path):
    """With `/` as the root nothing lies outside, and no path gets a second slash."""
    finder = AttachmentFinder(rules(), Path("/"))
    for name in (str(root / "a.pdf"), str(root / "a.pdf").lstrip("/"), f"{root}/link-out/a.pdf", "/", "none.pdf"):
        (named,) = finder.find([("A", name)])
        assert path_or_code(named.found) == slow_lookup(Path("/"), name), name


CELLS = st.lists(st.sampled_from(["", "a.pdf", "2024/a.pdf", "none.pdf", "empty.pdf", "link-out/a.pdf", " ", "*.pdf", "2024/?.pdf", "x*"]), max_size=4).map(";".join)  # fmt: skip
KEYS = st.sampled_from(["", "2024", "link-in", "link-out", "none", "..", "a/b", "*", " "])
ROWS = st.lists(st.tuples(CELLS, CELLS, KEYS), min_size=1, max_size=12)
COLUMNS = ("A", "B", "Key")
FOLDER = Template.parse("{Key}/*.pdf")


def chunk_of(rows: Sequence[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> Chunk:
    """Return rows as they come from a manifest."""
    records = RecordList(records=[list(row) for row in rows])
    return Chunk(columns=columns, rows=tuple(range(2, len(rows) + 2)), source=records)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chunks=st.lists(ROWS, min_size=1, max_size=3),
    max_files=st.integers(min_value=1, max_value=5),
    glob=st.booleans(),
    required=st.booleans(),
    remembered=st.sampled_from([2, 1000]),
)
def test_measures_of_a_chunk_agree_with_its_rows(
    root: Path, chunks: list[list[tuple[str, str, str]]], max_files: int, **more
):
    """A row that is not unclear has no fault, and the measured bytes.

    This holds for any cached cells of earlier chunks, and for a cache of any size.
    """
    remembered = more.pop("remembered")
    all_rules = rules(("A", "B"), max_files=max_files, folder=FOLDER, **more)
    finder = AttachmentFinder(all_rules, root, remembered=remembered)
    measurer = FileMeasurer(finder, remembered=remembered)
    for rows in chunks:
        expected = [AttachmentFinder(all_rules, root).find(zip(COLUMNS, row, strict=True)) for row in rows]
        chunk = chunk_of(rows)
        measured = measurer.measure(chunk, np.arange(len(rows)))
        doubtful = measured.unclear.tolist()
        for position, named in enumerate(expected):
            if position not in doubtful:
                assert not has_fault(named)
                assert measured.size_bytes[position] == bytes_of(named)
        cells = measurer.rows(chunk, measured.unclear)
        assert [finder.find(row) for row in cells] == [expected[position] for position in doubtful]


def has_fault(named: list[NamedFiles]) -> bool:
    return any(isinstance(each.found, FileFault) for each in named)


def bytes_of(named: list[NamedFiles]) -> int:
    return sum(each.found.size_bytes for each in named if isinstance(each.found, Attachment))


def test_only_the_wanted_rows_are_measured(root: Path):
    """The results count the given positions from 0."""
    finder = AttachmentFinder(rules(), root)
    chunk = chunk_of([("none.pdf",), ("a.pdf",), ("none.pdf",), ("a.pdf;a.pdf",)], ("A",))
    measured = FileMeasurer(finder).measure(chunk, np.array([1, 2, 3]))
    assert measured.unclear.tolist() == [1]
    assert measured.size_bytes[[0, 2]].tolist() == [4, 8]


def test_undecodable_names_harm_no_other_row(root: Path):
    """Half a surrogate pair or a NUL in one cell of a chunk harms no other."""
    chunk = chunk_of([("a\0.pdf",), ("a.pdf",), ("\ud800.pdf",)], ("A",))
    assert FileMeasurer(AttachmentFinder(rules(), root)).measure(chunk, np.arange(3)).unclear.tolist() == [0, 2]


def test_usual_rows_are_measured_without_the_finder(tmp_path: Path):
    """Valid rows take the fast way, with or without a folder."""
    (tmp_path / "1").mkdir()
    for name in ("a.pdf", "1/b.pdf"):
        (tmp_path / name).write_bytes(b"%PDF")
    finder = AttachmentFinder(rules(folder=FOLDER), tmp_path)
    chunk = chunk_of([("a.pdf", "none"), ("", "1"), ("", "")], ("A", "Key"))
    assert FileMeasurer(finder).measure(chunk, np.arange(3)).unclear.tolist() == []
