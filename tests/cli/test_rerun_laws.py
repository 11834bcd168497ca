"""After any outcomes and edits, `rerun` ends with every row a ticket or unknown, and none twice."""

from __future__ import annotations

import csv
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from importer.results import COLUMNS
from tests.cli.shop import KEY_FIELD, Account, Shop, good_row, quick
from tests.cli.spreadsheets import Record, column, read, save, save_workbook

FATES = st.sampled_from(["good", "refused", "refused twice", "bad", "without a ticket", "with a ticket"])
FAULTS = {
    "refused": {"fault": "refused-200", "times": 1},
    "refused twice": {"fault": "400", "times": 2},
    "without a ticket": {"fault": "500", "times": 1},
    "with a ticket": {"fault": "500-after", "times": 1},
}
FORMS = st.sampled_from(["csv", "semicolons", "quoted", "utf-16", "workbook"])
STEPS = st.lists(
    st.tuples(FORMS, st.booleans(), st.booleans(), st.sampled_from([None, 1, 2]), st.integers(0, 9)), max_size=3
)
_FAMILY = {
    "csv": {},
    "semicolons": {"delimiter": ";", "line_end": "\n"},
    "quoted": {"encoding": "utf-8", "quoting": csv.QUOTE_ALL},
    "utf-16": {"encoding": "utf-16", "delimiter": "\t"},
}
_ENOUGH = 4


def rows(fates: list[str]) -> list[tuple[str, ...]]:
    """Return a manifest's rows, each with its fault; a bad row has no subject."""
    good = [good_row(number) for number in range(1, len(fates) + 1)]
    return [(row[0], "" if fate == "bad" else row[1], *row[2:]) for fate, row in zip(fates, good, strict=True)]


def edited(records: list[Record], *, mend: bool, shuffle: bool, seed: int) -> list[Record]:
    """Return the records as a user edits them: with subjects, and in another order of rows and columns."""
    header, *rest = [list(record) for record in records]
    for record in rest:
        if mend and not record[header.index("Subject")]:
            record[header.index("Subject")] = "Now it has one"
    if shuffle:
        chance = random.Random(seed)
        chance.shuffle(rest)
        order = chance.sample(range(len(header)), len(header))
        header, rest = [header[at] for at in order], [[record[at] for at in order] for record in rest]
    return [header, *rest]


def saved(path: Path, records: list[Record], form: str) -> Path:
    """Save the file in one of several formats; return its name."""
    if form == "workbook":
        path = path.with_suffix(".xlsx")
        save_workbook(path, records)
    else:
        path = path.with_suffix(".csv")
        save(path, records, **_FAMILY[form])  # type: ignore[arg-type]
    return path


def own_cells(file: list[Record]) -> dict[str, tuple[str, ...]]:
    """Return the import's cells of each row that is kept."""
    header, *records = file
    cells = {record[header.index("import_row")]: dict(zip(header, record, strict=True)) for record in records}
    return {
        row: tuple(found[name] for name in COLUMNS)
        for row, found in cells.items()
        if found["import_status"] in ("created", "skipped", "unknown")
    }


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(fates=st.lists(FATES, min_size=1, max_size=6), steps=STEPS)
def test_any_order_of_edits_and_reruns_converges(
    fates, steps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Any mixture of outcomes, edits, formats and orders."""
    plan = [
        {"match": {KEY_FIELD: f"{number:05}"}, **FAULTS[fate]} for number, fate in enumerate(fates, 1) if fate in FAULTS
    ]
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patched:
        shop = Shop(Path(folder), patched, capsys)
        with Account(quick(plan)) as account:
            shop.uses(account)
            shop.manifest(rows(fates))
            shop.run("--skip-invalid")
            path = shop.path("tickets.results.csv")
            ending = [("csv", True, False, None, 0)] * _ENOUGH
            for form, mend, shuffle, limit, seed in [*steps, *ending]:
                kept = own_cells(read(path))
                path = saved(path, edited(read(path), mend=mend, shuffle=shuffle, seed=seed), form)
                done = shop.do("rerun", path.name, "-m", "mapping.yaml", "--skip-invalid", *(["--limit", str(limit)] if limit else []))  # fmt: skip
                assert done.code in (0, 1), done.err
                assert own_cells(read(path)).items() >= kept.items(), "what is kept stays to the letter"
                assert sorted(column(path, "ID")) == [f"{number:05}" for number in range(1, len(fates) + 1)]
                assert len(set(account.keys)) == len(account.keys)
            states = dict(zip(column(path, "ID"), column(path, "import_status"), strict=True))
            expected = {f"{number:05}": "unknown" if "ticket" in fate else "created" for number, fate in enumerate(fates, 1)}  # fmt: skip
            assert states == expected
            made = {key for key, fate in zip(sorted(expected), fates, strict=True) if fate != "without a ticket"}
            assert set(account.keys) == made
