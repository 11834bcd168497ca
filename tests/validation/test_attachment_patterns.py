"""Attachments by patterns, `file:` URLs and folders of rows; nothing outside the root is read."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.attachments import AttachmentFinder, FileFault, NamedFiles
from importer.error_codes import ERROR_CODES
from importer.mapping import AttachmentRules
from importer.mapping.templates import Template
from tests.validation.checking import HEAD, check, codes, validator
from tests.validation.test_attachments import NOBODY

TREE = ("a.txt", "b.txt", "c.log", ".hidden.txt", "logs/2.txt", "logs/10.txt", "logs/deep/er/3.txt", "logs/.git/4.txt", "report[1].txt", "K1/x.pdf", "K1/sub/y.pdf", "K1_scan.pdf", "[K]/z.pdf", "K*/odd.pdf", "über/ü.txt", "K1.pdf")  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files in folders, and a file outside the root."""
    root = tmp_path / "files"
    for name in TREE:
        path = root / unicodedata.normalize("NFC", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "secret.txt").write_bytes(b"keys")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_bytes(b"keys")
    return root


def found(root: Path, row: dict[str, str], **rules) -> list[str]:
    """Return the names of a row's files below the root, or the codes of its problems."""
    if isinstance(folder := rules.get("folder"), str):
        rules["folder"] = Template.parse(folder)
    return [path_or_code(named, root) for named in AttachmentFinder(AttachmentRules(**rules), root).find(row.items())]


def path_or_code(named: NamedFiles, root: Path) -> str:
    if isinstance(named.found, FileFault):
        return named.found.code
    return named.found.path.relative_to(os.path.realpath(root)).as_posix()


def globbed(root: Path, cell: str) -> list[str]:
    return found(root, {"Files": cell}, columns=("Files",), glob=True)


def in_folder(root: Path, key: str, folder: str, **rules) -> list[str]:
    return found(root, {"Key": key}, folder=folder, **rules)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("*.txt", ["a.txt", "b.txt", "report[1].txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("[!a].txt", ["b.txt"]),
        ("logs/*.txt", ["logs/10.txt", "logs/2.txt"]),
        ("logs\\*.txt", ["logs/10.txt", "logs/2.txt"]),
        ("./logs//*.txt", ["logs/10.txt", "logs/2.txt"]),
        ("logs/**/*.txt", ["logs/10.txt", "logs/2.txt", "logs/deep/er/3.txt"]),
        ("logs/**", ["logs/10.txt", "logs/2.txt", "logs/deep/er/3.txt"]),
        ("**/3.txt", ["logs/deep/er/3.txt"]),
        ("**/**/**/3.txt", ["logs/deep/er/3.txt"]),
        ("*/*/*/*.txt", ["logs/deep/er/3.txt"]),
        (".h*", [".hidden.txt"]),
        ("logs/.g*/4.txt", ["logs/.git/4.txt"]),
        ("report[1].txt", ["report[1].txt"]),
        ("a.txt;*.txt", ["a.txt", "b.txt", "report[1].txt"]),
        ("*.log;logs/2.txt", ["c.log", "logs/2.txt"]),
        ("a.txt;a.txt", ["a.txt"]),
        (unicodedata.normalize("NFD", "über/ü*"), [unicodedata.normalize("NFC", "über/ü.txt")]),
        (unicodedata.normalize("NFD", "ü*/ü.txt"), [unicodedata.normalize("NFC", "über/ü.txt")]),
        ("*.doc", ["attachment-missing"]),
        ("log?", ["attachment-missing"]),
        ("none/*", ["attachment-missing"]),
        ("a.txt/*", ["attachment-missing"]),
        ("*/", ["attachment-missing"]),
        ("../*", ["attachment-outside-root"]),
        ("logs/../../*", ["attachment-outside-root"]),
        ("/etc/host*", ["attachment-outside-root"]),
        ("*\x00", ["attachment-bad-name"]),
        ("https://example.com/*.txt", ["attachment-url"]),
        ("x" * 300 + "/*", ["attachment-missing"]),
        ("[", ["attachment-missing"]),
    ],
)
def test_a_pattern_gives_the_matching_files(root: Path, cell: str, expected: list[str]):
    """The files are sorted and appear once; a pattern without matches, or outside the root, is a problem."""
    assert globbed(root, cell) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    cell=st.text(alphabet="*?[]!-^./\\:%aKlog1tx ü\u0308", max_size=14), key=st.text(alphabet="*?[]./\\K1 ", max_size=5)
)
def test_any_cell_gives_files_or_faults(root: Path, cell: str, key: str):
    """Whatever the cells contain, the result is files inside the root, each once, or faults of the catalogue."""
    if not (root / "out").is_symlink():
        (root / "out").symlink_to("../outside")
    rules = {"columns": ("Files",), "glob": True, "folder": "{Key}/**"}
    outcome = found(root, {"Files": cell, "Key": key}, **rules)
    names = [each for each in outcome if each not in ERROR_CODES]
    assert all((root / name).is_file() for name in names)
    assert len(set(names)) == len(names)


def test_without_glob_a_star_is_part_of_the_name(root: Path):
    """Without `glob`, a star is a star."""
    assert found(root, {"Files": "*.txt"}, columns=("Files",)) == ["attachment-missing"]


def test_an_absolute_pattern_may_point_into_the_root(root: Path):
    """An export with absolute paths works on the machine where it was made, also through a link to the root."""
    assert globbed(root, f"{root}/[ab].txt") == ["a.txt", "b.txt"]
    linked = root.parent / "linked"
    linked.symlink_to(root)
    assert globbed(linked, f"{linked}/a.t*") == globbed(linked, f"{root}/a.t*") == ["a.txt"]


@pytest.mark.parametrize("target", ["../outside", "/etc"])
def test_no_pattern_follows_a_link_out_of_the_root(root: Path, target: str):
    """Links to folders or files outside are not followed; `**` follows no links at all, because they could form a loop."""
    (root / "out").symlink_to(target)
    (root / "in").symlink_to("logs")
    (root / "logs" / "up").symlink_to("..")
    assert globbed(root, "out/*") == ["attachment-outside-root"]
    assert globbed(root, "ou?/*") == ["attachment-missing"]
    assert globbed(root, "**/secret.txt") == ["attachment-missing"]
    assert globbed(root, "in/2.*") == ["logs/2.txt"]
    assert globbed(root, "**/2.txt") == ["logs/2.txt"]
    (root / "link.bin").symlink_to("../secret.txt")
    assert globbed(root, "*.bin") == ["attachment-outside-root"]


@contextmanager
def as_unprivileged_effective_user() -> Iterator[None]:
    """Become an unprivileged user for a while if the tests run as root, who may read all folders."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_folder_is_a_problem():
    """A folder that can't be listed does not count as empty: files would be lost silently."""
    with TemporaryDirectory() as top:
        root = Path(top)
        root.chmod(0o755)
        for name in ("locked/K1", "shut"):
            (root / name).mkdir(parents=True)
            (root / name / "a.txt").write_bytes(b"x")
        (root / "locked").chmod(0o000)
        (root / "shut").chmod(0o000)
        with as_unprivileged_effective_user():
            assert globbed(root, "shut/*.txt") == ["attachment-unreadable"]
            assert globbed(root, "**/*.txt") == ["attachment-unreadable"]
            assert in_folder(root, "K1", "locked/{Key}/*") == ["attachment-unreadable"]
        for name in ("locked", "shut"):
            (root / name).chmod(0o755)


@pytest.mark.parametrize(
    ("key", "folder", "expected"),
    [
        ("K1", "{Key}/*", ["K1/x.pdf"]),
        ("K1", "{Key}", ["K1/x.pdf"]),
        ("K1", "{Key}/", ["K1/x.pdf"]),
        ("K1", "{Key}/**", ["K1/sub/y.pdf", "K1/x.pdf"]),
        ("K1", "{Key}*.pdf", ["K1.pdf", "K1_scan.pdf"]),
        ("K1", "{Key}.pdf", ["K1.pdf"]),
        ("K1", "./{Key}\\*", ["K1/x.pdf"]),
        ("[K]", "{Key}/*", ["[K]/z.pdf"]),
        ("K*", "{Key}/*", ["K*/odd.pdf"]),
        ("[K]", "{Key}", ["[K]/z.pdf"]),
        ("K*", "{Key}", ["K*/odd.pdf"]),
        ("[K]", "{Key}*", []),
        ("K?", "{Key}/*", []),
        ("K2", "{Key}/*", []),
        ("", "{Key}/*", []),
        (" ", "{Key}*", []),
        ("..", "{Key}/*", ["attachment-bad-name"]),
        (".", "{Key}/*", ["attachment-bad-name"]),
        ("../K1", "{Key}/*", ["attachment-bad-name"]),
        ("K1/sub", "{Key}/*", ["attachment-bad-name"]),
        ("K1\\sub", "{Key}/*", ["attachment-bad-name"]),
        ("K1\x00", "{Key}/*", ["attachment-bad-name"]),
        (".", ".{Key}/*", ["attachment-bad-name"]),
        ("x" * 300, "{Key}/*", []),
        (unicodedata.normalize("NFD", "über"), "{Key}/*", [unicodedata.normalize("NFC", "über/ü.txt")]),
    ],
)
def test_each_row_has_a_folder(root: Path, key: str, folder: str, expected: list[str]):
    """The cell is a name, not a pattern, and never leads elsewhere; an empty cell names no folder."""
    assert in_folder(root, key, folder) == expected


@pytest.mark.parametrize("key", ["K9", "[9]"])
@pytest.mark.parametrize("folder", ["{Key}", "{Key}/", "{Key}/*", "./{Key}/**"])
def test_a_row_folder_that_links_out_of_the_root_is_a_problem(root: Path, key: str, folder: str):
    """Its files are not sent, and the row is not sent without them, however the folder is named."""
    (root / key).symlink_to("../outside")
    assert in_folder(root, key, folder) == ["attachment-outside-root"]


def test_two_cells_together_cant_leave_the_root(root: Path):
    """Each cell alone is harmless; joined they would lead out of the root."""
    row = {"One": ".x", "Two": "y"}
    assert found(root, row, folder="{One}{Two}/*") == []
    (root / "logs" / "link").symlink_to("../../outside")
    assert found(root, {"One": "logs", "Two": "link"}, folder="{One}/{Two}/*") == ["attachment-outside-root"]


def test_named_files_come_before_other_files_of_the_folder(root: Path):
    """First the files that the row names, in its order; then the others in its folder; each once."""
    row = {"Files": "K1/x.pdf;a.txt;a.txt", "Key": "K1"}
    expected = ["K1/x.pdf", "a.txt", "a.txt", "K1/sub/y.pdf"]
    assert found(root, row, columns=("Files",), folder="{Key}/**") == expected


def test_required_rejects_a_row_without_files(root: Path):
    """With `required`, a row needs a file, by name, pattern or folder."""
    assert in_folder(root, "K2", "{Key}/*", required=True) == ["attachment-required"]
    assert in_folder(root, "K1", "{Key}/*", required=True) == ["K1/x.pdf"]
    assert found(root, {"Files": " ; "}, columns=("Files",), required=True) == ["attachment-required"]
    assert found(root, {"Files": "none"}, columns=("Files",), required=True) == ["attachment-missing"]


def test_files_of_a_folder_are_checked_like_named_files(root: Path):
    """Each file that is found is checked as one that is named."""
    (root / "K1" / "empty.pdf").touch()
    assert in_folder(root, "K1", "{Key}/*") == ["attachment-empty", "K1/x.pdf"]
    assert in_folder(root, "K1", "{Key}/x*", extensions=("txt",)) == ["attachment-type"]
    assert in_folder(root, "logs", "{Key}/*.txt", max_files=1) == ["logs/10.txt", "attachment-too-many"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("file:a.txt", "a.txt"),
        ("FILE:a.txt", "a.txt"),
        ("file:logs/2%2Etxt", "logs/2.txt"),
        ("file:%C3%BCber/%c3%bc.txt", unicodedata.normalize("NFC", "über/ü.txt")),
        ("file:report%5B1%5D.txt", "report[1].txt"),
        ("file://{root}/a.txt", "a.txt"),
        ("file://localhost{root}/a.txt", "a.txt"),
        ("file:{root}/a.txt", "a.txt"),
        ("file:///C:/exports/a.txt", "attachment-missing"),
        ("file:///C|/exports/a.txt", "attachment-missing"),
        ("file:///etc/hostname", "attachment-outside-root"),
        ("file:..%2Fsecret.txt", "attachment-outside-root"),
        ("file://server/share/a.txt", "attachment-outside-root"),
        ("file:a%00.txt", "attachment-bad-name"),
        ("file:a%FF.txt", "attachment-bad-name"),
        ("file:", "attachment-not-a-file"),
        ("http://example.com/a.txt", "attachment-url"),
        ("S3://bucket/a.txt", "attachment-url"),
        ("a:b.txt", "attachment-missing"),
    ],
)
def test_file_urls_are_paths(root: Path, name: str, expected: str):
    """A `file:` URL is the path in it, with percent signs decoded; any other URL is refused."""
    assert found(root, {"Files": name.format(root=root)}, columns=("Files",)) == [expected]


def test_a_windows_file_url_is_found_below_a_folder_named_like_the_drive(root: Path):
    """The path after `file:///` begins with the drive's letter."""
    (root / "C:").mkdir()
    (root / "C:" / "a b.txt").write_bytes(b"x")
    assert found(root, {"Files": "file:///C:/a%20b.txt"}, columns=("Files",)) == ["C:/a b.txt"]


def test_two_files_of_one_name_are_two_attachments(root: Path):
    """Two files of one name in different folders are two attachments."""
    (root / "logs" / "a.txt").write_bytes(b"y")
    finder = AttachmentFinder(AttachmentRules(columns=("Files",)), root)
    named = finder.find([("Files", "a.txt;logs/a.txt")])
    assert [getattr(each.found, "name", "") for each in named] == ["a.txt", "a.txt"]


def test_a_folders_files_are_in_the_ticket(root: Path):
    """The folder's column needs no rule of its own; a problem names the column."""
    text = (
        f"{HEAD.replace('key: ID', 'key: Key')}columns: {{Mail: LeadDetail.EmailAddress}}\n"
        "attachments: {folder: '{Key}/*', required: true}\n"
    )
    rows = [["K1", "mina@example.com"], ["K2", "mina@example.com"], ["../K1", "mina@example.com"]]
    checked = check(text, ("Key", "Mail"), *rows, root=root)
    files, fault = validator(text, root).find_attachments({"Key": "K1", "Mail": ""})
    assert ([file.name for file in files], fault) == (["x.pdf"], "")
    assert codes(checked, 1) == ["attachment-required"]
    (problem,) = checked.problems[2]
    assert (problem.code, problem.column, problem.value) == ("attachment-bad-name", "Key", "../K1/*")


@pytest.mark.parametrize(
    ("folder", "doubt"),
    [
        ("logs/{ID}/*", ""),
        ("{ID}/*", ""),
        ("logs\\deep/scan-{ID}", ""),
        (unicodedata.normalize("NFD", "über/{ID}"), ""),
        ("log/{ID}/*", "log"),
        ("logs/deeper/{ID}", "logs/deeper"),
        ("empty/{ID}", "empty"),
    ],
)
def test_a_folder_pattern_without_any_folder_is_reported(root: Path, folder: str, doubt: str):
    """Rows without files are valid, so a typing error in the folder's name would not show in any row."""
    (root / "empty").mkdir()
    finder = AttachmentFinder(AttachmentRules(columns=(), folder=Template.parse(folder)), root)
    text = f"attachments > folder: there is no file below {root / doubt}, so no row has files of its own"
    assert finder.warnings == ((text,) if doubt else ())


def test_columns_of_names_need_no_folder_check(root: Path):
    """With columns of file names, each row reports its missing files."""
    assert AttachmentFinder(AttachmentRules(columns=("Files",)), root / "not-there").warnings == ()
