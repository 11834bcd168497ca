"""XML manifests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from importer.manifest.manifest import open_manifest
from importer.manifest.markup import safe_xml, xml_file
from importer.models import ManifestOptions
from tests.manifest.reading import Table, read_pass, refusal_of_bytes

TICKETS = """<?xml version="1.0" encoding="UTF-8"?>
<export>
  <made at="2024-08-29"/>
  <tickets count="2">
    <ticket id="00123" xml:lang="de">
      <subject> Größe &amp; Preis\r\n</subject>
      <requester vip="no"><email>a@example.com</email><name/></requester>
      <tags><tag>a</tag><tag>b&#228;</tag></tags>
      <note><![CDATA[<p>x</p>]]> y</note>
      <comment n="1">eins</comment><comment n="2">zwei</comment>
    </ticket>
    <ticket id="2"><subject>x<!-- c -->y<?pi?>z</subject><requester>Bob</requester><tags><tag>c</tag></tags>
      <comment n="3">drei</comment></ticket>
  </tickets>
</export>
"""


def read_xml(folder: Path, content: str | bytes, expected: tuple[str, ...] = (), **options: Any) -> Table:
    path = folder / "tickets.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_pass(open_manifest(path, ManifestOptions(**options), expected, may_lack=expected))


def test_elements_and_attributes_are_columns(tmp_path: Path) -> None:
    """Also nested and repeated elements; texts are unchanged."""
    table = read_xml(tmp_path, TICKETS, single_columns=frozenset({"requester"}))
    assert table.how == "XML, UTF-8, rows in tickets/ticket"
    rows = [dict(zip(table.columns, cells, strict=True)) for cells in table.cells]
    assert rows == [
        {
            "@id": "00123",
            "@xml:lang": "de",
            "subject": " Größe & Preis\n",
            "requester": "",
            "requester.@vip": "no",
            "requester.email": "a@example.com",
            "requester.name": "",
            "tags.tag": '["a","bä"]',
            "note": "<p>x</p> y",
            "comment": '[{"@n":"1","#text":"eins"},{"@n":"2","#text":"zwei"}]',
        },
        {
            "@id": "2",
            "@xml:lang": "",
            "subject": "xyz",
            "requester": "Bob",
            "requester.@vip": "",
            "requester.email": "",
            "requester.name": "",
            "tags.tag": "c",
            "note": "",
            "comment": '[{"@n":"3","#text":"drei"}]',
        },
    ]
    assert [(problem.row, problem.code, problem.column) for problem in table.problems] == [
        (1, "nested-value", "requester")
    ]
    assert not table.manifest.format.stored_types


def test_text_of_an_element_with_attributes_has_its_name(tmp_path: Path) -> None:
    table = read_xml(tmp_path, '<r><t><s id="1">Open</s><e/></t><t><s>Closed</s><e><x>1</x></e></t></r>')
    assert (table.columns, table.problems) == (["s", "s.@id", "e.x"], [])
    assert table.cells == [["Open", "1", ""], ["Closed", "", "1"]]


def test_text_among_elements_is_a_problem(tmp_path: Path) -> None:
    """Its position would be lost."""
    table = read_xml(tmp_path, "<r><t><id>1</id><s>a <b>c</b> d</s></t><t><id>2</id></t></r>")
    assert dict(zip(table.columns, table.cells[0], strict=True)) == {"id": "1", "s": "a  d", "s.b": "c"}
    assert [(problem.row, problem.code, problem.column) for problem in table.problems] == [(1, "nested-value", "s")]


@pytest.mark.parametrize(
    ("content", "expected", "records"),
    [
        ("<r><t><i>1</i></t><t><i>2</i></t></r>", (), "t"),
        ("<r><x><y><t><i>1</i></t><t><i>2</i></t></y><n>2</n></x></r>", (), "x/y/t"),
        ("<r><ts><t><i>1</i><a>1</a><a>2</a></t></ts></r>", ("i",), "ts/t"),
        ("<r><ts><t><i>1</i><q><m>x</m></q></t></ts></r>", ("i", "q.m"), "ts/t"),
        ("<r><ts><t><i>1</i><a>1</a><a>2</a><b>1</b><b>2</b></t></ts></r>", ("i",), "ts/t"),
        ('<r n="0"/>', ("i",), "row"),
        ("<r>\n</r>", ("i",), "row"),
    ],
)
def test_row_elements_are_found(tmp_path: Path, content: str, expected: tuple[str, ...], records: str) -> None:
    assert read_xml(tmp_path, content, expected).how == f"XML, UTF-8, rows in {records}"


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("<r><a><x>1</x></a><a/><b><y>1</y></b><b/><b/></r>", {}, "repeats several elements"),
        ("<r><a><x>1</x></a></r>", {}, "has no repeated element:"),
        ("<r><a><x>1</x></a><a/></r>", {"records": "r/a"}, "has no element at `records: r/a`; it has:"),
        ("<r><a><x>1</x></a><a/></r>", {"records": "a[0]"}, "slashes"),
        ("<error>Sign in</error>", {}, "without any element that may be a row"),
        ("<r><a><x>1</x></a><a/>", {}, "is not well-formed XML: no element found in line 1"),
        ("<r><a><x>1</x></a>\n<a></r>", {}, "mismatched tag in line 2"),
        ("<r><a>&nbsp;</a><a/></r>", {}, "undefined entity"),
        ("<r><a/></r><r/>", {}, "junk after document element"),
    ],
)
def test_file_without_clear_rows_is_an_error(tmp_path: Path, content: str, options: dict[str, Any], said: str) -> None:
    assert said in refusal_of_bytes(tmp_path, content.encode(), **options)


def test_error_lists_possible_paths(tmp_path: Path) -> None:
    text = refusal_of_bytes(tmp_path, b'<r><a n="1"><x>1</x></a><a/><c><b><y><z>1</z></y></b><b/><b/></c></r>')
    assert "`records: c/b`: 3 elements, with 'y.z'" in text
    assert "`records: a`: 2 elements, with '@n', 'x'" in text
    assert "manifest: {records: c/b}" in text
    content = b"<r><a><x>1</x></a><a/><c><b><y>1</y></b><b/><b/></c></r>"
    path = tmp_path / "tickets.xml"
    path.write_bytes(content)
    assert read_pass(open_manifest(path, ManifestOptions(records="a"))).cells == [["1"]]


@pytest.mark.parametrize("records", ["t", "p/t"])
def test_export_without_rows_is_accepted(tmp_path: Path, records: str) -> None:
    table = read_xml(tmp_path, "<r><p></p></r>" if "/" in records else "<r/>", ("i",), records=records)
    assert (table.columns, table.cells) == (["i"], [])


BOMB = "<!DOCTYPE r [<!ENTITY a 'x'>" + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefghi", "bcdefghij", strict=True)) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("doctype", "body", "said"),
    [
        (BOMB, "&j;", "defines the entity 'a'"),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;", "defines the entity 'x'"),
        ('<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd"> %p;]>', "1", "defines the entity 'p'"),
        ('<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd">', "1", "refers to another file ('http://127.0.0.1:1/x.dtd')"),
        ('<!DOCTYPE r PUBLIC "-//x" "x.dtd">', "&x;", "refers to another file ('x.dtd')"),
        ("<!DOCTYPE r [<!ATTLIST t a CDATA 'much'>]>", "1", "defines a default value of the attribute 'a'"),
    ],
)
def test_entities_are_refused(tmp_path: Path, doctype: str, body: str, said: str) -> None:
    """They can fill the memory, or read files and hosts."""
    for declaration in ("", '<?xml version="1.0"?>\n'):
        text = refusal_of_bytes(tmp_path, f"{declaration}{doctype}<r><t>{body}</t><t/></r>".encode())
        assert said in text
        assert "delete its <!DOCTYPE ...>" in text


def test_doctype_without_entities_is_accepted(tmp_path: Path) -> None:
    content = "<!DOCTYPE r [<!ELEMENT r (t)*><!ATTLIST t a CDATA #IMPLIED>]><r><t a='1'>x</t><t/></r>"
    assert read_xml(tmp_path, content).cells == [["1", "x"]]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "iso-8859-1", "windows-1252", "shift_jis", "gb18030"]
)
def test_encoding_of_xml_is_found(tmp_path: Path, encoding: str) -> None:
    word = {"shift_jis": "東京", "gb18030": "北京"}.get(encoding, "Größe")
    name = encoding.removesuffix("-sig")
    content = f'<?xml version="1.0" encoding="{name}"?><r><t><i>{word}</i></t><t><i>2</i></t></r>'
    assert read_xml(tmp_path, content.encode(encoding)).cells == [[word], ["2"]]


def test_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="shift_jis"?><r><t>\xff\xa0</t><t/></r>'.encode("latin-1")
    assert "although its first line says so" in refusal_of_bytes(tmp_path, content)
    assert "not the name of an encoding" in refusal_of_bytes(tmp_path, b'<?xml version="1.0" encoding="x-y"?><r/>')


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "<a>" * 102 + "</a>" * 102
    assert "nested more than 100 levels deep in line 1" in refusal_of_bytes(tmp_path, f"<r>{deep}<a/></r>".encode())
    monkeypatch.setattr(xml_file, "_MAX_CHARS", 1000)
    monkeypatch.setattr(safe_xml, "_MAX_TAG_BYTES", 100_000)
    large = f"<r><t>{'x' * 900}</t>\n<t>{'x' * 1100}</t></r>"
    assert "a row has more than 1,000 characters in line 2" in refusal_of_bytes(tmp_path, large.encode())
    many = f"<r><t/><t>{'<x/>' * 1100}</t></r>"
    assert "a row has more than 1,000 characters" in refusal_of_bytes(tmp_path, many.encode())
    tag = f"<r><t/><t a='{'x' * 1_000_000}'/></r>"
    assert "a tag or comment has more than 100,000 bytes" in refusal_of_bytes(tmp_path, tag.encode())


def test_columns_by_expressions(tmp_path: Path) -> None:
    columns = {"id": '"@id"', "who": "requester.email || requester", "last": 'comment[-1]."#text"'}
    table = read_xml(tmp_path, TICKETS, columns=tuple(columns.items()), records="tickets/ticket")
    assert table.cells == [["00123", "a@example.com", "zwei"], ["2", "Bob", ""]]
    assert table.how == "XML, UTF-8, rows in tickets/ticket, 4 other members ignored"


def test_field_names_in_attributes_are_columns(tmp_path: Path) -> None:
    """As in MySQL's --xml, phpMyAdmin and Solr."""
    row = '<row><field name="id">{0}</field><field name="title" xsi:nil="true"/><field name="mail">{0}@example.com</field></row>'
    content = (
        f'<resultset xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{row.format(1)}{row.format(2)}</resultset>'
    )
    names = {name: f"""field[?"@name"=='{name}']."#text" | [0]""" for name in ("id", "title", "mail")}
    assert read_xml(tmp_path, content, columns=tuple(names.items())).cells == [
        ["1", "", "1@example.com"],
        ["2", "", "2@example.com"],
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file of 16 MB takes only a few MB more than one of 4 MB."""
    row = f"<t><i>{'7' * 10}</i><s>{'text ' * 50}</s></t>"
    program = (
        "import sys; from pathlib import Path; from importer.manifest.manifest import open_manifest\n"
        "from importer.models import ManifestOptions\n"
        "print(sum(len(chunk.rows) for chunk in open_manifest(Path(sys.argv[1]), ManifestOptions()).chunks(1000)))\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    for count in (15_000, 60_000):
        path = tmp_path / "tickets.xml"
        path.write_text(f"<r>{row * count}</r>")
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        rows, peak_kb = map(int, done.stdout.split())
        assert rows == count
        peaks.append(peak_kb)
    assert peaks[1] - peaks[0] < 8_000, peaks
