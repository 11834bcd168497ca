"""Cells to files: what is found, what is refused and why; nothing outside the root is ever taken."""

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
from tests.validation.checking import HEAD, check, codes

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one file in it, and one file beside it that is nobody's business."""
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
    """The code of what is wrong with one named file, or the name under which it is sent."""
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
def test_names_and_what_they_stand_for(root: Path, name: str, expected: str):
    """A name is a path below the root, as Unix or Windows writes it; each way out of the root is closed."""
    assert outcome(root, name) == expected


def test_an_absolute_path_may_point_into_the_root(root: Path):
    """An export that wrote whole paths works where it was made."""
    assert outcome(root, str(root / "a.pdf")) == "sent as a.pdf"
    assert outcome(root, str(root.parent / "secret.pdf")) == "attachment-outside-root"


def test_a_name_that_is_there_as_written_is_that_file(root: Path):
    """A backslash in a Unix file name stands for itself where such a file is."""
    (root / "2024\\b.png").write_bytes(b"other")
    (named,) = find(root, "2024\\b.png")
    assert isinstance(named.found, Attachment)
    assert named.found.path.read_bytes() == b"other"


def test_a_link_inside_the_root_is_sent_under_its_own_name(root: Path):
    """A link into a store of unnamed blobs has the name, the ending and the content type that people see."""
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
    """A link is followed before it is judged, the last part of a path or one on the way; there or dangling."""
    (root / "link").symlink_to(target)
    assert outcome(root, "link") == "attachment-outside-root"
    assert outcome(root, "link/secret.pdf") == "attachment-outside-root"


def test_links_that_lead_nowhere(root: Path):
    """A dangling link is a missing file, and a loop an unreadable one; neither hangs or raises."""
    (root / "dangling").symlink_to("none.pdf")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    assert outcome(root, "dangling") == "attachment-missing"
    assert outcome(root, "one") == "attachment-unreadable"


def test_the_root_may_be_a_link_itself(root: Path):
    """The root is where it really is, so files below a linked root are inside."""
    linked = root.parent / "linked"
    linked.symlink_to(root)
    assert outcome(linked, "a.pdf") == "sent as a.pdf"
    assert outcome(linked, "../secret.pdf") == "attachment-outside-root"


def test_a_root_that_is_not_there_has_no_files(root: Path):
    """Then each file is missing, which says where it was looked for."""
    (named,) = find(root / "none", "a.pdf")
    assert isinstance(named.found, FileFault)
    assert named.found == FileFault("attachment-missing", f"there is no file 'a.pdf' in {root / 'none'}")


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_cell", ["NFC", "NFD"])
def test_unicode_forms_of_one_name_are_one_name(root: Path, on_disk: str, in_cell: str):
    """A Mac's archive and a manifest seldom agree on how an umlaut is put together; the cell's form is sent."""
    name = unicodedata.normalize(in_cell, "übersicht é.pdf")  # type: ignore[arg-type]
    (root / unicodedata.normalize(on_disk, "übersicht é.pdf")).write_bytes(b"%PDF")  # type: ignore[arg-type]
    assert outcome(root, name) == f"sent as {name}"


def test_a_pipe_is_not_a_file(root: Path):
    """A FIFO is never opened, so nothing waits for whoever would write to it."""
    os.mkfifo(root / "pipe.pdf")
    assert outcome(root, "pipe.pdf") == "attachment-not-a-file"


def test_an_unreadable_file_is_found_before_it_is_sent(root: Path):
    """What this user may not read is a problem of its row. For root, who may read all, another stands in."""
    (root / "a.pdf").chmod(0)
    with as_a_user_without_rights():
        assert outcome(root, "a.pdf") == "attachment-unreadable"


def test_sizes(root: Path):
    """An empty file is refused, and one byte more than is allowed; exactly as much is fine."""
    (root / "empty.pdf").touch()
    (root / "five.pdf").write_bytes(b"12345")
    assert outcome(root, "empty.pdf") == "attachment-empty"
    assert outcome(root, "five.pdf", max_file_size_bytes=5) == "sent as five.pdf"
    assert outcome(root, "five.pdf", max_file_size_bytes=4) == "attachment-too-large"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("a.pdf", True), ("A.PDF", True), ("a.tar.gz", True), ("a.PnG", False), ("pdf", False), (".pdf", False), ("a.", False), ("a.pdf.exe", False)],
)  # fmt: skip
def test_extensions_are_judged_by_the_last_ending(root: Path, name: str, allowed: bool):  # noqa: FBT001 - a case
    """In any case of letters; a name without an ending has none that is allowed."""
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
def test_content_types(root: Path, name: str, content_type: str):
    """By the ending, the same on every machine; what is compressed or unknown is bytes."""
    (root / name).write_bytes(b"x")
    (named,) = find(root, name)
    assert isinstance(named.found, Attachment)
    assert (named.found.name, named.found.content_type) == (name, content_type)


def test_what_was_checked_is_written_down(root: Path):
    """The path is absolute with its links followed; size and time let the sender see whether the file changed."""
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
def test_cells_are_split(root: Path, cells: tuple[str, ...], names: list[str]):
    """Blanks around a name and empty parts are nothing; the order is that of the columns, then of the cell."""
    assert [named.name for named in find(root, *cells)] == names


def test_another_separator(root: Path):
    """A separator may be longer than a character, and then a semicolon belongs to the name."""
    (root / "a;b.pdf").write_bytes(b"x")
    assert [named.name for named in find(root, "a;b.pdf || a.pdf", separator="||")] == ["a;b.pdf", "a.pdf"]


def test_too_many_files_are_one_problem(root: Path):
    """The limit counts over all columns; the first file beyond it is named, with the column it stands in."""
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
    checked = check(TEXT, COLUMNS, *rows, root=root)
    assert [file.name for file in checked.ticket(0).attachments] == ["a.pdf", "b.png", "a.pdf"]
    assert checked.ticket(1).attachments == ()
    assert checked.attachment_bytes() == 4 + 3 + 4


def test_every_bad_file_of_a_row_is_a_problem_with_its_place(root: Path):
    """Column and name say which part of which cell it is; the bytes of a row that is not sent are not counted."""
    checked = check(TEXT, COLUMNS, ["1", "mina@example.com", "none.pdf;a.pdf", "../secret.pdf"], root=root)
    assert codes(checked) == ["attachment-missing", "attachment-outside-root"]
    assert [(problem.column, problem.value) for problem in checked.problems[0]] == [
        ("Files", "none.pdf"),
        ("Shot", "../secret.pdf"),
    ]
    assert checked.attachment_bytes() == 0


@contextmanager
def as_a_user_without_rights() -> Iterator[None]:
    """Where the tests run as root, ask as `nobody` what may be read: the real user ID is what access(2) goes by."""
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
def test_names_that_only_look_like_a_file(name: str, code: str, tmp_path: Path):
    """A path means what the system takes it for: nothing lies below a file, and nothing is dropped from a name."""
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "in.txt", tmp_path / "sub" / "in.txt"):
        path.write_bytes(b"content")
    finder = AttachmentFinder(AttachmentRules(columns=("Files",)), tmp_path)
    for _ in range(2):  # once as new, once as remembered
        (named,) = finder.find([("Files", name)])
        assert isinstance(named.found, FileFault)
        assert named.found.code == code


@pytest.mark.parametrize(
    "name", ["in.txt", "./in.txt", "sub/../in.txt", "sub//../in.txt", "sub/./in.txt", "sub//in.txt"]
)
def test_other_names_of_a_file(name: str, tmp_path: Path):
    """Folders that are there may be gone through and left again."""
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "in.txt", tmp_path / "sub" / "in.txt"):
        path.write_bytes(b"content")
    (named,) = AttachmentFinder(AttachmentRules(columns=("Files",)), tmp_path).find([("Files", name)])
    assert isinstance(named.found, Attachment)
