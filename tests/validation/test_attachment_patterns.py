"""Cells that are patterns or `file:` URLs, and a folder for each row: what is found, and that nothing climbs out."""

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
from tests.validation.checking import HEAD, check, codes
from tests.validation.test_attachments import NOBODY

TREE = ("a.txt", "b.txt", "c.log", ".hidden.txt", "logs/2.txt", "logs/10.txt", "logs/deep/er/3.txt", "logs/.git/4.txt", "report[1].txt", "K1/x.pdf", "K1/sub/y.pdf", "K1_scan.pdf", "[K]/z.pdf", "K*/odd.pdf", "über/ü.txt", "K1.pdf")  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files in folders, and a file beside the root that is nobody's business."""
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
    """The files of a row by their names from the root on, or the codes of what is wrong."""
    if isinstance(folder := rules.get("folder"), str):
        rules["folder"] = Template.parse(folder)
    return [told(named, root) for named in AttachmentFinder(AttachmentRules(**rules), root).find(row.items())]


def told(named: NamedFiles, root: Path) -> str:
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
def test_patterns(root: Path, cell: str, expected: list[str]):
    """A pattern stands for the files that fit, sorted, each once; one that fits none, or leads out, is a problem."""
    assert globbed(root, cell) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    cell=st.text(alphabet="*?[]!-^./\\:%aKlog1tx ü\u0308", max_size=14), key=st.text(alphabet="*?[]./\\K1 ", max_size=5)
)
def test_any_cell_is_answered(root: Path, cell: str, key: str):
    """Whatever stands in the cells, what comes out is files inside the root, each once, or faults of the catalogue."""
    if not (root / "out").is_symlink():
        (root / "out").symlink_to("../outside")
    rules = {"columns": ("Files",), "glob": True, "folder": "{Key}/**"}
    outcome = found(root, {"Files": cell, "Key": key}, **rules)
    names = [each for each in outcome if each not in ERROR_CODES]
    assert all((root / name).is_file() for name in names)
    assert len(set(names)) == len(names)


def test_patterns_are_names_unless_they_are_asked_for(root: Path):
    """Without `glob`, a star is a star."""
    assert found(root, {"Files": "*.txt"}, columns=("Files",)) == ["attachment-missing"]


def test_an_absolute_pattern_may_point_into_the_root(root: Path):
    """An export that wrote whole paths works where it was made, by the root's own name and by that of a link to it."""
    assert globbed(root, f"{root}/[ab].txt") == ["a.txt", "b.txt"]
    linked = root.parent / "linked"
    linked.symlink_to(root)
    assert globbed(linked, f"{linked}/a.t*") == globbed(linked, f"{root}/a.t*") == ["a.txt"]


@pytest.mark.parametrize("target", ["../outside", "/etc"])
def test_no_pattern_follows_a_link_out_of_the_root(root: Path, target: str):
    """Neither a folder's link nor a file's; a link that stays inside is followed, but by `**`, which could run in circles."""
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
def as_nobody() -> Iterator[None]:
    """Where the tests run as root, who may look into all folders, be another for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_looked_into_is_a_problem():
    """What can't be listed is not taken for empty: files would be lost in silence."""
    with TemporaryDirectory() as top:
        root = Path(top)
        root.chmod(0o755)
        for name in ("locked/K1", "shut"):
            (root / name).mkdir(parents=True)
            (root / name / "a.txt").write_bytes(b"x")
        (root / "locked").chmod(0o000)
        (root / "shut").chmod(0o000)
        with as_nobody():
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
def test_a_folder_for_each_row(root: Path, key: str, folder: str, expected: list[str]):
    """What stands in a cell is a name and no pattern, and never leads elsewhere; an empty one names no folder at all."""
    assert in_folder(root, key, folder) == expected


@pytest.mark.parametrize("key", ["K9", "[9]"])
@pytest.mark.parametrize("folder", ["{Key}", "{Key}/", "{Key}/*", "./{Key}/**"])
def test_a_rows_folder_that_is_a_link_out_of_the_root_is_told(root: Path, key: str, folder: str):
    """Its files are not sent, and the row does not go out as if it had none, however the folder is named."""
    (root / key).symlink_to("../outside")
    assert in_folder(root, key, folder) == ["attachment-outside-root"]


def test_two_cells_that_together_would_climb_do_not(root: Path):
    """Neither cell is suspicious by itself; what they make together leads out of the root."""
    row = {"One": ".x", "Two": "y"}
    assert found(root, row, folder="{One}{Two}/*") == []
    (root / "logs" / "link").symlink_to("../../outside")
    assert found(root, {"One": "logs", "Two": "link"}, folder="{One}/{Two}/*") == ["attachment-outside-root"]


def test_files_of_the_row_and_of_its_folder_are_there_once(root: Path):
    """First those that it names, in its order; then what else lies in its folder."""
    row = {"Files": "K1/x.pdf;a.txt;a.txt", "Key": "K1"}
    expected = ["K1/x.pdf", "a.txt", "a.txt", "K1/sub/y.pdf"]
    assert found(root, row, columns=("Files",), folder="{Key}/**") == expected


def test_a_row_without_files_may_be_a_mistake(root: Path):
    """With `required`, by whichever way files could have come."""
    assert in_folder(root, "K2", "{Key}/*", required=True) == ["attachment-required"]
    assert in_folder(root, "K1", "{Key}/*", required=True) == ["K1/x.pdf"]
    assert found(root, {"Files": " ; "}, columns=("Files",), required=True) == ["attachment-required"]
    assert found(root, {"Files": "none"}, columns=("Files",), required=True) == ["attachment-missing"]


def test_what_a_folder_holds_is_held_to_the_rules(root: Path):
    """Each file that is found is judged as one that is named."""
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
def test_addresses(root: Path, name: str, expected: str):
    """A `file:` URL is the path in it, percent signs decoded, and goes no farther than a path; any other is refused."""
    assert found(root, {"Files": name.format(root=root)}, columns=("Files",)) == [expected]


def test_a_file_of_a_windows_export_is_found_where_its_drive_is_a_folder(root: Path):
    """The path behind `file:///` begins with the drive's letter."""
    (root / "C:").mkdir()
    (root / "C:" / "a b.txt").write_bytes(b"x")
    assert found(root, {"Files": "file:///C:/a%20b.txt"}, columns=("Files",)) == ["C:/a b.txt"]


def test_a_name_clash_is_no_problem(root: Path):
    """Two files of one name in different folders are two attachments."""
    (root / "logs" / "a.txt").write_bytes(b"y")
    finder = AttachmentFinder(AttachmentRules(columns=("Files",)), root)
    named = finder.find([("Files", "a.txt;logs/a.txt")])
    assert [getattr(each.found, "name", "") for each in named] == ["a.txt", "a.txt"]


def test_a_folders_files_are_in_the_ticket(root: Path):
    """A mapping with a folder: its column needs no rule of its own, and what is wrong tells the column."""
    text = (
        f"{HEAD.replace('key: ID', 'key: Key')}columns: {{Mail: LeadDetail.EmailAddress}}\n"
        "attachments: {folder: '{Key}/*', required: true}\n"
    )
    rows = [["K1", "mina@example.com"], ["K2", "mina@example.com"], ["../K1", "mina@example.com"]]
    checked = check(text, ("Key", "Mail"), *rows, root=root)
    assert [file.name for file in checked.ticket(0).attachments] == ["x.pdf"]
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
def test_a_folder_in_which_no_row_can_have_files_is_told(root: Path, folder: str, doubt: str):
    """Without files a row is right, so that a slip in the name of all rows' folder shows nowhere else."""
    (root / "empty").mkdir()
    finder = AttachmentFinder(AttachmentRules(columns=(), folder=Template.parse(folder)), root)
    text = f"attachments > folder: there is no file below {root / doubt}, so no row has files of its own"
    assert finder.doubts == ((text,) if doubt else ())


def test_no_folder_no_doubt(root: Path):
    """Columns that name files tell by each row what is missing."""
    assert AttachmentFinder(AttachmentRules(columns=("Files",)), root / "not-there").doubts == ()
