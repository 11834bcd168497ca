"""Mappings of several files: which file wins, where errors are reported, and circular includes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping import Mapping, check_columns, load_mapping

SHARED = """\
version: 1
source: old-helpdesk
key: ID
columns:
  Subject: {field: Title, required: true, max_length: 200}
  Mail: LeadDetail.EmailAddress
  Fax: CustomData.Fax
constants: {Channel: Email, Status: Open}
attachments: {columns: Files, max_files: 3, max_file_size: 5 MB}
ignore: [Notes, Agent]
manifest: {encoding: cp1252, delimiter: ;}
"""


class Files:
    """A folder of mappings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **texts: str) -> None:
        """Write files: `a` is a.yaml, `a_csv` is a.csv, `x__a` is x/a.yaml."""
        for name, text in texts.items():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def path(self, name: str) -> Path:
        """Return the file of a name."""
        stem, ending = (name[:-4], "csv") if name.endswith("_csv") else (name, "yaml")
        return self.folder / f"{stem.replace('__', '/')}.{ending}"

    def load(self, **texts: str) -> Mapping:
        """Write files and load `main`."""
        self.write(**texts)
        return load_mapping(self.path("main"))

    def problems(self, **texts: str) -> list[str]:
        """Write wrong files; return the problems, with paths below the folder."""
        with pytest.raises(MappingError) as caught:
            self.load(**texts)
        return [detail.replace(f"{self.folder}/", "") for detail in caught.value.details]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_file_that_only_includes_another_is_the_same_mapping(files: Files):
    files.write(base=SHARED)
    alone = load_mapping(files.path("base"))
    included = files.load(main="include: base.yaml\n")
    assert (included.source, included.key, included.constants) == (alone.source, alone.key, alone.constants)
    assert (included.attachments, included.ignore, included.manifest) == (
        alone.attachments,
        alone.ignore,
        alone.manifest,
    )
    assert [(rule.column, rule.field, rule.max_length) for rule in included.rules] == [
        ("Subject", "Title", 200),
        ("Mail", "LeadDetail.EmailAddress", None),
        ("Fax", "CustomData.Fax", None),
    ]


def test_including_file_overrides_the_included_file(files: Files):
    """Rules and lists are replaced, sections are merged, and an empty rule removes one."""
    mapping = files.load(
        base=SHARED,
        main="""\
include: base.yaml
source: branch
columns: {Subject: CustomData.Subject, Region: CustomData.Region, Fax: ~, Phone: LeadDetail.Phone}
constants: {Status: New, Channel: }
attachments: {root: exports, max_files: 9}
ignore: [Fax]
manifest: {encoding: ~}
key_field: ~
""",
    )
    assert mapping.source == "branch"
    assert [(rule.column, rule.field, rule.required) for rule in mapping.rules] == [
        ("Subject", "CustomData.Subject", False),
        ("Mail", "LeadDetail.EmailAddress", False),
        ("Region", "CustomData.Region", False),
        ("Phone", "LeadDetail.Phone", False),
    ]
    assert mapping.constants == (("Status", "New"),)
    assert mapping.attachments is not None
    assert (mapping.attachments.columns, mapping.attachments.root) == (("Files",), Path("exports"))
    assert (mapping.attachments.max_files, mapping.attachments.max_file_size_bytes) == (9, 5_000_000)
    assert mapping.ignore == {"Fax"}
    assert (mapping.manifest.encoding, mapping.manifest.delimiter) == (None, ";")


def test_empty_section_removes_the_included_section(files: Files):
    assert files.load(base=SHARED, main="include: base.yaml\nattachments: ~\n").attachments is None


def test_later_of_several_included_files_wins(files: Files):
    """The including file comes last."""
    mapping = files.load(
        base=SHARED,
        other="constants: {Status: Other, Type: Other}\nsource: other\n",
        main="include: [base.yaml, other.yaml]\nconstants: {Type: Main}\n",
    )
    assert mapping.source == "other"
    assert dict(mapping.constants) == {"Channel": "Email", "Status": "Other", "Type": "Main"}


def test_paths_are_relative_to_the_file_that_names_them(files: Files):
    """A shared folder of mappings can be included from anywhere."""
    mapping = files.load(
        shared__base=SHARED,
        shared__mid="include: base.yaml\ncolumns: {State: {field: Priority, values_from: lists/prio.csv}}\n",
        shared__lists__prio_csv="From,To\n1,High\n",
        main="include: shared/mid.yaml\n",
    )
    assert dict({rule.column: rule for rule in mapping.rules}["State"].values) == {"1": "High"}
    names = [path.relative_to(files.folder).as_posix() for path in mapping.files]
    assert names == ["main.yaml", "shared/mid.yaml", "shared/base.yaml", "shared/lists/prio.csv"]


def test_a_table_can_be_included(files: Files):
    """A spreadsheet may have the fields, and YAML the rest."""
    mapping = files.load(
        fields_csv="column;SchemaName\nSubject;Title\nMail;LeadDetail.EmailAddress\nNotes;\n",
        main="version: 1\ninclude: fields.csv\nsource: a\nkey: ID\ncolumns: {ID: CustomData.LegacyId}\n",
    )
    assert [rule.column for rule in mapping.rules] == ["Subject", "Mail", "ID"]
    assert mapping.ignore == {"Notes"}


def test_every_error_is_reported_with_its_file_and_line(files: Files):
    """All at once; those of the mapping first."""
    assert files.problems(
        base="version: 1\ncolumns:\n  Subject: {field: Title, typ: text}\n  Mail: LeadDetail.EmailAddress\n  Mail: Title\nconstants:\n  Status: [a]\n",
        prio_csv="old,new\n1,High\n1,Low\n2\n,Medium\n3,\n",
        main="version: 1\ninclude: base.yaml\nsource: a\nkey: ID\nduplicate: first\ncolumns:\n  P: {field: Priority, values_from: prio.csv}\n",
    ) == [
        "main.yaml:5: unknown key 'duplicate' (did you mean 'duplicates'?)",
        "base.yaml:3: columns > Subject: unknown key 'typ' (did you mean 'type'?)",
        "base.yaml:5: 'Mail' is written twice, first in line 4; remove one of them",
        "base.yaml:7: constants > Status must be a text, not a list",
        "prio.csv:3: '1' is written twice, first in line 2; remove one of them",
        "prio.csv:4: this row has 1 cell instead of two; put a cell with a separator in it in quotes",
        "prio.csv:5: columns > P > values: a name must not be empty",
        "prio.csv:6: '3' has no new value; to make its cells empty, remove this row and write `'3': \"\"` under `values`",
    ]


def test_contradiction_of_two_files_names_both(files: Files):
    assert files.problems(
        base=SHARED, main="include: base.yaml\ncolumns:\n  X: Title\nignore: [Mail]\n"
    ) == [
        "main.yaml:3: columns: 'Title' is filled already by columns > Subject in line 5 of base.yaml; remove one of them",
        "main.yaml:4: ignore: 'Mail' is used by `columns` in line 6 of base.yaml, so it can't be ignored; remove one of them",
    ]  # fmt: skip


def test_missing_column_is_reported_with_its_file(files: Files):
    """If the mapping has several files."""
    mapping = files.load(base=SHARED, main="include: base.yaml\nignore: [Notes]\n")
    with pytest.raises(MappingError) as caught:
        check_columns(mapping, ["ID", "Subject", "Mail", "Fax", "Files"])
    (detail,) = caught.value.details
    assert detail == f"{files.path('main')}:2: ignore: the manifest has no column 'Notes'"
    with pytest.raises(MappingError) as caught:
        check_columns(mapping, ["ID", "Subject", "Mail", "Notes", "Files"])
    assert caught.value.details == (f"{files.path('base')}:7: columns: the manifest has no column 'Fax'",)


def test_values_of_a_file_are_checked_against_the_rule(files: Files):
    """Errors have the file and the line."""
    assert files.problems(
        base=SHARED,
        prio_csv="old,new\nB,hihg\n",
        main="include: base.yaml\ncolumns:\n  P: {field: Priority, one_of: [high], lower: true, values_from: prio.csv}\n",
    ) == [
        "prio.csv:2: columns > P: 'hihg' is not in `one_of` (did you mean 'high'?)",
        "prio.csv:2: columns > P: no cell can be 'B' after `lower`; write 'b'",
    ]


def test_values_of_the_mapping_override_those_of_a_file(files: Files):
    """So a shared list may have an exception."""
    mapping = files.load(
        base=SHARED,
        prio_csv='\ufeffold;new\r\n"a;b";High\r\n\r\n2; low \r\n;;\r\n3;NA;;\r\n',
        main="include: base.yaml\ncolumns: {P: {field: Priority, values: {3: None}, values_from: prio.csv}}\n",
    )
    assert dict(mapping.rules[-1].values) == {"a;b": "High", "2": " low ", "3": "None"}


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"main": "include: none.yaml\n"}, "main.yaml:1: include: 'none.yaml': there is no such file; check its name and folder"),
        ({"main": "include: [., x]\n", "x": "a"}, ("main.yaml:1: include: '.': this is not a regular file; check its name", "main.yaml:1: include: 'x': there is no such file; check its name and folder")),
        ({"main": "include: [a.yaml, b.yaml]\nfoo: 1\ncolumns: {A: ~, B: {field: Titel.X}}\n", "a": "a: !b c\n"}, ("main.yaml:1: include: 'b.yaml': there is no such file; check its name and folder", "main.yaml:2: unknown key 'foo'", "main.yaml:3: columns: 'Titel.X': the prefix of a SchemaName", "a.yaml:1: the YAML tag '!b' is not part of the mapping language")),
        ({"main": "version: 1\ninclude: .\n"}, "main.yaml:2: include: '.': this is not a regular file; check its name"),
        ({"main": "include: main.yaml\n"}, "main.yaml:1: include: 'main.yaml' includes this file in turn"),
        (
            {"main": "include: a.yaml\n", "a": "version: 1\ninclude: ./b.yaml\n", "b": "include: a.yaml\n"},
            "b.yaml:1: include: 'a.yaml' includes this file in turn",
        ),
        ({"main": "include: a.yaml\n", "a": "columns: {\n"}, "a.yaml:2: not valid YAML: while parsing a flow node"),
        ({"main": "include: a.yaml\n", "a": "- a\n"}, "main.yaml:1: include: 'a.yaml' is not a mapping"),
        ({"main": "include: a.yaml\n", "a": ""}, "main.yaml:1: include: 'a.yaml' is not a mapping"),
        ({"main": "include: a.yaml\n", "a": "\nversion: 2\n"}, "a.yaml:2: version must be 1, not '2'"),
        ({"main": "include: a.csv\n", "a_csv": "a,b\n"}, "a.csv:1: the header must be `column,SchemaName`, not 'a' and 'b'"),
        ({"main": 'include: "a\\0"\n'}, "main.yaml:1: include: 'a\\x00': the file can't be read: embedded null byte"),
    ],
)  # fmt: skip
def test_file_that_cant_be_included_is_one_problem(files: Files, texts: dict[str, str], problem: str | tuple[str, ...]):
    """It hides no other problem."""
    expected = (problem,) if isinstance(problem, str) else problem
    for found, start in zip(files.problems(**texts), expected, strict=True):
        assert found.startswith(start)


def test_wrong_value_of_include_is_reported(files: Files):
    """In the mapping and in an included file."""
    assert "main.yaml:1: include must be a text or a list of texts, not `name: value` pairs" in [
        problem.replace("`name: text` pairs", "`name: value` pairs")
        for problem in files.problems(main="include: {a: b}\n")
    ]
    files.write(base=f"{SHARED}include: [[a]]\n")
    assert files.problems(main="include: base.yaml\n") == ["base.yaml:12: include > 1 must be a text, not a list"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (None, "main.yaml:3: columns > P > values_from: 'prio.csv': there is no such file; check its name and folder"),
        (
            "",
            "main.yaml:3: columns > P > values_from: 'prio.csv': the file is empty; it needs a header and rows of two cells",
        ),
        ("old\n1\n", "prio.csv:1: the header has 1 cell instead of two; separate two columns by a comma or semicolon"),
        ("old,new\n", "prio.csv:1: there are no rows below the header; add rows `old,new`"),
        ("1,High\n2,Low\n", "prio.csv:1: the header must be `old,new`, not '1' and 'High'"),
        ("1,High\n", "prio.csv:1: the header must be `old,new`, not '1' and 'High'"),
        (
            'old,new\n1,"High\n2,Low\n',
            "prio.csv:2: not valid CSV: unexpected end of data; check the quotes from this line on",
        ),
        (
            'old,new\n1,"Hi"gh\n',
            "prio.csv:2: not valid CSV: ',' expected after '\"'; check the quotes from this line on",
        ),
        (
            "old,new\n1,2,3\n",
            "prio.csv:2: this row has 3 cells instead of two; put a cell with a separator in it in quotes",
        ),
    ],
)
def test_wrong_file_of_values_is_reported(files: Files, values: str | None, problem: str):
    """With its line; a missing file with that of the rule."""
    texts = {} if values is None else {"prio_csv": values}
    main = "include: base.yaml\ncolumns:\n  P: {field: Priority, values_from: prio.csv}\n"
    assert files.problems(base=SHARED, main=main, **texts) == [problem]


def test_hash_covers_all_files(files: Files):
    texts = {"base": SHARED, "prio_csv": "old,new\n1,High\n", "main": "include: base.yaml\ncolumns: {P: {field: Priority, values_from: prio.csv}}\n"}  # fmt: skip
    hashes = {files.load(**texts).sha256}
    for name, text in texts.items():
        changed = files.load(**{**texts, name: f"{text}\n\n"}).sha256
        assert changed not in hashes
        hashes.add(changed)
    assert files.load(**texts).sha256 in hashes
    files.write(base=SHARED)
    assert load_mapping(files.path("base")).sha256 == hashlib.sha256(SHARED.encode()).hexdigest()


def test_number_of_included_files_is_limited(files: Files):
    """Files may include one another many times."""
    for depth in range(8):
        included = [f"f{depth + 1}.yaml"] * 4 if depth < 7 else []
        files.write(**{f"f{depth}": f"version: 1\ninclude: [{', '.join(included)}]\n" if included else "version: 1\n"})
    (problem,) = files.problems(main="include: f0.yaml\n")
    assert "more than 100 files" in problem
