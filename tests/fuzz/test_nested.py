"""Any nested records, written and flattened by other libraries, are read value by value."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.fuzz.answers import as_file, soon
from tests.fuzz.test_tables import TRICKY, UNICODE

FUZZ = settings.get_profile("fuzz")
NAME = st.sampled_from(["id", "a", "b", "ü", "x y", "Größe", "n(1)", "🎫", "#text", "@id"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | TRICKY
SCALAR = TEXT | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LIST = st.lists(SCALAR | st.dictionaries(NAME, SCALAR | st.lists(SCALAR, max_size=2), max_size=2), max_size=3)
RECORD = st.dictionaries(
    NAME,
    st.recursive(SCALAR | LIST, lambda inner: st.dictionaries(NAME, inner, max_size=3), max_leaves=6),
    max_size=4,
)
LAYOUTS = st.sampled_from(["lines", "list", "wrapped", "objects"])

XML_NAME = st.sampled_from(["id", "a", "b", "ü", "x.y", "n-1", "_q"])
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8
) | st.sampled_from(["", " a ", "00123", "<b>", "&amp;", "]]>", "\n", "\t x", '"'])


def read(content: bytes, name: str, **options: Any) -> tuple[tuple[str, ...], list[list[str]]]:
    with as_file(content, name) as path, soon():
        manifest = open_manifest(path, ManifestOptions(single_columns=frozenset(), **options))
        return manifest.columns, [record for chunk in manifest.chunks(2) for record in chunk.source.texts()]


def written(records: list[dict[str, Any]], layout: str, indent: int | None, *, ascii_only: bool) -> str:
    texts = [json.dumps(record, indent=indent, ensure_ascii=ascii_only) for record in records]
    match layout:
        case "lines":
            return "".join(f"{json.dumps(record, ensure_ascii=ascii_only)}\n" for record in records)
        case "list":
            return f"[{', '.join(texts)}]"
        case "wrapped":
            return f'{{"count": 3, "data": {{"users": [], "tickets": [{", ".join(texts)}]}}, "next": null}}'
        case _:
            return "\n".join(texts)


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value == {} or (isinstance(value, float) and math.isnan(value)):
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@settings(FUZZ)
@given(records=st.lists(RECORD, min_size=1, max_size=4), layout=LAYOUTS, indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans(), encoding=st.sampled_from(UNICODE))  # fmt: skip
def test_json_flattened_by_pandas(records, layout, indent, ascii_only, encoding) -> None:
    """Each value is in the column that `json_normalize` gives it; nothing is lost, and nothing is added."""
    records = [{"key": number, **record} for number, record in enumerate(records)]
    content = written(records, layout, indent, ascii_only=ascii_only).encode(encoding)
    options = {"records": "data.tickets"} if layout == "wrapped" else {"records": None}
    columns, rows = read(content, "tickets.json", **options)
    assert len(rows) == len(records)
    for record, row in zip(records, rows, strict=True):
        (expected,) = pd.json_normalize([record]).to_dict("records")
        cells = {name: cell for name, cell in zip(columns, row, strict=True) if cell}
        assert cells == {name: text for name, value in expected.items() if (text := text_of(value))}


@st.composite
def elements(draw: st.DrawFn, name: str = "ticket", depth: int = 0) -> ET.Element:
    """An element with attributes, and either a text or elements of different names."""
    element = ET.Element(name, draw(st.dictionaries(XML_NAME, XML_TEXT, max_size=2)))
    if depth < 3 and draw(st.booleans()):
        for child in draw(st.lists(XML_NAME, max_size=3, unique=True)):
            element.append(draw(elements(child, depth + 1)))
    else:
        element.text = draw(XML_TEXT)
    return element


def flat(element: ET.Element, path: str = "") -> dict[str, str]:
    cells = {f"{path}.@{name}".removeprefix("."): value for name, value in element.attrib.items()}
    for child in element:
        cells |= flat(child, f"{path}.{child.tag}".removeprefix("."))
    if element.text and not len(element):
        cells[path or "#text"] = element.text
    return {name: cell for name, cell in cells.items() if cell}


@settings(FUZZ)
@given(tickets=st.lists(elements(), min_size=2, max_size=4), encoding=st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]))  # fmt: skip
def test_xml_of_element_tree(tickets, encoding) -> None:
    """Each text and attribute is in the column of its path."""
    root = ET.Element("export")
    around = ET.SubElement(root, "tickets")
    for number, ticket in enumerate(tickets):
        ticket.set("key", str(number))
        around.append(ticket)
    content = ET.tostring(root, encoding=encoding, xml_declaration=True)
    parsed = ET.fromstring(content)[0]  # line ends and the like as XML defines them
    columns, rows = read(content, "tickets.xml", records="tickets/ticket")
    found = [{name: cell for name, cell in zip(columns, row, strict=True) if cell} for row in rows]
    assert found == [flat(ticket) for ticket in parsed]
