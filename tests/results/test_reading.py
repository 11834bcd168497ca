"""Reading a results file for `rerun`, and reasons to refuse it."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ResultsError
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions, Status, TicketIds
from importer.results import COLUMNS, ResultRow, check_results, past_imports, read_result_rows, write_results
from tests.results.making import OTHER_SOURCE, changed, created, outcomes, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "r.csv"
    write(path, ["a"], [["1"], ["2"], ["3"]])
    return path


def check(path: Path) -> None:
    manifest = open_manifest(path, ManifestOptions(), COLUMNS)
    check_results(manifest, str(path), account="tenant", source="old-helpdesk")


def refusal(path: Path) -> list[str]:
    with pytest.raises(ResultsError) as caught:
        check(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return list(caught.value.details) or [caught.value.message]


def test_results_as_they_were_written_are_accepted(path) -> None:
    """Also after columns of the manifest were edited."""
    check(path)
    changed(path, 1, a="corrected")
    check(path)


@pytest.mark.parametrize(
    "ids", [TicketIds(number="157", key="#157"), TicketIds(number="=1", ticket_id="@x", key="'-"), None]
)
def test_written_row_is_read_back_unchanged(tmp_path, ids) -> None:
    """With any ID and any error text."""
    status = Status.CREATED if ids else Status.FAILED
    row = created(2, ids=ids, status=status, code="refused", error="=cmd|' /C calc'!A0", hint="-x", attempts=3)
    some = outcomes(["a"], [["1"]])
    some.results[0] = row
    write_results(tmp_path / "r.csv", ["a"], [some])
    (chunk,) = open_manifest(tmp_path / "r.csv", ManifestOptions(), COLUMNS).chunks()
    (back,) = read_result_rows(chunk.frame)
    assert back.kept == row.cells()
    fields = ("row", "key", "status", "ids", "code", "error", "hint", "attempts", "finished_at", "account", "run")
    assert [getattr(back, name) for name in fields] == [getattr(row, name) for name in fields]


def test_manifest_is_not_a_results_file(tmp_path) -> None:
    """The message names all missing columns."""
    manifest = tmp_path / "tickets.csv"
    manifest.write_text("a,import_row\n1,2\n", encoding="utf-8")
    (text,) = refusal(manifest)
    assert "is not a results file" in text
    assert all(name in text for name in ("import_key", "import_status", "import_account", "import_run"))


def test_empty_columns_may_be_deleted(path) -> None:
    """A user may delete import_error if no row has one."""
    text = path.read_text(encoding="utf-8-sig")
    gone = [COLUMNS.index(name) + 1 for name in ("import_error_code", "import_error", "import_hint")]
    lines = [[cell for at, cell in enumerate(line.split(",")) if at not in gone] for line in text.splitlines()]
    path.write_text("\n".join(map(",".join, lines)), encoding="utf-8")
    check(path)
    (chunk,) = open_manifest(path, ManifestOptions(), COLUMNS).chunks()
    assert [(row.row, row.error, len(row.kept)) for row in read_result_rows(chunk.frame)] == [
        (n, "", 13) for n in (2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"import_row": ""}, "import_row is '', not a row number"),
        ({"import_row": "-2"}, "import_row is '-2', not a row number"),
        ({"import_row": "2.0"}, "import_row is '2.0', not a row number"),
        ({"import_row": "9" * 20}, "not a row number"),
        ({"import_row": "٢"}, "not a row number"),
        ({"import_row": "2"}, "import_row 2 is in more than one row"),
        ({"import_status": "done"}, "import_status is 'done', not a status"),
        ({"import_status": ""}, "import_status is '', not a status"),
        ({"import_ticket_number": ""}, "import_status is created, but it has no import_ticket_number"),
        ({"import_status": "pending"}, "import_status is pending, but it has an import_ticket_number"),
        ({"import_key": ""}, "import_status is created, but it has no import_ticket_number or no import_key"),
        ({"import_attempts": "many"}, "import_attempts is 'many', not a number"),
        ({"import_account": "other"}, "import_account is 'other', but this account is 'tenant'"),
        ({"import_account": ""}, "import_account is ''"),
        ({"import_run": OTHER_SOURCE}, "does not belong to the mapping's source 'old-helpdesk'"),
        ({"import_run": ""}, "does not belong to the mapping's source"),
    ],
)
def test_a_changed_import_column_is_refused_with_its_row(path, cells, problem) -> None:
    """Changes of these columns by a user or a spreadsheet are not guessed at."""
    changed(path, 1, **cells)
    details = refusal(path)
    assert any(problem in detail for detail in details), details
    assert details[0].startswith(("row 3:", "row 3 of the file:")) or "is in more than one row" in details[0]


def test_problems_of_all_rows_are_reported_at_once(path) -> None:
    """A problem of one row does not hide those of others."""
    changed(path, 0, import_row="1e3")
    changed(path, 1, import_row="1e3", import_status="?")
    details = refusal(path)
    assert details[0] == "row 2 of the file: import_row is '1e3', not a row number"
    assert any("row 3 of the file: import_status" in detail for detail in details)


def test_first_problems_are_listed_and_others_counted(tmp_path) -> None:
    """A thousand damaged rows give a dozen lines."""
    path = tmp_path / "r.csv"
    some = outcomes(["a"], [[f"{number}"] for number in range(1_000)])
    some.results[:] = [created(result.row, account=f"other {result.row % 2}") for result in some.results]
    write_results(path, ["a"], [some])
    details = refusal(path)
    assert len(details) == 11
    assert details[-1] == "… and 990 more"


def test_other_account_is_reported_once(tmp_path) -> None:
    """The message names both accounts instead of every row."""
    path = tmp_path / "r.csv"
    some = outcomes(["a"], [[f"{number}"] for number in range(100)])
    some.results[:] = [created(result.row, account="other") for result in some.results]
    write_results(path, ["a"], [some])
    with pytest.raises(ResultsError, match="of account 'other', and this is account 'tenant'") as caught:
        check(path)
    assert caught.value.details == ()
    assert "--sandbox" in caught.value.hint


def test_rows_that_may_have_tickets_are_imported() -> None:
    """Created, skipped and unknown rows with a key go to the ledger, and excluded ones that are tickets."""
    rows = [created(number, f"k{status}", status=status) for number, status in enumerate(Status, start=2)]
    rows.append(ResultRow(row=98, key="k", status=Status.EXCLUDED))
    rows.append(ResultRow(row=99, key="", status=Status.UNKNOWN))
    found = {each.key: each.state for each in past_imports(rows)}
    tickets = {"kcreated": "created", "kskipped": "created", "kexcluded": "created"}
    assert found == {**tickets, "kunknown": "unknown"}


def test_ledger_entry_has_all_values_of_the_file() -> None:
    """IDs, run, attempts and time."""
    (found,) = past_imports([created(7, "A")])
    assert (found.manifest_row, found.ids, found.attempts) == (
        7,
        TicketIds(number="157", ticket_id="5af882cc-0000", key="#157"),
        1,
    )
    assert (found.run, found.finished_at) == (created(7).run, "2024-01-01T00:00:00Z")
