"""Writing the results file: complete or not at all, with every cell unchanged, and no other file lost."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import ResultsError, StoppedEarly
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from importer.results import COLUMNS, PartFile, check_results_path, write_results
from tests.results.making import OTHER_SOURCE, RUN, created, outcomes, records, write

ROOT = Path(__file__).parents[2]
CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\x00"), max_size=12
) | st.sampled_from(
    ["", " ", '"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "a\rb", "\n=1", "0012", "NA", "nan", "None", "1e5", "'=1"]
)
COLUMN_SETS = st.integers(1, 3).map(lambda width: [f"column {index}" for index in range(width)])


def read_back(path: Path) -> tuple[list[str], list[list[str]]]:
    manifest = open_manifest(path, ManifestOptions(), COLUMNS)
    cells = [record for chunk in manifest.chunks() for record in chunk.frame.to_numpy(dtype=object).tolist()]
    assert not any(chunk.problems for chunk in manifest.chunks())
    return list(manifest.columns), cells


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    columns = draw(COLUMN_SETS)
    record = st.lists(CELL, min_size=len(columns), max_size=len(columns))
    return columns, draw(st.lists(record, min_size=1, max_size=5))


@settings(max_examples=150, deadline=None)
@given(tables())
def test_any_cell_comes_back_as_it_was(table) -> None:
    """Line ends, quotes, blanks, formulas and NA, in the results and in the part file."""
    columns, cells = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.results.csv")
        assert write(path, columns, cells) == len(cells)
        part = PartFile(path, columns, account="tenant", run=RUN)
        for at, record in enumerate(cells):
            part.add(record, created(at + 2, f"k{at + 2}"))
        part.close()
        whole = read_back(path)
        assert whole == (
            [*columns, *COLUMNS],
            [[*record, *created(at + 2, f"k{at + 2}").cells()] for at, record in enumerate(cells)],
        )
        assert part.path.read_bytes() == path.read_bytes()


def test_many_chunks_are_one_file_in_order(tmp_path) -> None:
    """The number of rows is returned."""
    path = tmp_path / "r.csv"
    chunks = [outcomes(["a"], [[f"{start + at}"] for at in range(3)], start) for start in (2, 5, 8)]
    assert write_results(path, ["a"], chunks) == 9
    assert [row["a"] for row in records(path)] == [str(number) for number in range(2, 11)]
    assert [row["import_row"] for row in records(path)] == [str(number) for number in range(2, 11)]


def test_no_rows_are_a_header(tmp_path) -> None:
    """The results have only a header, in UTF-8 with the byte order mark that Excel needs."""
    path = tmp_path / "r.csv"
    assert write_results(path, ["ä"], []) == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + ",".join(["ä", *COLUMNS]).encode() + b"\r\n"


def test_file_has_the_usual_permissions(tmp_path) -> None:
    """They follow the umask, although the temporary file is private."""
    before = os.umask(0o027)
    try:
        write(tmp_path / "r.csv", ["a"], [["1"]])
        assert os.umask(0o027) == 0o027, "the umask is left as it was"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "r.csv").stat().st_mode) == 0o640


def test_previous_results_get_the_next_number(tmp_path) -> None:
    """No previous file is lost, also none with a number from elsewhere."""
    path = tmp_path / "tickets.results.csv"
    (tmp_path / "tickets.results.7.csv").write_text("somebody's")
    for cell in ("first", "second", "third"):
        write(path, ["a"], [[cell]])
    names = {each.name for each in tmp_path.iterdir()}
    assert names == {f"tickets.results{number}.csv" for number in ("", ".7", ".8", ".9")}
    kept = [records(tmp_path / f"tickets.results{number}.csv")[0]["a"] for number in (".8", ".9", "")]
    assert kept == ["first", "second", "third"]


def test_failed_write_leaves_the_previous_results(tmp_path) -> None:
    """An error while writing changes no file and leaves none behind."""
    path = tmp_path / "r.csv"
    write(path, ["a"], [["former"]])

    def breaks():
        yield outcomes(["a"], [["new"]])
        raise StoppedEarly("the ledger is gone")

    with pytest.raises(StoppedEarly, match="the ledger is gone"):
        write_results(path, ["a"], breaks())
    assert [each.name for each in tmp_path.iterdir()] == ["r.csv"]
    assert records(path)[0]["a"] == "former"


# A limit on the size of files simulates a full disk; Python ignores the signal, so the write fails.
ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from importer.errors import StoppedEarly
from importer.results import PartFile
from tests.results.making import RUN, created, write
path = Path(sys.argv[1])
write(path, ["a"], [["former"]])
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
part = PartFile(path, ["a"], account="tenant", run=RUN)
for deed in (lambda: write(path, ["a"], [["x" * 100]] * 200), lambda: part.add(["x" * 9000], created(2))):
    try:
        deed()
    except StoppedEarly as error:
        print(error.message, "|", error.hint)
    else:
        print("no error")
part.close()
"""


def test_full_disk_leaves_the_previous_results(tmp_path) -> None:
    """Results and part file: the exit code is 3, and there is no incomplete file."""
    path = tmp_path / "r.csv"
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(path)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    whole, part = done.stdout.splitlines()
    assert whole.startswith(f"the results {path} can't be written: File too large")
    assert "nothing is sent twice" in whole
    assert part.startswith(f"{path}.part can't be written: File too large")
    assert records(path)[0]["a"] == "former"
    assert {each.name for each in tmp_path.iterdir()} == {"r.csv", "r.csv.part"}


def test_the_part_file_grows_row_by_row(tmp_path) -> None:
    """A finished row is written at once; a later run starts a new file."""
    path = tmp_path / "r.csv"
    for _ in range(2):
        part = PartFile(path, ["a"], account="tenant", run=RUN)
        for number in range(2):
            part.add([f"{number}"], created(number + 2))
            assert [row["a"] for row in records(part.path)] == [f"{each}" for each in range(number + 1)]
        part.close()
    assert list(tmp_path.iterdir()) == [part.path]


# -- where results may go


def refusal(path: Path, *inputs: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        check_results_path(path, account="tenant", source="old-helpdesk", inputs=inputs)
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return "\n".join(caught.value.lines())


def accepted(path: Path) -> None:
    before = sorted(path.parent.iterdir())
    check_results_path(path, account="tenant", source="old-helpdesk", inputs=[])
    assert sorted(path.parent.iterdir()) == before, "looking leaves nothing behind"


def test_new_file_and_own_results_are_accepted(tmp_path) -> None:
    """Also an empty file, and results with only a header."""
    path = tmp_path / "r.csv"
    accepted(path)
    path.touch()
    accepted(path)
    write_results(path, ["a"], [])
    accepted(path)
    write(path, ["a"], [["1"]])
    accepted(path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_own_results_saved_by_a_spreadsheet_are_accepted(tmp_path, encoding) -> None:
    """Excel saves with semicolons or tabs and in other encodings."""
    path = tmp_path / "r.csv"
    write(path, ["Täg"], [["grün"]])
    text = path.read_text(encoding="utf-8-sig").replace(",", ";")
    path.write_text(text, encoding=encoding)
    accepted(path)


def test_own_results_with_very_long_cells_are_accepted(tmp_path) -> None:
    """The first row has a description of 200,000 characters."""
    write(tmp_path / "r.csv", ["a"], [["x" * 200_000]])
    accepted(tmp_path / "r.csv")


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"account": "other"}, "account 'other'"), ({"run": OTHER_SOURCE}, "source 'crm.v2'")],
)
def test_results_of_another_account_or_source_are_never_replaced(tmp_path, changes, named) -> None:
    """The message names their account and source."""
    path = tmp_path / "r.csv"
    some = outcomes(["a"], [["1"]])
    some.results[0] = created(2, **changes)
    write_results(path, ["a"], [some])
    assert named in refusal(path)


@pytest.mark.parametrize(
    "content", [b"a,b\r\n1,2\r\n", b"\x89PNG\r\n\x1a\n", b"\xff\xfe\xff", b"just a line\n", b'a,import_run\n"open\n']
)
def test_foreign_files_are_never_replaced(tmp_path, content) -> None:
    """A manifest, a picture, a note and a damaged file stay unchanged."""
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    assert str(path) in refusal(path)
    assert path.read_bytes() == content


def test_results_cut_off_in_their_first_row_are_refused(tmp_path) -> None:
    """A row with too few cells has no account."""
    path = tmp_path / "r.csv"
    path.write_text(",".join(["a", *COLUMNS]) + "\r\n1,2\r\n", encoding="utf-8")
    assert "account ''" in refusal(path)


def test_unwritable_paths_are_refused(tmp_path) -> None:
    """A folder, a missing folder, another ending, a read-only file system."""
    assert "is a folder" in refusal(tmp_path)
    assert "there is no folder" in refusal(tmp_path / "none" / "r.csv")
    assert "not as .ods" in refusal(tmp_path / "r.ods")
    assert "not as a file without one" in refusal(tmp_path / "results")
    assert "can't be written" in refusal(Path("/proc/r.csv"))


def test_an_input_is_never_replaced(tmp_path) -> None:
    """Neither by its own name nor through a link."""
    manifest, link = tmp_path / "tickets.csv", tmp_path / "link.csv"
    write(manifest, ["a"], [["1"]])
    link.symlink_to(manifest)
    assert "is an input" in refusal(manifest, manifest)
    assert "is an input" in refusal(link, manifest)


def test_results_that_were_checked_are_not_read_again(tmp_path) -> None:
    """`rerun` has just checked the file, and a large workbook takes long to load."""
    results, others = tmp_path / "r.csv", tmp_path / "others.csv"
    for path in (results, others):
        path.write_text("not,results\n1,2\n", encoding="utf-8")
    check_results_path(results, account="a", source="b", inputs=[], checked=results)
    with pytest.raises(ResultsError, match="not a results file"):
        check_results_path(others, account="a", source="b", inputs=[], checked=results)
