"""The HTML report and the drafts of `suggest` are measured."""

from __future__ import annotations

from pathlib import Path

from tests.bench.cpu_bound import Bench, Repeats
from tests.bench.report_and_suggest import drafts, page
from tests.bench.suggest_scores import Score, nearest, score
from tests.suggest.exports import KEY, Export


def bench(folder: Path) -> Bench:
    return Bench(folder=folder, repeats=Repeats(most=1, budget_s=0), log=lambda _: None)


def test_the_report_is_opened_and_used(tmp_path: Path) -> None:
    """Its size is measured, and the seconds of opening it, choosing a kind and searching."""
    size, written, *uses = page(bench(tmp_path), 1_300)
    assert size.what == "1,300 problems"
    assert written.ours[0] > 0 < written.baseline[0]
    assert len(uses) == 3
    assert all(line.goal is not None and line.ours[0] > 0 for line in uses)


def test_decisions_are_compared_with_the_true_fields() -> None:
    """Right: the field is one of the column's. Wrong and sure: it is not, and is marked as sure."""
    truth = {"a": {"Title"}, "b": {"Status", "Priority"}, "c": set(), "d": set(), "e": {KEY}}
    export = Export(columns={}, truth={name: frozenset(fields) for name, fields in truth.items()})
    decided = {"a": ("Title", True), "b": ("DueDate", True), "c": ("Title", False), "d": ("Title", True)}
    assert score(iter([(export, decided)])) == Score(with_a_field=3, right=1, wrong_and_sure=2)


def test_names_alone_find_something() -> None:
    """The baseline of `suggest` finds right fields and wrong ones."""
    found = score(nearest())
    assert 0 < found.right < found.with_a_field
    assert found.wrong_and_sure > 0


def test_drafts_are_four_measurements(tmp_path: Path) -> None:
    """Both with and without the account's fields, no wrong field is marked as sure."""
    found = list(drafts(bench(tmp_path)))
    assert [line.unit for line in found] == ["%", "", "%", ""]
    assert all(line.ours[0] > line.baseline[0] for line in found if line.unit)
    assert [line.ours for line in found if line.goal] == [[0], [0]]
