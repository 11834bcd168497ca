"""A chunk of rows held against the mapping: its tickets, and everything that is wrong with the others."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.attachments import AttachmentFinder, Fault, Named
from importer.catalogue import CATALOGUE
from importer.manifest import Chunk, Column, is_visible
from importer.mapping import FieldType, Mapping, Rule
from importer.models import Attachment, Problem, Ticket
from importer.validation.fingerprints import Prints, combined, fingerprints
from importer.validation.screen import LEAD_ID, LEAD_IDENTIFIERS, Mask, Screen
from importer.validation.values import convert

_LEAD_PREFIX = "LeadDetail."
_EMAIL = "LeadDetail.EmailAddress"
_PHONE = "LeadDetail.Phone"
_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")
_SHOWN_CHARS = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    """One SchemaName of a chunk: what each row sends for it, and which rows send it at all."""

    name: str
    values: Sequence[str]
    sent: npt.NDArray[np.bool_]


class Checked:
    """The outcome for one chunk; positions count its rows from 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fields: list[_Field] = []
        self.attachments: dict[int, tuple[Attachment, ...]] = {}
        self.problems: dict[int, list[Problem]] = defaultdict(list)

    def ticket(self, position: int) -> Ticket:
        """What the row at ``position``, which has no problem, asks for."""
        fields = [(field.name, field.values[position]) for field in self.fields if field.sent[position]]
        lead_id = next((value for name, value in fields if name == LEAD_ID), None)
        if lead_id is None:
            sent = fields
        else:  # an existing lead: its details are the account's business
            sent = [(name, value) for name, value in fields if name != LEAD_ID and not name.startswith(_LEAD_PREFIX)]
        return Ticket(fields=tuple(sent), lead_id=lead_id, attachments=self.attachments.get(position, ()))

    def lead_identifiers(self) -> tuple[list[str], list[str]]:
        """Each row's e-mail address and phone number in one form; empty where another row's can't be the same lead.

        Two tickets with one of them, under way at once, could make two leads of one. A row with a LeadId makes none.
        """
        known = next((field.sent for field in self.fields if field.name == LEAD_ID), np.zeros(self.size, dtype=bool))
        emails, phones = [""] * self.size, [""] * self.size
        for field in self.fields:
            if field.name in (_EMAIL, _PHONE):
                normal = _NORMAL[field.name]
                found = emails if field.name == _EMAIL else phones
                for position in np.flatnonzero(field.sent & ~known).tolist():
                    if position not in self.problems:
                        found[position] = normal(field.values[position])
        return emails, phones

    def attachment_bytes(self) -> int:
        """Sum of the sizes of all files of the rows without problems."""
        return sum(
            file.size_bytes
            for position, files in self.attachments.items()
            if position not in self.problems
            for file in files
        )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is wrong with the rows of a chunk, by their positions; ``attachment_bytes`` is of all the others."""

    problems: dict[int, list[Problem]]
    attachment_bytes: int


class Validator:
    """Judges rows by a mapping. ``finder`` is there if the mapping has attachments."""

    def __init__(self, mapping: Mapping, finder: AttachmentFinder | None, sheet: str | None) -> None:
        self._mapping = mapping
        self._finder = finder
        self._sheet = sheet
        self._screen = Screen(mapping, self._judge_cells)

    def keys(self, frame: pd.DataFrame) -> list[str]:
        """Each row's key: the raw cell, or a JSON list of the raw cells; empty if a cell of it is blank."""
        columns = self._mapping.key
        if self._mapping.key_is_row_content:
            return content_hashes(frame)
        return list(map(_key, zip(*(frame[column] for column in columns), strict=True)))

    def key_at(self, chunk: Chunk, position: int, columns: Sequence[str]) -> str:
        """One row's key as `keys` has it; ``columns``: what `key: row-content` is made of."""
        if self._mapping.key_is_row_content:
            return content_hashes(chunk.part([position])[list(columns)])[0]
        return _key([chunk.text(name, position) for name in self._mapping.key])

    def key_prints(self, chunk: Chunk, columns: Sequence[str]) -> tuple[Prints, Mask]:
        """A fingerprint of each row's key, and which rows have one; ``columns``: what `key: row-content` is made of."""
        names = columns if self._mapping.key_is_row_content else self._mapping.key
        found = [chunk.column(name) or Column.of_any(chunk.texts(name)) for name in names]
        there = np.ones(len(chunk.rows), dtype=bool)
        for column in () if self._mapping.key_is_row_content else found:
            visible = is_visible(column.first_bytes())
            doubtful = np.flatnonzero(~visible)
            visible[doubtful] = [bool(cell.strip()) for cell in column.take(doubtful).texts()]
            there &= visible
        return combined([fingerprints(column) for column in found]), there

    def missing_key(self, row: int) -> Problem:
        """The problem of a row without a key."""
        columns = ", ".join(self._mapping.key)
        return self.problem("missing-key", row, f"the key is empty ({columns})", column=columns)

    def problem(
        self, code: str, row: int, message: str, *, column: str | None = None, value: str | None = None
    ) -> Problem:
        """A problem of a row of this manifest, with the catalogue's advice."""
        return Problem(
            code=code,
            row=row,
            message=message,
            hint=CATALOGUE[code].advice,
            sheet=self._sheet,
            column=column,
            value=value,
        )

    def judge(self, chunk: Chunk, wanted: Mask) -> Judged:
        """Find every problem of the wanted rows; `check` judges those of which not all is known to be right."""
        doubtful = np.flatnonzero(wanted & ~self._screen.passes(chunk))
        problems: dict[int, list[Problem]] = defaultdict(list)
        rows = np.array(chunk.rows, dtype=np.int64)
        if doubtful.size:
            checked = self._check_fields(chunk.part(doubtful.tolist()), rows[doubtful])
            for index, found in checked.problems.items():
                problems[int(doubtful[index])] += found
        size_bytes = 0
        if self._finder is not None:
            named = np.flatnonzero(wanted)
            cells = [[texts[at] for at in named] for texts in map(chunk.texts, self._finder.columns)]
            files = self._finder.find_all(cells)
            faults: dict[int, list[Problem]] = defaultdict(list)
            report = _Report(self, rows[named], faults)
            for index in files.faulty_rows.tolist():
                _report_faults(index, files.of(index), report)
                problems[int(named[index])] += faults[index]
            size_bytes = int(files.size_bytes[~np.isin(named, list(problems))].sum())
        return Judged(problems=dict(problems), attachment_bytes=size_bytes)

    def lead_names(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> list[str]:
        """All e-mail addresses and phone numbers of some rows without problems, as `Checked.lead_identifiers` has them.

        No order is promised, and empty ones may be among them.
        """
        rules = [rule for rule in self._mapping.rules if rule.field in LEAD_IDENTIFIERS]
        named = [rule.field for rule in rules]
        of_all_rows = [name for name, _ in self._mapping.constants if name in LEAD_IDENTIFIERS]
        plain = len(set(named)) == len(named) and not of_all_rows and all(map(_is_sent_as_written, rules))
        if not plain:
            frame = chunk.part(positions.tolist())
            emails, phones = self._check_fields(frame, np.zeros(len(frame), dtype=np.int64)).lead_identifiers()
            return emails + phones
        texts = {rule.field: chunk.texts(rule.column) for rule in rules}
        cells = {field: [of_all[at] for at in positions.tolist()] for field, of_all in texts.items()}
        known = cells.pop(LEAD_ID, [""] * positions.size)
        return [
            _NORMAL[field](cell)
            for field, its in cells.items()
            for cell, lead_id in zip(its, known, strict=True)
            if not lead_id
        ]

    def check(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> Checked:
        """Judge every row of ``frame`` (text cells, any index), which stands at ``rows`` of the manifest."""
        frame = frame.reset_index(drop=True)
        checked = self._check_fields(frame, rows)
        if self._finder is not None:
            checked.attachments = _find_attachments(frame, self._finder, _Report(self, rows, checked.problems))
        return checked

    def _check_fields(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> Checked:
        checked = Checked(len(frame))
        report = _Report(self, rows, checked.problems)
        everywhere = np.ones(len(frame), dtype=bool)
        checked.fields = [self._field(frame[rule.column], rule, report) for rule in self._mapping.rules]
        checked.fields += [
            _Field(name=name, values=[value] * len(frame), sent=everywhere) for name, value in self._mapping.constants
        ]
        _require_lead(checked.fields, report)
        return checked

    def _judge_cells(self, rule: Rule, cells: Sequence[str]) -> tuple[Mask, Mask]:
        """Say which cells a rule takes, and for which of them it sends more than blanks."""
        problems: dict[int, list[Problem]] = defaultdict(list)
        report = _Report(self, np.zeros(len(cells), dtype=np.int64), problems)
        field = self._field(pd.Series(list(cells), dtype=object), rule, report)
        good = np.ones(len(cells), dtype=bool)
        good[list(problems)] = False
        return good, field.sent & _are_filled(field.values)

    def _field(self, cells: pd.Series, rule: Rule, report: _Report) -> _Field:
        """Judge one column by its rule: default, value map, then what the value must be."""
        empty = cells == ""
        if rule.required:
            blank = cells.str.strip() == ""
            missing = blank if rule.default is None else blank & ~empty
            report.add("missing-value", missing, cells, rule, lambda _: f"{rule.field} is required")
        if rule.values:
            cells = cells.map(lambda cell: rule.values.get(cell, cell))
        if rule.default is not None:
            cells, empty = cells.mask(empty, rule.default), pd.Series(data=False, index=cells.index)
        filled = cells[~empty]
        if not filled.empty:
            cells = self._judge(cells, filled, rule, report)
        # An empty LeadId names no lead and must not stand in the way of the row's LeadDetail fields.
        sends_empty = rule.send_empty and rule.field != LEAD_ID
        sent = np.ones(len(cells), dtype=bool) if sends_empty else (~empty).to_numpy()
        return _Field(name=rule.field, values=cells.tolist(), sent=sent)

    def _judge(self, cells: pd.Series, filled: pd.Series, rule: Rule, report: _Report) -> pd.Series:
        if _may_hold_unsendable(filled):
            bad = filled.str.contains(_UNSENDABLE)
            report.add("bad-text", bad, filled, rule, lambda _: "the value holds a character that can't be sent")
        if rule.one_of:
            allowed = ", ".join(rule.one_of)
            report.add(
                "not-allowed", ~filled.isin(rule.one_of), filled, rule, lambda cell: f"{cell} is not one of {allowed}"
            )
        kind = FieldType.GUID if rule.field == LEAD_ID else rule.type
        converted = convert(filled, rule if kind is rule.type else replace(rule, type=kind))
        if converted.code:
            report.add(converted.code, converted.bad, filled, rule, lambda cell: f"{cell} is not {converted.expected}")
        values = converted.values.where(~converted.bad, filled)
        if rule.max_length is not None:
            length = rule.max_length
            if rule.on_too_long == "truncate":
                values = values.str.slice(0, length)
            else:
                too_long = values.str.len() > length
                report.add("too-long", too_long, values, rule, lambda _: f"longer than {length} characters")
        result = cells.copy()
        result[filled.index] = values
        return result


class _Report:
    """Collects the problems of one chunk under their rows' positions."""

    def __init__(self, validator: Validator, rows: npt.NDArray[np.int64], problems: dict[int, list[Problem]]) -> None:
        self._validator = validator
        self._rows = rows
        self._problems = problems

    def add(self, code: str, bad: pd.Series, cells: pd.Series, rule: Rule, message: Callable[[str], str]) -> None:
        """Note every cell of ``bad`` (a mask with the index of ``cells``); ``message`` gets the cell as it is shown."""
        for position in bad.index[bad.to_numpy(dtype=bool)]:
            value = shown(cells[position])
            self.add_one(int(position), code, f"{rule.column}: {message(repr(value))}", column=rule.column, value=value)

    def add_one(
        self, position: int, code: str, message: str, *, column: str | None = None, value: str | None = None
    ) -> None:
        """Note one problem."""
        problem = self._validator.problem(code, int(self._rows[position]), message, column=column, value=value)
        self._problems[position].append(problem)


def _require_lead(fields: list[_Field], report: _Report) -> None:
    found = np.zeros(len(fields[0].values) if fields else 0, dtype=bool)
    for field in fields:
        if field.name in LEAD_IDENTIFIERS:
            found |= field.sent & _are_filled(field.values)
    for position in np.flatnonzero(~found):
        names = ", ".join(field.name for field in fields if field.name in LEAD_IDENTIFIERS)
        report.add_one(int(position), "missing-lead", f"the row names no lead ({names or 'none is mapped'})")


def _key(cells: Sequence[str]) -> str:
    if not all(cell.strip() for cell in cells):
        return ""
    return cells[0] if len(cells) == 1 else json.dumps(cells, ensure_ascii=False)


def _is_sent_as_written(rule: Rule) -> bool:
    """Whether a lead's cell says by itself who it is, but for what all forms of one address or number share."""
    plain = not rule.values and rule.default is None and rule.max_length is None
    return plain and (rule.field == LEAD_ID or rule.type in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE))


def _are_filled(values: Sequence[str]) -> Mask:
    return np.array([bool(value.strip()) for value in values], dtype=bool)


def _find_attachments(
    frame: pd.DataFrame, finder: AttachmentFinder, report: _Report
) -> dict[int, tuple[Attachment, ...]]:
    found: dict[int, tuple[Attachment, ...]] = {}
    for position, cells in enumerate(zip(*(frame[column] for column in finder.columns), strict=True)):
        if not any(cells):
            continue
        named = finder.find(zip(finder.columns, cells, strict=True))
        _report_faults(position, named, report)
        if files := tuple(each.found for each in named if not isinstance(each.found, Fault)):
            found[position] = files
    return found


def _report_faults(position: int, files: Iterable[Named], report: _Report) -> None:
    for named in files:
        if isinstance(named.found, Fault):
            message = f"{named.column}: {named.found.message}"
            report.add_one(position, named.found.code, message, column=named.column, value=shown(named.name))


def content_hashes(frame: pd.DataFrame) -> list[str]:
    """A hash of each row's raw cells, for `key: row-content` and to see whether a row was edited."""
    rows = zip(*(frame[column] for column in frame.columns), strict=True)
    return [
        hashlib.blake2b(_unmistakable(cells).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        for cells in rows
    ]


def _unmistakable(cells: Sequence[str]) -> str:
    """All cells in one text that no other row of cells has: with their lengths, no separator can stand in a cell."""
    return "".join(f"{len(cell)}:{cell}" for cell in cells)


def _email(address: str) -> str:
    return address.strip().casefold()


def _phone(number: str) -> str:
    return "".join(filter(str.isdecimal, number))


_NORMAL = {_EMAIL: _email, _PHONE: _phone}


def shown(value: str) -> str:
    """A value as a message shows it: not longer than a line."""
    return value if len(value) <= _SHOWN_CHARS else value[: _SHOWN_CHARS - 1] + "…"


def _may_hold_unsendable(cells: pd.Series) -> bool:
    """Look through a whole column at once, as next to none holds such a character."""
    text = "".join(cells)
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
