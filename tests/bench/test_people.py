"""Lines of what people look at: the report in a browser, and drafts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.costs import Bench, Repeats
from tests.bench.drafts import Score, nearest, score
from tests.bench.people import drafts, page
from tests.suggest.exports import KEY, Export


def bench(folder: Path) -> Bench:
    return Bench(folder=folder, repeats=Repeats(most=1, budget_s=0), tell=lambda _: None)


def test_the_report_is_opened_and_used(tmp_path: Path) -> None:
    """Its size, and seconds for opening it, choosing a kind and searching a text."""
    size, written, *uses = page(bench(tmp_path), 1_300)
    assert size.what == "1,300 problems"
    assert written.ours[0] > 0 < written.otherwise[0]
    assert len(uses) == 3
    assert all(line.goal is not None and line.ours[0] > 0 for line in uses)


def test_where_there_is_no_browser_the_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is a figure all the same; what was not used has none."""
    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setenv("PATH", "")
    size, written = page(bench(tmp_path), 10)
    assert size.what == "10 problems (not opened: there is no Chromium here)"
    assert size.ours[0] > 0 < written.ours[0]


def test_columns_are_judged_by_what_they_are_for() -> None:
    """Right only where the field is one of the column's; wrong in silence only where it is called sure."""
    truth = {"a": {"Title"}, "b": {"Status", "Priority"}, "c": set(), "d": set(), "e": {KEY}}
    export = Export(columns={}, truth={name: frozenset(fields) for name, fields in truth.items()})
    decided = {"a": ("Title", True), "b": ("DueDate", True), "c": ("Title", False), "d": ("Title", True)}
    assert score(iter([(export, decided)])) == Score(with_a_field=3, right=1, wrong_and_sure=2)


def test_names_alone_find_something() -> None:
    """What stands beside `suggest` is no straw man: it finds fields, and wrong ones, too."""
    found = score(nearest())
    assert 0 < found.right < found.with_a_field
    assert found.wrong_and_sure > 0


def test_drafts_have_four_lines(tmp_path: Path) -> None:
    """With the account's fields and without; nothing that is wrong is called sure."""
    found = list(drafts(bench(tmp_path)))
    assert [line.unit for line in found] == ["%", "", "%", ""]
    assert all(line.ours[0] > line.otherwise[0] for line in found if line.unit)
    assert [line.ours for line in found if line.goal] == [[0], [0]]
