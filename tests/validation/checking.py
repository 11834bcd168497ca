"""Helpers that validate rows by a mapping, from the mapping's text on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from importer.attachments import AttachmentFinder
from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.mapping import FieldType, Mapping, Rule, load_mapping
from importer.validation import ConvertedRows, Validator
from importer.validation.type_conversion import convert

HEAD = "version: 1\nsource: old-helpdesk\nkey: ID\n"
MAIL = "mina@example.com"
FIRST_ROW = 2  # below a header in row 1


def mapping_of(text: str) -> Mapping:
    """Load a mapping from its text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path)


def validator(text: str, root: Path | None = None, sheet: str | None = None) -> Validator:
    """Return the validator of a mapping; ``root`` is the folder of the attachments."""
    mapping = mapping_of(text)
    finder = AttachmentFinder(mapping.attachments, root) if mapping.attachments is not None and root else None
    return Validator(mapping, finder, sheet)


def check(
    text: str, columns: Sequence[str], *rows: Sequence[str], root: Path | None = None, sheet: str | None = None
) -> ConvertedRows:
    """Validate rows of text cells by a mapping; ``root`` is the folder of the attachments."""
    source = RecordList(records=[list(row) for row in rows])
    chunk = Chunk(columns=tuple(columns), rows=tuple(range(FIRST_ROW, FIRST_ROW + len(rows))), source=source)
    return validator(text, root, sheet).convert_chunk(chunk, np.ones(len(rows), dtype=bool), build_tickets=True)


def convert_one(kind: FieldType, cell: str, **options: Any) -> str | None:
    """Convert one cell; return ``None`` if it is invalid."""
    return convert_all(kind, [cell], **options)[0]


def convert_all(kind: FieldType, cells: Sequence[str], **options: Any) -> list[str | None]:
    """Convert a column; ``None`` for each invalid cell."""
    rule = Rule(column="Cell", field="Field", line=1, type=kind, **options)
    return list(convert(cells, rule).values)


def codes(checked: ConvertedRows, position: int = 0) -> list[str]:
    """Return the codes of a row's problems, in their order."""
    return [problem.code for problem in checked.problems.get(position, [])]


def one_rule(rule: str) -> str:
    """Return a mapping with a rule for the column `Cell`; the lead is always there."""
    return f"{HEAD}columns:\n  Mail: LeadDetail.EmailAddress\n  Cell: {rule}\nignore: [ID]\n"


def sent(rule: str, cell: str) -> tuple[str | None, list[str]]:
    """Return what a cell is sent as (``None``: not sent), and the codes of its problems."""
    checked = check(one_rule(rule), ["ID", "Mail", "Cell"], ["1", MAIL, cell])
    fields = dict(checked.ticket(0).fields)
    fields.pop("LeadDetail.EmailAddress")
    return next(iter(fields.values()), None), codes(checked)
