"""Warnings about allowed but suspicious input, before anything is sent, by `validate` and by `run`."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.manifest.workbooks.sheet_warnings import PROMISED_ROWS
from tests.cli.shop import HEADER, MAPPING, Shop, good_row


def test_validate_warns_of_the_mapping(shop: Shop):
    """A doubt about the mapping stands on standard error, and changes neither the result nor the exit code."""
    shop.manifest(2)
    assert "warning" not in shop.do("validate", "tickets.csv", "-m", "mapping.yaml").err.lower()
    shop.path("mapping.yaml").write_text(MAPPING.replace("  Email:", "  Lead: LeadId\n  Email:"), encoding="utf-8")
    with shop.path("tickets.csv").open("w", encoding="utf-8") as file:
        file.write(f"{','.join(HEADER)},Lead\n")
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert outcome.code == 0
    assert "LeadId is a GUID" in outcome.err
    assert "LeadId is a GUID" not in outcome.out


def large_workbook(path: Path) -> None:
    """More rows than promised; all but the first are one empty row far below, so that it is quick to read."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Tickets")
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ("00001", "Broken", "Open", "a@example.com"))
        sheet.write_row(PROMISED_ROWS + 1, 0, ("00002", "Broken", "Open", "b@example.com"))


def test_a_large_workbook_is_checked_with_a_warning(shop: Shop):
    """`validate` and a dry run advise a CSV, and check every row."""
    large_workbook(shop.path("tickets.xlsx"))
    outcome = shop.do("validate", "tickets.xlsx", "-m", "mapping.yaml")
    assert (outcome.code, "rows         2: no problems found" in outcome.out) == (0, True)
    assert "sheet 'Tickets' has 200,001 rows" in outcome.err
    plan = shop.do("run", "tickets.xlsx", "-m", "mapping.yaml", "--sandbox", "--dry-run")
    assert plan.code == 0
    assert "save it as CSV" in plan.out


def test_quiet_hides_no_warning(shop: Shop):
    """-q hides the plan, but shows warnings about the files and logs them as warnings."""
    shop.manifest(1)
    shop.path("mapping.yaml").write_text(f"{MAPPING}attachments: {{folder: 'exprt/{{ID}}/*'}}\n", encoding="utf-8")
    outcome = shop.run("--sandbox", "--yes", "-q", "--log-file", "run.log")
    assert outcome.code == 0
    assert "no file below" in outcome.err
    assert "rows         1" not in outcome.err
    (line,) = [line for line in shop.path("run.log").read_text("utf-8").splitlines() if "no file below" in line]
    assert " WARNING " in line


def test_the_plan_counts_rejected_rows(shop: Shop):
    """The plan shows how many rows are rejected, and that nothing will be sent."""
    for wrong in (1, 2):
        shop.manifest([good_row(1), *((f"{row}", "", "Open", "a@example.com") for row in range(wrong))])
        plan = shop.run("--sandbox", "--dry-run").out
        assert f"             {wrong} rejected because of problems\n" in plan
        rows = "1 row is" if wrong == 1 else "2 rows are"
        assert f"to send      0: {rows} rejected; --skip-invalid would send 1\n" in plan
        assert "With --skip-invalid, the first requests would be:\n\nPOST http" in plan
        planned = shop.run("--sandbox", "--dry-run", "--json").summary
        assert (planned["to_send"], planned["would_send"], len(planned["requests"])) == (0, 1, 1)
