"""Cells to files: which are found, which are refused and why; nothing outside the root is ever read."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer.attachments import AttachmentFinder, FileFault, NamedFiles
from importer.error_codes import ERROR_CODES
from importer.mapping import AttachmentRules
from importer.models import Attachment, file_identity
from tests.validation.checking import HEAD, check, codes, validator

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one file in it, and one file outside."""
    root = tmp_path / "files"
    (root / "2024").mkdir(parents=True)
    (root / "a.pdf").write_bytes(b"%PDF")
    (root / "2024" / "b.png").write_bytes(b"PNG")
    (tmp_path / "secret.pdf").write_bytes(b"keys")
    (tmp_path / "files-too").mkdir()
    (tmp_path / "files-too" / "secret.pdf").write_bytes(b"keys")
    return root


def find(root: Path, *cells: str, **rules: object) -> list[NamedFiles]:
    """Look up the cells of the columns A, B and so on."""
    columns = tuple("ABCDEF"[: len(cells)])
    finder = AttachmentFinder(AttachmentRules(columns=columns, **rules), root)  # type: ignore[arg-type]
    return finder.find(zip(columns, cells, strict=True))


def outcome(root: Path, name: str, **rules: object) -> str:
    """Return the code of a named file's problem, or the name under which it is sent."""
    (named,) = find(root, name, **rules)
    if isinstance(named.found, FileFault):
        assert named.found.code in ERROR_CODES
        return named.found.code
    return f"sent as {named.found.name}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", "sent as a.pdf"),
        ("./a.pdf", "sent as a.pdf"),
        ("2024/b.png", "sent as b.png"),
        ("2024//b.png", "sent as b.png"),
        ("2024\\b.png", "sent as b.png"),
        (".\\2024\\b.png", "sent as b.png"),
        ("2024/../a.pdf", "sent as a.pdf"),
        ("../files/a.pdf", "sent as a.pdf"),
        ("A.PDF", "attachment-missing"),
        ("c.pdf", "attachment-missing"),
        ("a.pdf/b.pdf", "attachment-missing"),
        ("none/a.pdf", "attachment-missing"),
        ("C:\\exports\\a.pdf", "attachment-missing"),
        ("http://example.com/a.pdf", "attachment-url"),
        ("HTTPS://example.com/a.pdf", "attachment-url"),
        ("ftp://example.com/a.pdf", "attachment-url"),
        ("~/a.pdf", "attachment-missing"),
        ("x" * 300, "attachment-missing"),
        ("x/" * 3000, "attachment-missing"),
        ("../secret.pdf", "attachment-outside-root"),
        ("../files-too/secret.pdf", "attachment-outside-root"),
        ("..\\secret.pdf", "attachment-outside-root"),
        ("2024/../../secret.pdf", "attachment-outside-root"),
        ("../not-there.pdf", "attachment-outside-root"),
        ("..", "attachment-outside-root"),
        ("/etc/hostname", "attachment-outside-root"),
        ("/dev/null", "attachment-outside-root"),
        ("/", "attachment-outside-root"),
        ("2024", "attachment-not-a-file"),
        (".", "attachment-not-a-file"),
        ("a\x00.pdf", "attachment-bad-name"),
        ("a\n.pdf", "attachment-bad-name"),
        ("a\x7f.pdf", "attachment-bad-name"),
        ("\ud800.pdf", "attachment-bad-name"),
    ],
)
def test_names_are_paths_below_the_root(root: Path, name: str, expected: str):
    """A name is a Unix or Windows path below the root; no path leaves the root."""
    assert outcome(root, name) == expected


def test_an_absolute_path_may_point_into_the_root(root: Path):
    """An export with absolute paths works on the machine where it was made."""
    assert outcome(root, str(root / "a.pdf")) == "sent as a.pdf"
    assert outcome(root, str(root.parent / "secret.pdf")) == "attachment-outside-root"


def test_a_file_with_a_backslash_in_its_name_is_found(root: Path):
    """Where a Unix file has a backslash in its name, the backslash is no separator."""
    (root / "2024\\b.png").write_bytes(b"other")
    (named,) = find(root, "2024\\b.png")
    assert isinstance(named.found, Attachment)
    assert named.found.path.read_bytes() == b"other"


def test_a_link_inside_the_root_is_sent_under_its_own_name(root: Path):
    """A link into a store of unnamed blobs gives the name, the ending and the content type."""
    (root / "blob0").write_bytes(b"%PDF")
    (root / "offer.pdf").symlink_to("blob0")
    (named,) = find(root, "offer.pdf", extensions=("pdf",))
    assert isinstance(named.found, Attachment)
    assert (named.found.path.name, named.found.name, named.found.content_type) == (
        "blob0",
        "offer.pdf",
        "application/pdf",
    )
    assert outcome(root, "blob0", extensions=("pdf",)) == "attachment-type"


@pytest.mark.parametrize("target", ["../secret.pdf", "../files-too", "/etc", "../none.pdf"])
def test_a_link_that_leaves_the_root_is_refused(root: Path, target: str):
    """Links are resolved first, at the end of a path or within it, also dangling ones."""
    (root / "link").symlink_to(target)
    assert outcome(root, "link") == "attachment-outside-root"
    assert outcome(root, "link/secret.pdf") == "attachment-outside-root"


def test_dangling_and_circular_links_are_problems(root: Path):
    """A dangling link is a missing file, and a loop an unreadable one; neither hangs or raises."""
    (root / "dangling").symlink_to("none.pdf")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    assert outcome(root, "dangling") == "attachment-missing"
    assert outcome(root, "one") == "attachment-unreadable"


def test_the_root_may_be_a_link(root: Path):
    """Files below a linked root are inside it."""
    linked = root.parent / "linked"
    linked.symlink_to(root)
    assert outcome(linked, "a.pdf") == "sent as a.pdf"
    assert outcome(linked, "../secret.pdf") == "attachment-outside-root"


def test_all_files_are_missing_without_a_root(root: Path):
    """Each file is missing, and the message says where it was expected."""
    (named,) = find(root / "none", "a.pdf")
    assert isinstance(named.found, FileFault)
    assert named.found == FileFault("attachment-missing", f"there is no file 'a.pdf' in {root / 'none'}")


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_cell", ["NFC", "NFD"])
def test_unicode_forms_of_a_name_are_equal(root: Path, on_disk: str, in_cell: str):
    """A Mac's archive and a manifest often compose umlauts differently; the cell's form is sent."""
    name = unicodedata.normalize(in_cell, "übersicht é.pdf")  # type: ignore[arg-type]
    (root / unicodedata.normalize(on_disk, "übersicht é.pdf")).write_bytes(b"%PDF")  # type: ignore[arg-type]
    assert outcome(root, name) == f"sent as {name}"


def test_a_pipe_is_not_a_file(root: Path):
    """A FIFO is never opened: that would wait for a writer."""
    os.mkfifo(root / "pipe.pdf")
    assert outcome(root, "pipe.pdf") == "attachment-not-a-file"


def test_an_unreadable_file_is_a_problem_of_its_row(root: Path):
    """For root, who may read everything, an unprivileged user is used."""
    (root / "a.pdf").chmod(0)
    with as_unprivileged_user():
        assert outcome(root, "a.pdf") == "attachment-unreadable"


def test_empty_and_too_large_files_are_refused(root: Path):
    """A file of exactly the allowed size is accepted."""
    (root / "empty.pdf").touch()
    (root / "five.pdf").write_bytes(b"12345")
    assert outcome(root, "empty.pdf") == "attachment-empty"
    assert outcome(root, "five.pdf", max_file_size_bytes=5) == "sent as five.pdf"
    assert outcome(root, "five.pdf", max_file_size_bytes=4) == "attachment-too-large"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("a.pdf", True), ("A.PDF", True), ("a.tar.gz", True), ("a.PnG", False), ("pdf", False), (".pdf", False), ("a.", False), ("a.pdf.exe", False)],
)  # fmt: skip
def test_the_last_extension_must_be_allowed(root: Path, name: str, allowed: bool):  # noqa: FBT001 - a case
    """Letter case does not matter; a name without extension is refused."""
    (root / name).write_bytes(b"x")
    assert outcome(root, name, extensions=("pdf", "gz")) == (f"sent as {name}" if allowed else "attachment-type")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("my file (1).pdf", "application/pdf"),
        ("übersicht 漢字.png", "image/png"),
        ('say "hi".TXT', "text/plain"),
        ("app.log", "text/plain"),
        ("table.csv", "text/csv"),
        ("book.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("mail.msg", "application/vnd.ms-outlook"),
        ("photo.webp", "image/webp"),
        ("logs.tar.gz", "application/octet-stream"),
        ("no ending", "application/octet-stream"),
        ("what.is-this", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_from_the_extension(root: Path, name: str, content_type: str):
    """It is the same on every machine; compressed and unknown files are bytes."""
    (root / name).write_bytes(b"x")
    (named,) = find(root, name)
    assert isinstance(named.found, Attachment)
    assert (named.found.name, named.found.content_type) == (name, content_type)


def test_an_attachment_records_path_size_and_time(root: Path):
    """The path is absolute with links resolved; by size and time the sender detects changes."""
    (named,) = find(root, "2024/b.png")
    status = (root / "2024" / "b.png").stat()
    assert named.found == Attachment(
        path=Path(os.path.realpath(root / "2024" / "b.png")),
        name="b.png",
        size_bytes=3,
        identity=file_identity(status),
        content_type="image/png",
    )


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (("a.pdf;2024/b.png",), ["a.pdf", "2024/b.png"]),
        ((" a.pdf ;\t2024/b.png\n",), ["a.pdf", "2024/b.png"]),
        (("a.pdf;;a.pdf;",), ["a.pdf", "a.pdf"]),
        ((";", " ; ", ""), []),
        (("a.pdf", "", "2024/b.png"), ["a.pdf", "2024/b.png"]),
    ],
)
def test_cells_are_split_at_the_separator(root: Path, cells: tuple[str, ...], names: list[str]):
    """Blanks around names and empty parts are dropped; columns keep their order, and names their order in the cell."""
    assert [named.name for named in find(root, *cells)] == names


def test_the_separator_can_be_set(root: Path):
    """It may be longer than a character; then a semicolon is part of the name."""
    (root / "a;b.pdf").write_bytes(b"x")
    assert [named.name for named in find(root, "a;b.pdf || a.pdf", separator="||")] == ["a;b.pdf", "a.pdf"]


def test_too_many_files_are_one_problem(root: Path):
    """The limit counts the files of all columns; the problem names the first file beyond it, and its column."""
    assert all(isinstance(named.found, Attachment) for named in find(root, "a.pdf;a.pdf", "a.pdf", max_files=3))
    *fine, over = find(root, "a.pdf;a.pdf", "2024/b.png;a.pdf;a.pdf", max_files=2)
    assert [named.name for named in fine] == ["a.pdf", "a.pdf"]
    assert (over.column, over.name) == ("B", "2024/b.png")
    assert over.found == FileFault("attachment-too-many", "5 attachments; at most 2 are allowed")


TEXT = (
    f"{HEAD}columns: {{Mail: LeadDetail.EmailAddress}}\nattachments: {{columns: [Files, Shot], max_files: 3}}\n"
    "ignore: [ID]\n"
)  # fmt: skip
COLUMNS = ("ID", "Mail", "Files", "Shot")


def test_a_rows_files_are_in_its_ticket(root: Path):
    """All files of all columns, in order; a row that names none has none."""
    rows = [["1", "mina@example.com", "a.pdf; 2024/b.png", "a.pdf"], ["2", "mina@example.com", "", ""]]
    found = [validator(TEXT, root).find_attachments(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    assert [[file.name for file in files] for files, _ in found] == [["a.pdf", "b.png", "a.pdf"], []]
    assert [fault for _, fault in found] == ["", ""]


def test_every_invalid_file_of_a_row_is_reported(root: Path):
    """Column and name identify the part of the cell."""
    checked = check(TEXT, COLUMNS, ["1", "mina@example.com", "none.pdf;a.pdf", "../secret.pdf"], root=root)
    assert codes(checked) == ["attachment-missing", "attachment-outside-root"]
    assert [(problem.column, problem.value) for problem in checked.problems[0]] == [
        ("Files", "none.pdf"),
        ("Shot", "../secret.pdf"),
    ]


@contextmanager
def as_unprivileged_user() -> Iterator[None]:
    """Become `nobody` if the tests run as root; access(2) checks the real user ID."""
    if os.getuid() != 0:
        yield
        return
    os.setreuid(NOBODY, -1)
    try:
        yield
    finally:
        os.setreuid(0, -1)


@pytest.mark.parametrize(
    ("name", "code"),
    {
        "sub/in.txt/.": "attachment-missing",
        "sub/in.txt/": "attachment-missing",
        "in.txt/./": "attachment-missing",
        "./in.txt/..//in.txt": "attachment-missing",
        "none/../in.txt": "attachment-missing",
        "sub": "attachment-not-a-file",
        "sub/.": "attachment-not-a-file",
        ".": "attachment-not-a-file",
        "..": "attachment-outside-root",
        "C:in.txt": "attachment-missing",
        "in.txt.": "attachment-missing",
        "in.txt .": "attachment-missing",
        "CON": "attachment-missing",
        "in.txt\0": "attachment-bad-name",
        "a" * 300: "attachment-missing",
        "a/" * 5_000: "attachment-missing",
    }.items(),
)
def test_names_are_resolved_like_the_system_does(name: str, code: str, tmp_path: Path):
    """Nothing lies below a file, and no part of a name is dropped."""
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "in.txt", tmp_path / "sub" / "in.txt"):
        path.write_bytes(b"content")
    finder = AttachmentFinder(AttachmentRules(columns=("Files",)), tmp_path)
    for _ in range(2):  # once uncached, once cached
        (named,) = finder.find([("Files", name)])
        assert isinstance(named.found, FileFault)
        assert named.found.code == code


@pytest.mark.parametrize(
    "name", ["in.txt", "./in.txt", "sub/../in.txt", "sub//../in.txt", "sub/./in.txt", "sub//in.txt"]
)
def test_paths_may_leave_existing_folders_again(name: str, tmp_path: Path):
    """`folder/../file` is the file if the folder exists."""
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "in.txt", tmp_path / "sub" / "in.txt"):
        path.write_bytes(b"content")
    (named,) = AttachmentFinder(AttachmentRules(columns=("Files",)), tmp_path).find([("Files", name)])
    assert isinstance(named.found, Attachment)
