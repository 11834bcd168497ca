"""Any table with repeated names or nested values: what its results send is what the file itself sends.

In between, a spreadsheet saves the results in its own way, and the user moves columns and rows.
"""

from __future__ import annotations

import contextlib
import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.manifest.manifest import Manifest, open_manifest
from importer.mapping import Mapping, check_columns, load_mapping, with_repeated_columns
from importer.models import ManifestOptions, Status
from importer.results import COLUMNS, ResultRow, RowResults, data_columns, data_header, write_results
from importer.validation import Validator
from tests.cli.spreadsheets import Record, read, save
from tests.fuzz.answers import soon
from tests.fuzz.test_tables import CELL, NUMBER

FUZZ = settings.get_profile("fuzz")
RUN = "shop.20240101T000000Z.abcdef"
MAIL = "a@example.com"

LISTS = st.sampled_from(
    ['["a","b"]', '["a, b",null,""]', "[1.10,true,12345678901234567890]", "[]", "[1]", '["x"', '[["a"]]', '[{"id":1}]', '[ "a" ]', '["\\u0000"]', '["a\\nb"]', "[NaN]"]
)  # fmt: skip
NAMES = ["Labels", "Labels", "Labels (2)", "Labels (3)", "labels", "Files", "a.b", "Grüße", 'say "x"', "a;b", "import"]
# Not a line feed alone: after a cell that ends in CR it would be half of one line end.
RULES = st.sampled_from([{"join": ", "}, {"join": "-\n"}, {"pick": "first"}, {"pick": "last"}])

# -- programs that save the results ------------------------------------------------------------------------------------


def with_line_feeds(cell: str) -> str:
    """Return a cell with the line ends that LibreOffice writes."""
    return cell.replace("\r\n", "\n").replace("\r", "\n")


Save = Callable[[Path, list[Record]], None]


def saves(**how: Any) -> Save:
    def save_again(path: Path, records: list[Record]) -> None:
        save(path, [list(map(with_line_feeds, record)) for record in records], **how)

    return save_again


PROGRAMS: dict[str, Save] = {
    "Excel, UTF-8": saves(),
    "LibreOffice": saves(encoding="utf-8", line_end="\n", quoting=csv.QUOTE_ALL),
    "Excel in Europe": saves(delimiter=";"),
    "Excel, Unicode text": saves(encoding="utf-16", delimiter="\t"),
}


@st.composite
def moves(draw: st.DrawFn, header: Sequence[str], rows: int) -> tuple[list[int], list[int]]:
    """Return another order of columns and of rows; columns of the same name keep theirs."""
    order = draw(st.permutations(range(len(header))))
    names = [header[at] for at in order]
    places = {name: iter([at for at, each in enumerate(header) if each == name]) for name in names}
    return [next(places[name]) for name in names], list(draw(st.permutations(range(rows))))


# -- what is sent ------------------------------------------------------------------------------------------------------


Sent = dict[int, dict[str, str] | list[str]]


def sent(manifest: Manifest, mapping: Mapping) -> Sent:
    """Return the fields that each row sends, or the codes of its problems; rows as the manifest counts them."""
    check_columns(mapping, data_columns(manifest.columns), manifest.format.absent_columns, manifest.repeated)
    validator = Validator(with_repeated_columns(mapping, manifest.repeated), None, None)
    found: Sent = {}
    for chunk in manifest.chunks(2):
        broken = {problem.row for problem in chunk.problems}
        converted = validator.convert_chunk(chunk, np.ones(len(chunk.rows), dtype=bool), build_tickets=True)
        own = chunk.texts("import_row") if "import_row" in manifest.columns else chunk.rows
        for at, row in enumerate(chunk.rows):
            problems = [problem.code for problem in converted.problems.get(at, ())]
            if row not in broken:
                fields = {field.name: field.value_of_row[at] or "" for field in converted.fields}
                found[int(own[at])] = problems or {name: with_line_feeds(value) for name, value in fields.items()}
    return found


def write(path: Path, manifest: Manifest) -> None:
    """Write the results of a manifest as a run does."""
    outcomes = [
        RowResults(
            cells=chunk.frame.to_numpy(dtype=object).tolist(),
            results=[
                ResultRow(row=row, key=str(row), status=Status.FAILED, code="refused", account="x", run=RUN)
                for row in chunk.rows
            ],
        )
        for chunk in manifest.chunks()
    ]
    write_results(path, manifest.columns_as_written, outcomes)


def mapping_of(folder: Path, columns: dict[str, Any], **sections: Any) -> Mapping:
    head = {"version": 1, "source": "shop", "key": "ID"}
    columns = {"ID": "CustomData.Id", "Mail": "LeadDetail.EmailAddress", **columns}
    path = folder / "mapping.yaml"
    path.write_text(json.dumps({**head, "columns": columns, **sections}), encoding="utf-8")
    return load_mapping(path)


def survives(folder: Path, manifest: Manifest, mapping: Mapping, data: st.DataObject) -> Sent:
    """Compare what the manifest sends with what its results send, after a program has saved them; return it."""
    expected = sent(manifest, mapping)
    path = folder / "tickets.results.csv"
    write(path, manifest)
    header, *records = read(path)
    assert header == [*manifest.columns_as_written, *COLUMNS]
    columns, rows = data.draw(moves(header, len(records)))
    moved = [[record[at] for at in columns] for record in (header, *(records[at] for at in rows))]
    PROGRAMS[data.draw(st.sampled_from(sorted(PROGRAMS)))](path, moved)
    results = open_manifest(path, ManifestOptions(), COLUMNS)
    assert results.repeated == manifest.repeated
    assert sorted(data_header(results)) == sorted(manifest.columns_as_written)
    again = sent(results, mapping)
    assert {row: again[row] for row in expected} == expected
    return expected


def value(cells: Sequence[str], rule: dict[str, str]) -> str | None:
    """Return what a rule makes of the cells of a name in one row; None if the row has a problem."""
    found: list[Any] = [cell for cell in cells if cell]
    if len(cells) == 1 and found and cells[0][0] == "[" and cells[0][-1] == "]":
        with contextlib.suppress(ValueError):
            found = json.loads(cells[0], parse_int=str, parse_float=str, parse_constant=str)
    if any(isinstance(item, list | dict) for item in found):
        return None
    texts = [str(item).lower() if isinstance(item, bool) else item for item in found if item not in (None, "")]
    chosen = texts if "join" in rule else texts[-1:] if rule["pick"] == "last" else texts[:1]
    text = rule.get("join", "").join(chosen)
    return None if "\0" in text else with_line_feeds(text)


@settings(FUZZ)
@given(data=st.data(), names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), count=st.integers(1, 3))
def test_repeated_columns(data, names, count) -> None:
    """All values of a repeated name are sent in their order; the results have its header."""
    header = data.draw(st.permutations(["ID", "Mail", *names]))
    fixed = {"ID": "7", "Mail": MAIL}
    rows = [[fixed.get(name) or data.draw(CELL | LISTS) for name in header] for _ in range(count)]
    rules = {name: {"field": f"CustomData.F{at}", **data.draw(RULES)} for at, name in enumerate(dict.fromkeys(names))}
    with tempfile.TemporaryDirectory() as temporary, soon():
        folder = Path(temporary)
        path = folder / "tickets.csv"
        save(path, [header, *rows], delimiter=data.draw(st.sampled_from(",;\t")), quoting=csv.QUOTE_ALL)
        mapping = mapping_of(folder, rules)
        manifest = open_manifest(path, mapping.manifest, mapping.mentioned_columns)
        assert list(manifest.columns_as_written) == header
        found = survives(folder, manifest, mapping, data)
    for row, fields in zip(rows, found.values(), strict=True):
        values = {
            rule["field"]: value([cell for each, cell in zip(header, row, strict=True) if each == name], rule)
            for name, rule in rules.items()
        }
        if None in values.values():
            assert isinstance(fields, list)
        else:
            assert isinstance(fields, dict)
            assert {name: fields[name] for name in values} == values


# JSON text of values inside values, with numbers in any notation.
LEAF = st.one_of(CELL.map(json.dumps), NUMBER, st.sampled_from(["true", "false", "null", '"[1]"', "[]", "{}"]))
KEYS = st.sampled_from(["id", "tags", "from", "Größe", "a b", 'say "x"', "a,b", "#text", "@x"])


def as_object(members: dict[str, str]) -> str:
    pairs = ", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items())
    return f"{{{pairs}}}"


VALUE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(as_object)
    ),
    max_leaves=6,
)


@settings(FUZZ)
@given(data=st.data(), records=st.lists(st.dictionaries(KEYS, VALUE, min_size=1, max_size=4), min_size=1, max_size=3))
def test_nested_values(data, records) -> None:
    """Each value inside is a column, and each list is one cell, from which the results send the same again."""
    lines = [as_object({"ID": "7", "Mail": f'"{MAIL}"', **record}) for record in records]
    text = data.draw(st.sampled_from(["\n", ",\n"])).join(lines)
    with tempfile.TemporaryDirectory() as temporary, soon():
        folder = Path(temporary)
        path = folder / "tickets.json"
        path.write_text(f"[{text}]" if ",\n" in text or len(lines) == 1 else text, encoding="utf-8")
        names = [name for name in open_manifest(path, ManifestOptions()).columns if name not in ("ID", "Mail")]
        rules = {name: {"field": f"CustomData.F{at}", **data.draw(RULES)} for at, name in enumerate(names)}
        mapping = mapping_of(folder, rules)
        manifest = open_manifest(path, mapping.manifest, mapping.mentioned_columns)
        assert set(manifest.columns) == {"ID", "Mail", *names}
        survives(folder, manifest, mapping, data)
