"""Reports as files: their formats, and that they appear only when they are complete."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from importer.errors import UsageError
from importer.models import Problem
from importer.reports import ProblemTally, report_file
from importer.reports.html_page import Page
from importer.reports.summary import Validation
from importer.runtime.events import ProblemsFound

COLUMNS = ("ID", "State")


def found(problems: Sequence[Problem], cells: Sequence[Sequence[str]] | None = None) -> ProblemsFound:
    """Return some problems, with cells that identify their rows."""
    rows = sorted({each.row for each in problems})
    return ProblemsFound(
        rows=rows, problems=problems, columns=COLUMNS, cells=lambda: cells or [[f"{row:05}", "wip"] for row in rows]
    )


def about(*events: ProblemsFound) -> Validation:
    tally = ProblemTally()
    for event in events:
        tally.listen(event)
    return Validation(
        manifest="tickets.csv", mapping="mapping.yaml", detected="CSV, UTF-8, comma-separated", made_at=datetime(2024, 8, 29, tzinfo=UTC),
        rows=10, rejected=5, blank=0, skipped=0,
        excluded=0, kinds=tally.kinds(),
    )  # fmt: skip


def problem(row: int, value: str = "wip", code: str = "not-allowed", column: str | None = "State") -> Problem:
    return Problem(code=code, row=row, column=column, value=value, message=f"{value} is wrong", hint="Mend it.")


def write(path: Path, *problems: Problem, cells: Sequence[Sequence[str]] | None = None) -> str:
    """Write a report, and return its text."""
    event = found(problems, cells)
    with report_file(path) as report:
        report(event)
        report(about(event))
    return path.read_text(encoding="utf-8")


def blocks(page: str, name: str) -> list[Any]:
    """Return the data of a page, as its script unpacks it."""
    packed = re.findall(f'<script type="text/plain" class="{name}">(.*?)</script>', page)
    return [json.loads(gzip.decompress(base64.b64decode(each))) for each in packed]


def test_a_spreadsheet_opens_the_csv(tmp_path: Path) -> None:
    """The CSV has a byte order mark, line ends for Excel, and no cell that starts a formula."""
    text = write(tmp_path / "problems.csv", problem(2, "=1+1"), problem(3, "Ø\n,"))
    assert text.startswith("\ufeff")
    assert b"\r\n" in (tmp_path / "problems.csv").read_bytes()
    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [(each["row"], each["value"], each["hint"]) for each in read] == [
        ("2", "'=1+1", "Mend it."),
        ("3", "Ø\n,", "Mend it."),
    ]


def test_a_script_reads_the_json(tmp_path: Path) -> None:
    """Each problem has the cells of its row by column, with surplus cells and without missing ones."""
    text = write(
        tmp_path / "problems.json", problem(2), problem(3), problem(4),
        cells=[("00002", "wip"), ("00003",), ("00004", "wip", "over", "too")],
    )  # fmt: skip
    assert [each["cells"] for each in json.loads(text)] == [
        {"ID": "00002", "State": "wip"},
        {"ID": "00003"},
        {"ID": "00004", "State": "wip", "+1": "over", "+2": "too"},
    ]


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_no_character_breaks_a_report(tmp_path: Path, ending: str) -> None:
    """Half a surrogate pair, NUL and the end of a script in a cell are written as escapes."""
    evil = "\ud83d \x00 </script><!-- \u2028"
    text = write(tmp_path / f"problems.{ending}", problem(2, evil), cells=[("00002", evil)])
    match ending:
        case "csv":
            assert r"\ud83d" in text
        case "json":
            assert json.loads(text)[0]["cells"]["State"] == evil
        case _:
            assert blocks(text, "cells") == [[["00002", evil]]]
            assert "00002" not in text


def test_a_page_holds_the_rows_in_their_order(tmp_path: Path) -> None:
    """Each row is in the page once with its problems and cells, in the manifest's order, in one of many blocks."""
    events = [
        found([problem(row, column=column) for row in range(start, start + 2_000) for column in COLUMNS])
        for start in range(2, 10_002, 2_000)
    ]
    with report_file(tmp_path / "problems.html") as report:
        for event in (*events, about(*events)):
            report(event)
    page = (tmp_path / "problems.html").read_text(encoding="utf-8")
    shown = [row for block in blocks(page, "rows") for row in block]
    cells = [each for block in blocks(page, "cells") for each in block]
    assert [(row[0], len(row[1:])) for row in shown] == [(row, 2) for row in range(2, 10_002)]
    assert cells == [[f"{row:05}", "wip"] for row in range(2, 10_002)]
    assert list(map(len, blocks(page, "rows"))) == list(map(len, blocks(page, "cells")))


def test_a_page_of_too_many_problems_has_some_of_each_kind() -> None:
    """A page with more problems than its limit still has rare ones; it counts all, and says how many it shows."""
    file = io.StringIO()
    page = Page(file, most_problems=1_000)
    event = found([problem(row, code="not-an-email" if row > 4_990 else "not-allowed") for row in range(2, 5_002)])
    page.add(event)
    page.conclude(about(event))
    (head,) = blocks(file.getvalue(), "about")
    assert (head["count"], head["shown"]) == (5_000, 1_011)
    assert {kind["code"]: (kind["count"], kind["shown"]) for kind in head["kinds"]} == {
        "not-allowed": (4_989, 1_000),
        "not-an-email": (11, 11),
    }


def test_a_page_loads_nothing(tmp_path: Path) -> None:
    """The page is one file without addresses, and its policy allows only its own style and script."""
    text = write(tmp_path / "problems.html", problem(2))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; img-src data:; base-uri 'none'; form-action 'none'",
        policy[1],
    )
    assert not re.search(
        r"(?:https?:)?//(?! )[a-z]|\b(?:src|href)=(?!\"data:,)",
        re.sub(r'<script type="text/plain".*', "", text.replace(policy[1], "")),
    )


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_an_incomplete_report_never_appears(tmp_path: Path, ending: str) -> None:
    """A check that ends in an error leaves the former report unchanged, and no other file."""
    path = tmp_path / f"problems.{ending}"
    former = write(path, problem(2))

    def fail() -> None:
        with report_file(path) as report:
            report(found([problem(2)]))
            raise UsageError("the manifest is damaged", hint="mend it")

    with pytest.raises(UsageError):
        fail()
    assert path.read_text(encoding="utf-8") == former
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_a_full_disk_is_a_usage_error(ending: str) -> None:
    """A report that can't be written is a usage error, not a bug."""
    with pytest.raises(UsageError, match="can't be written"), report_file(Path(f"/proc/problems.{ending}")):
        pass


def test_an_impossible_report_name_is_a_usage_error(tmp_path: Path) -> None:
    """A name that is too long is a usage error, also when it is compared with the inputs."""
    (tmp_path / "tickets.csv").touch()
    path = tmp_path / f"{'a' * 300}.csv"
    with pytest.raises(UsageError, match="can't be written"), report_file(path, [tmp_path / "tickets.csv"]):
        pass


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_only_a_report_is_replaced(tmp_path: Path, ending: str) -> None:
    """A former report and an empty file are replaced; results, a manifest and other files of that ending are not."""
    path = tmp_path / f"problems.{ending}"
    path.touch()
    write(path)
    first = write(path, problem(2))
    assert write(path, problem(3)) != first
    path.write_text("[Legacy ID,import_status\n00123,created\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is not a report"):
        write(path, problem(2))
    assert "00123" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
