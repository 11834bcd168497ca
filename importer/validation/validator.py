"""A chunk of rows held against the mapping: its tickets, and everything that is wrong with the others."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.account_fields import AccountFields
from importer.account_fields.cells import shortened
from importer.attachments import AttachmentFinder, FileFault, NamedFiles
from importer.error_codes import ERROR_CODES
from importer.manifest import Chunk, Column, is_visible
from importer.mapping import FieldType, Mapping, Rule
from importer.models import Attachment, Problem, Ticket
from importer.validation.account_rules import AccountRules
from importer.validation.attachments import FileMeasurer
from importer.validation.field_conversion import SentField, as_constant, field_of_cells, field_of_template
from importer.validation.fingerprints import Fingerprints, combined, fingerprints
from importer.validation.problem_collector import ProblemCollector
from importer.validation.quick_check import LEAD_ID, LEAD_IDENTIFIERS, Mask, QuickCheck
from importer.validation.type_conversion import without_extension

_LEAD_PREFIX = "LeadDetail."
_EMAIL = "LeadDetail.EmailAddress"
_PHONE = "LeadDetail.Phone"


class ConvertedRows:
    """The outcome for one chunk; positions count its rows from 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fields: list[SentField] = []
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
class ChunkProblems:
    """What is wrong with the wanted rows of a chunk, by their positions; ``attachment_bytes`` is of the others wanted.

    ``files``: number and bytes of the files of all rows, and how many rows have any. ``file_states``: of each row the
    states of its files, added; absent where rows have no files.
    """

    problems: dict[int, list[Problem]]
    attachment_bytes: int
    files: tuple[int, int, int] = (0, 0, 0)
    file_states: npt.NDArray[np.int64] | None = None


class Validator:
    """Judges rows by a mapping. ``finder`` is there if the mapping has attachments."""

    def __init__(
        self,
        mapping: Mapping,
        finder: AttachmentFinder | None,
        sheet: str | None,
        fields: AccountFields | None = None,
    ) -> None:
        self._mapping = mapping
        self._finder = finder
        self._files = FileMeasurer(finder) if finder is not None else None
        self._sheet = sheet
        self._account = AccountRules(fields)
        self._screen = QuickCheck(mapping, self._check_cells, self._account)
        self._constants = [(name, as_constant(name, value)[0]) for name, value in mapping.constants]

    @property
    def mapping(self) -> Mapping:
        """The mapping by which rows are judged."""
        return self._mapping

    def keys(self, frame: pd.DataFrame) -> list[str]:
        """Each row's key: the raw cell, or a JSON list of the raw cells; empty if a cell of it is blank."""
        if self._mapping.key_is_row_content:
            return content_hashes(frame)
        return _keys([frame[column].tolist() for column in self._mapping.key])

    def chunk_keys(self, chunk: Chunk, columns: Sequence[str]) -> list[str]:
        """The same for a chunk, of whose cells no more are made text than are needed; ``columns``: see ``key_at``."""
        if self._mapping.key_is_row_content:
            return content_hashes(chunk.frame[list(columns)])
        return _keys([chunk.texts(column) for column in self._mapping.key])

    def key_at(self, chunk: Chunk, position: int, columns: Sequence[str]) -> str:
        """One row's key as `keys` has it; ``columns``: what `key: row-content` is made of."""
        if self._mapping.key_is_row_content:
            return content_hashes(chunk.part([position])[list(columns)])[0]
        return _key([chunk.text(name, position) for name in self._mapping.key])

    def key_fingerprints(self, chunk: Chunk, columns: Sequence[str]) -> tuple[Fingerprints, Mask]:
        """A fingerprint of each row's key, and which rows have one; ``columns``: what `key: row-content` is made of."""
        names = columns if self._mapping.key_is_row_content else self._mapping.key
        found = [chunk.column(name) or Column.from_any_texts(chunk.texts(name)) for name in names]
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
            hint=ERROR_CODES[code].advice,
            sheet=self._sheet,
            column=column,
            value=value,
        )

    def find_problems(self, chunk: Chunk, wanted: Mask) -> ChunkProblems:
        """Find every problem of the wanted rows as `check` does, which judges all that is not known to be right."""
        doubts = self._screen.doubts(chunk)
        problems: dict[int, list[Problem]] = defaultdict(list)
        rows = np.array(chunk.rows, dtype=np.int64)
        whole = np.flatnonzero(wanted & doubts.elsewhere)
        if whole.size:
            _add(self._convert_fields(chunk.part(whole.tolist()), rows[whole]).problems, whole, problems)
        for rule, doubtful in zip(self._mapping.rules, doubts.cells, strict=True):
            positions = np.flatnonzero(wanted & doubtful & ~doubts.elsewhere)
            if positions.size:
                found: dict[int, list[Problem]] = defaultdict(list)
                cells = pd.Series(chunk.texts_at(rule.column, positions), dtype=object)
                self._field(cells, rule, ProblemCollector(self.problem, rows[positions], found))
                _add(found, positions, problems)
        return self._measure_files(chunk, wanted, problems)

    def _measure_files(self, chunk: Chunk, wanted: Mask, problems: dict[int, list[Problem]]) -> ChunkProblems:
        """Add what is wrong with the attachments of wanted rows.

        Those of the other rows, which may be tickets already, are looked for so that it is known whose files they are.
        """
        if self._finder is None or self._files is None:
            return ChunkProblems(problems=dict(problems), attachment_bytes=0)
        measured = self._files.look(chunk, np.arange(len(chunk.rows)))
        sizes, numbers, states = measured.size_bytes, measured.numbers, measured.states
        collector = ProblemCollector(self.problem, np.array(chunk.rows, dtype=np.int64), problems)
        for at, row in zip(measured.doubtful.tolist(), self._files.rows(chunk, measured.doubtful), strict=True):
            named = self._finder.find(row)
            if wanted[at]:
                _report_faults(at, named, collector)
            found = [each.found for each in named if isinstance(each.found, Attachment)]
            sizes[at], numbers[at] = sum(file.size_bytes for file in found), len(found)
            states[at] = sum(file.state for file in found)
        good = np.array(wanted, dtype=bool)
        good[list(problems)] = False
        return ChunkProblems(
            problems=dict(problems),
            attachment_bytes=int(sizes[good].sum()),
            files=(int(numbers.sum()), int(sizes.sum()), int(np.count_nonzero(numbers))),
            file_states=states,
        )

    def lead_identifiers(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> list[str]:
        """All e-mail addresses and phone numbers of some rows without problems, as `Checked.lead_identifiers` has them.

        No order is promised, and empty ones may be among them.
        """
        rules = [rule for rule in self._mapping.rules if rule.field in LEAD_IDENTIFIERS]
        named = [rule.field for rule in rules]
        otherwise = [
            name for name, _ in (*self._mapping.constants, *self._mapping.templates) if name in LEAD_IDENTIFIERS
        ]
        plain = len(set(named)) == len(named) and not otherwise and all(map(_is_sent_as_written, rules))
        if not plain:
            frame = chunk.part(positions.tolist())
            emails, phones = self._convert_fields(frame, np.zeros(len(frame), dtype=np.int64)).lead_identifiers()
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

    def convert_rows(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> ConvertedRows:
        """Judge every row of ``frame`` (text cells, any index), which stands at ``rows`` of the manifest."""
        frame = frame.reset_index(drop=True)
        checked = self._convert_fields(frame, rows)
        if self._finder is not None:
            checked.attachments = _find_attachments(
                frame, self._finder, ProblemCollector(self.problem, rows, checked.problems)
            )
        return checked

    def _convert_fields(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> ConvertedRows:
        checked = ConvertedRows(len(frame))
        collector = ProblemCollector(self.problem, rows, checked.problems)
        everywhere = np.ones(len(frame), dtype=bool)
        checked.fields = [self._field(frame[rule.column], rule, collector) for rule in self._mapping.rules]
        for name, template in self._mapping.templates:
            checked.fields.append(field_of_template(frame, name, template, collector))
            self._check_with_account(checked.fields[-1], template.columns[0], collector)
        for name, value in self._constants:
            checked.fields.append(SentField(name=name, values=[value] * len(frame), sent=everywhere))
            self._check_with_account(checked.fields[-1], None, collector)
        _require_lead(checked.fields, collector)
        return checked

    def _check_cells(self, rule: Rule, cells: Sequence[str]) -> tuple[Mask, Mask]:
        """Say which cells a rule takes, and for which of them it sends more than blanks."""
        problems: dict[int, list[Problem]] = defaultdict(list)
        collector = ProblemCollector(self.problem, np.zeros(len(cells), dtype=np.int64), problems)
        field = self._field(pd.Series(list(cells), dtype=object), rule, collector)
        good = np.ones(len(cells), dtype=bool)
        good[list(problems)] = False
        return good, field.sent & _are_filled(field.values)

    def _field(self, cells: pd.Series, rule: Rule, collector: ProblemCollector) -> SentField:
        """Judge one column, by its rule and by what the account says of the field."""
        field = field_of_cells(cells, rule, collector)
        self._check_with_account(field, rule.column, collector)
        return field

    def _check_with_account(self, field: SentField, column: str | None, collector: ProblemCollector) -> None:
        for position, wrong in self._account.complaints(field.name, field.values, field.sent):
            if not collector.has(position, column):
                where, value = column or field.name, field.values[position]
                collector.add_one(position, wrong.code, f"{where}: {wrong.text}", column=column, value=shortened(value))


def _add(found: dict[int, list[Problem]], places: npt.NDArray[np.intp], problems: dict[int, list[Problem]]) -> None:
    """Add problems that are known by their positions among some rows, which stand at ``places`` among all."""
    for index, its in found.items():
        problems[int(places[index])] += its


def _require_lead(fields: list[SentField], collector: ProblemCollector) -> None:
    found = np.zeros(len(fields[0].values) if fields else 0, dtype=bool)
    for field in fields:
        if field.name in LEAD_IDENTIFIERS:
            found |= field.sent & _are_filled(field.values)
    for position in np.flatnonzero(~found):
        names = ", ".join(field.name for field in fields if field.name in LEAD_IDENTIFIERS)
        collector.add_one(int(position), "missing-lead", f"the row names no lead ({names or 'none is mapped'})")


def _keys(columns: Sequence[Sequence[str]]) -> list[str]:
    if len(columns) == 1:
        return [cell if cell.strip() else "" for cell in columns[0]]
    return list(map(_key, zip(*columns, strict=True)))


def _key(cells: Sequence[str]) -> str:
    if not all(cell.strip() for cell in cells):
        return ""
    return cells[0] if len(cells) == 1 else json.dumps(cells, ensure_ascii=False)


def _is_sent_as_written(rule: Rule) -> bool:
    """Whether a lead's cell says by itself who it is, but for what all forms of one address or number share."""
    plain = not rule.values and rule.default is None and rule.max_length is None and rule.region is None
    plain = plain and not rule.strip and rule.html is None and rule.case is None
    return plain and (rule.field == LEAD_ID or rule.type in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE))


def _are_filled(values: Sequence[str]) -> Mask:
    return np.array([bool(value.strip()) for value in values], dtype=bool)


def _find_attachments(
    frame: pd.DataFrame, finder: AttachmentFinder, collector: ProblemCollector
) -> dict[int, tuple[Attachment, ...]]:
    found: dict[int, tuple[Attachment, ...]] = {}
    for position, cells in enumerate(zip(*(frame[column] for column in finder.columns), strict=True)):
        named = finder.find(zip(finder.columns, cells, strict=True))
        _report_faults(position, named, collector)
        if files := tuple(each.found for each in named if not isinstance(each.found, FileFault)):
            found[position] = files
    return found


def _report_faults(position: int, files: Iterable[NamedFiles], collector: ProblemCollector) -> None:
    for named in files:
        if isinstance(named.found, FileFault):
            message = f"{named.column}: {named.found.message}"
            collector.add_one(position, named.found.code, message, column=named.column, value=shortened(named.name))


def content_hashes(frame: pd.DataFrame) -> list[str]:
    """A hash of each row's raw cells, for `key: row-content` and to see whether a row was edited.

    In the order of the columns' names: exports put their columns, and above all the names in JSON, now here, now there.
    """
    rows = zip(*(frame[column] for column in sorted(frame.columns)), strict=True)
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
    return "".join(filter(str.isdecimal, without_extension(number.strip())))


_NORMAL = {_EMAIL: _email, _PHONE: _phone}
