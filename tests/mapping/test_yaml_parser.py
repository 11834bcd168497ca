from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping import FieldType, load_mapping
from importer.mapping.document import MAX_BYTES, UnreadableError, decode
from importer.mapping.document_models import AttachmentsModel, ManifestModel, MappingModel, RuleModel
from importer.mapping.structure_messages import describe_error
from importer.mapping.yaml_parser import MAX_NODES, parse
from tests.mapping.conftest import BASE, Problems


def refused(path: Path) -> str:
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    (detail,) = caught.value.details
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return detail.removeprefix(f"{path}:").strip()


def test_unreadable_file_has_a_reason(tmp_path: Path):
    """Missing file, folder or FIFO; opening a FIFO does not wait."""
    assert refused(tmp_path / "gone.yaml") == "there is no such file; check its name and folder"
    assert refused(tmp_path) == "this is not a regular file; check its name"
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "fifo") == "this is not a regular file; check its name"
    assert refused(tmp_path / ("x" * 300)).startswith("the file can't be read: File name too long")


def test_path_with_a_nul_is_an_error(tmp_path: Path):
    with pytest.raises(MappingError):
        load_mapping(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty; a mapping starts with `version: 1`"),
        (b"# only a comment\n", "the file is empty; a mapping starts with `version: 1`"),
        (b"\xef\xbb\xbf", "the file is empty; a mapping starts with `version: 1`"),
        (b"~", "the file is empty; a mapping starts with `version: 1`"),
        (b"- a\n- b\n", "the file holds a list; a mapping starts with `version: 1`"),
        (b"just a text", "the file holds 'just a text'; a mapping starts with `version: 1`"),
        (b"PK\x03\x04\x00\x00", "this is not a text file in UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"),
        (BASE.encode("utf-16"), "this is not a text file in UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"),
        (b"version: 1\nsource: B\xfcro\n", "2: the text is not UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"),
        (b"a: b\nc: \x07\n", "2: the character U+0007 is not allowed in YAML; remove it"),
        (b"a: [b\nc: d\n", "2: not valid YAML: while parsing a flow sequence, expected ',' or ']', but got ':' (column 2)"),
        (b"a: b\n\tc: d\n", "2: not valid YAML: while scanning for the next token, found character '\\t' that cannot start any token (column 1); indent with blanks, not with tabs"),
        (b"a: *gone\n", "1: not valid YAML: found undefined alias 'gone' (column 4); put a name or text that begins with %, @, ` or * in quotes"),
        (b"a: b\n---\nc: d\n", "2: not valid YAML: expected a single document in the stream, but found another document (column 1)"),
        (b"#" * (MAX_BYTES + 1), f"the file is larger than {MAX_BYTES:,} bytes, the limit for this kind of file"),
    ],
)  # fmt: skip
def test_files_that_are_not_mappings_are_one_error(tmp_path: Path, content: bytes, problem: str):
    """Empty, binary, wrongly encoded, broken or too large."""
    path = tmp_path / "mapping.yaml"
    path.write_bytes(content)
    assert refused(path) == problem


@pytest.mark.parametrize(
    ("lines", "line", "advice"),
    [
        ("  Ticket #: Title\n  Mail: Tags\n", 5, "; put a name with ` #` in it in quotes"),
        ("  Mail: Tags\n  Ticket #: Title\n", 6, "; put a name with ` #` in it in quotes"),
        ("  Mail: Tags # one: two\n Ticket: Title\n", 6, ""),
        ("  Mail: Tags\n\tTicket: Title\n", 6, "; indent with blanks, not with tabs"),
        ("  D: {field: DueDate, format: %d/%m}\n", 5, "; put a name or text that begins with %, @, ` or * in quotes"),
        ("  @X: Title\n", 5, "; put a name or text that begins with %, @, ` or * in quotes"),
        ("  All: *\n", 5, "; put a name or text that begins with %, @, ` or * in quotes"),
        ("  Due: date: DueDate\n", 5, "; put a name or text with `: ` in it in quotes"),
        ("  Due: {field: DueDate\nkey_field: x\n\n", 6, ""),
        ("  Due: 'DueDate\n\n\n", 5, ""),
    ],
)
def test_common_mistakes_in_yaml_have_a_hint(tmp_path: Path, lines: str, line: int, advice: str):
    """With the line of the mistake, not of its effect."""
    path = tmp_path / "mapping.yaml"
    path.write_text(f"version: 1\nsource: a\nkey: ID\ncolumns:\n{lines}", "utf-8")
    problem = refused(path)
    assert problem.startswith(f"{line}: not valid YAML: ")
    assert problem.endswith(advice or ")")


BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "1: the file is nested deeper than 12 levels, the limit"),
        ("a: " + "{b: " * 500, "1: the file is nested deeper than 12 levels, the limit"),
        (
            "".join(f"{' ' * depth}a:\n" for depth in range(60)),
            "13: the file is nested deeper than 12 levels, the limit",
        ),
        ("a: &a [*a]\n", "1: too large after its aliases (*name) are followed; write the values out"),
        ("&a {b: *a}\n", "1: too large after its aliases (*name) are followed; write the values out"),
        (BOMB, "1: too large after its aliases (*name) are followed; write the values out"),
        ("- x\n" * (2 * MAX_NODES + 10), f"99998: the file has more than {MAX_NODES:,} names and values, the limit"),
    ],
    ids=["flow-lists", "flow-mappings", "blocks", "self", "self-in-mapping", "billion-laughs", "many"],
)
def test_hostile_yaml_is_refused_fast(problems: Problems, text: str, problem: str):
    """Depth and aliases are limited."""
    (found,) = problems(text)
    assert found.split(": ", 1)[1] == problem.split(": ", 1)[1]


def test_every_kind_of_error_has_a_plain_message():
    """Also new kinds of pydantic."""
    document = parse(BASE)
    error = {"type": "brand_new", "loc": ("source",), "msg": "Input should be", "input": "x"}
    told = describe_error(error, document)  # type: ignore[arg-type]
    assert (told.line, told.text) == (2, "source has a wrong form, not 'x'")


_MODELS = (MappingModel, RuleModel, AttachmentsModel, ManifestModel)
_WORDS = [
    *(key for model in _MODELS for key in model.model_fields),
    *FieldType,
    "Title",
    "LeadId",
    "UTC",
    "1",
    "true",
    "~",
    "%Y",
]
_words = st.deferred(lambda: st.sampled_from(_WORDS) | st.text(max_size=8))  # a short name in reports
_trees = st.recursive(
    _words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=5), max_leaves=25
)


def flow(tree: object) -> str:
    match tree:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in tree.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, tree)) + "]"
        case _:
            text = str(tree)
            return text if text.replace("_", "").isalnum() and text.isascii() else "'" + text.replace("'", "''") + "'"


def judge(content: bytes, folder: Path) -> None:
    path = folder / "fuzz.yaml"
    path.write_bytes(content)
    details: tuple[str, ...] | None = None
    try:
        load_mapping(path)
    except MappingError as error:
        details = error.details
    assert details != ()
    for detail in details or ():
        assert detail.startswith(f"{path}:")
        assert "Input should" not in detail
        assert "has a wrong form" not in detail


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=200)
    | st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`#,?~\n\t \\0"), max_size=60).map(str.encode)
)
def test_any_bytes_are_loaded_or_refused(folder: Path, content: bytes):
    """Loading returns a mapping or raises MappingError."""
    judge(content, folder)


@settings(max_examples=150, deadline=None)
@given(sections=st.dictionaries(_words, _trees, max_size=6), base=st.booleans())
def test_any_tree_of_keys_has_plain_messages(folder: Path, sections: dict[str, object], base: bool):  # noqa: FBT001
    """Keys of the language in any wrong place."""
    lines = "".join(f"{flow(key)}: {flow(value)}\n" for key, value in sections.items())
    judge(((BASE if base else "") + lines).encode("utf-8", "replace"), folder)


@settings(max_examples=200, deadline=None)
@given(written=st.text(alphabet="%YmdHMSpIjGVuzZyx/-: .", max_size=14), zone=st.text(max_size=12))
def test_any_date_format_and_time_zone_is_checked(folder: Path, written: str, zone: str):
    """Both libraries raise many kinds of errors."""
    rule = f"  X: {{field: DueDate, type: datetime, format: {flow(written)}, timezone: {flow(zone)}}}\n"
    judge((BASE + rule).encode("utf-8", "replace"), folder)


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12),
        unique=True,
        max_size=6,
    )
)
def test_quoted_texts_are_unchanged(texts: list[str]):
    """As a name and as a value."""
    text = "".join(f"{flow(each)}: [{flow(each)}]\n" for each in (f"'{each}" for each in texts))
    document = parse(text)
    assert (document.data or {}) == {f"'{each}": [f"'{each}"] for each in texts}
    assert not document.findings


def test_line_of_a_part_is_that_of_its_key():
    """A part without a key has the line of its parent."""
    document = parse("a:\n  b:\n    - c\n    - d\n")
    assert [document.line(place) for place in [(), ("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "x"), ("z",)]] == [
        1,
        1,
        2,
        4,
        4,
        1,
    ]
    assert parse("").line(("a",)) == 1


def test_size_is_checked_before_decoding():
    with pytest.raises(UnreadableError):
        decode(b"\xff" * (MAX_BYTES + 1))
