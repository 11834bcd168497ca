"""Validates chunks of rows by the mapping: gives the tickets of valid rows and the problems of the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.account_fields import AccountFields
from importer.account_fields.value_check import shortened
from importer.attachments import AttachmentFinder
from importer.error_codes import ERROR_CODES
from importer.leadsquared.documented_fields import LEAD_ID, LEAD_IDENTIFIERS, NORMALIZERS
from importer.manifest import Chunk
from importer.mapping import FieldType, Mapping, Rule
from importer.models import Problem
from importer.validation.account_rules import AccountRules
from importer.validation.attachments import AttachmentChecker
from importer.validation.byte_checks import Mask
from importer.validation.converted_rows import ConvertedRows
from importer.validation.field_conversion import SentField, convert_constant, convert_field, fill_template
from importer.validation.problem_collector import ProblemCollector
from importer.validation.quick_check import QuickCheck
from importer.validation.row_keys import RowKeyReader


@dataclass(frozen=True, kw_only=True)
class ChunkProblems:
    """Problems of the wanted rows of a chunk, by position, and sizes of attachments.

    ``attachment_bytes``: of the wanted rows without problems. ``files``: number and bytes of the files of all rows, and
    number of rows with files. ``file_states``: sum of the states of each row's files; ``None`` without attachments.
    """

    problems: dict[int, list[Problem]]
    attachment_bytes: int
    files: tuple[int, int, int] = (0, 0, 0)
    file_states: npt.NDArray[np.int64] | None = None


class Validator:
    """Validates rows by a mapping; ``finder`` is for its attachments, ``fields`` is the account's metadata."""

    def __init__(
        self,
        mapping: Mapping,
        finder: AttachmentFinder | None,
        sheet: str | None,
        fields: AccountFields | None = None,
    ) -> None:
        self._mapping = mapping
        self._attachments = AttachmentChecker(finder) if finder is not None else None
        self._sheet = sheet
        self.row_keys = RowKeyReader(mapping)
        self._account = AccountRules(fields)
        self._quick_check = QuickCheck(mapping, self._check_cells, self._account)
        self._constants = [(name, convert_constant(name, value)[0]) for name, value in mapping.constants]

    @property
    def mapping(self) -> Mapping:
        """The mapping by which rows are validated."""
        return self._mapping

    def missing_key(self, row: int) -> Problem:
        """Return the problem of a row without a key."""
        columns = ", ".join(self._mapping.key)
        return self.problem("missing-key", row, f"the key is empty ({columns})", column=columns)

    def problem(
        self, code: str, row: int, message: str, *, column: str | None = None, value: str | None = None
    ) -> Problem:
        """Return a problem of a row of this manifest, with the error catalogue's advice."""
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
        """Find every problem of the wanted rows: the same as `convert_rows`, but much faster."""
        unclear = self._quick_check.unclear_cells(chunk)
        problems: dict[int, list[Problem]] = defaultdict(list)
        rows = np.array(chunk.rows, dtype=np.int64)
        whole = np.flatnonzero(wanted & unclear.rows)
        if whole.size:
            _add_problems(self._convert_fields(chunk.part(whole.tolist()), rows[whole]).problems, whole, problems)
        for rule, unclear_cells in zip(self._mapping.rules, unclear.cells, strict=True):
            positions = np.flatnonzero(wanted & unclear_cells & ~unclear.rows)
            if positions.size:
                found: dict[int, list[Problem]] = defaultdict(list)
                cells = pd.Series(chunk.texts_at(rule.column, positions), dtype=object)
                self._convert_field(cells, rule, ProblemCollector(self.problem, rows[positions], found))
                _add_problems(found, positions, problems)
        return self._add_attachments(chunk, wanted, problems)

    def _add_attachments(self, chunk: Chunk, wanted: Mask, problems: dict[int, list[Problem]]) -> ChunkProblems:
        """Add the problems of the wanted rows' attachments, and measure the files of all rows."""
        if self._attachments is None:
            return ChunkProblems(problems=dict(problems), attachment_bytes=0)
        collector = ProblemCollector(self.problem, np.array(chunk.rows, dtype=np.int64), problems)
        files = self._attachments.check_chunk(chunk, wanted, collector)
        good = np.array(wanted, dtype=bool)
        good[list(problems)] = False
        return ChunkProblems(
            problems=dict(problems),
            attachment_bytes=int(files.size_bytes[good].sum()),
            files=(int(files.numbers.sum()), int(files.size_bytes.sum()), int(np.count_nonzero(files.numbers))),
            file_states=files.states,
        )

    def lead_identifiers(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> list[str]:
        """Return all normalised e-mail addresses and phone numbers of rows without problems, in any order.

        Some may be empty. See `ConvertedRows.lead_identifiers`.
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
            NORMALIZERS[field](cell)
            for field, row_problems in cells.items()
            for cell, lead_id in zip(row_problems, known, strict=True)
            if not lead_id
        ]

    def convert_rows(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> ConvertedRows:
        """Convert every row of ``frame`` (text cells, any index). ``rows``: the rows' numbers in the manifest."""
        frame = frame.reset_index(drop=True)
        checked = self._convert_fields(frame, rows)
        if self._attachments is not None:
            checked.attachments = self._attachments.check_frame(
                frame, ProblemCollector(self.problem, rows, checked.problems)
            )
        return checked

    def _convert_fields(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> ConvertedRows:
        checked = ConvertedRows(len(frame))
        collector = ProblemCollector(self.problem, rows, checked.problems)
        everywhere = np.ones(len(frame), dtype=bool)
        checked.fields = [self._convert_field(frame[rule.column], rule, collector) for rule in self._mapping.rules]
        for name, template in self._mapping.templates:
            checked.fields.append(fill_template(frame, name, template, collector))
            self._check_account_limits(checked.fields[-1], template.columns[0], collector)
        for name, value in self._constants:
            checked.fields.append(SentField(name=name, values=[value] * len(frame), sent=everywhere))
            self._check_account_limits(checked.fields[-1], None, collector)
        _require_lead(checked.fields, collector)
        return checked

    def _check_cells(self, rule: Rule, cells: Sequence[str]) -> tuple[Mask, Mask]:
        """Return which cells a rule accepts, and which of these have a value that is not blank."""
        problems: dict[int, list[Problem]] = defaultdict(list)
        collector = ProblemCollector(self.problem, np.zeros(len(cells), dtype=np.int64), problems)
        field = self._convert_field(pd.Series(list(cells), dtype=object), rule, collector)
        good = np.ones(len(cells), dtype=bool)
        good[list(problems)] = False
        return good, field.sent & _are_filled(field.values)

    def _convert_field(self, cells: pd.Series, rule: Rule, collector: ProblemCollector) -> SentField:
        """Convert one column by its rule, and check it against the account's limits."""
        field = convert_field(cells, rule, collector)
        self._check_account_limits(field, rule.column, collector)
        return field

    def _check_account_limits(self, field: SentField, column: str | None, collector: ProblemCollector) -> None:
        for position, wrong in self._account.violations(field.name, field.values, field.sent):
            if not collector.has(position, column):
                where, value = column or field.name, field.values[position]
                collector.add_one(position, wrong.code, f"{where}: {wrong.text}", column=column, value=shortened(value))


def _add_problems(
    found: dict[int, list[Problem]], positions: npt.NDArray[np.intp], problems: dict[int, list[Problem]]
) -> None:
    """Add problems of a selection of rows; ``positions``: the selection's positions in the chunk."""
    for index, row_problems in found.items():
        problems[int(positions[index])] += row_problems


def _require_lead(fields: list[SentField], collector: ProblemCollector) -> None:
    found = np.zeros(len(fields[0].values) if fields else 0, dtype=bool)
    for field in fields:
        if field.name in LEAD_IDENTIFIERS:
            found |= field.sent & _are_filled(field.values)
    for position in np.flatnonzero(~found):
        names = ", ".join(field.name for field in fields if field.name in LEAD_IDENTIFIERS)
        collector.add_one(int(position), "missing-lead", f"the row names no lead ({names or 'none is mapped'})")


def _is_sent_as_written(rule: Rule) -> bool:
    """Return whether a lead's cell is sent as written, apart from normalisation of addresses and numbers."""
    plain = not rule.values and rule.default is None and rule.max_length is None and rule.region is None
    plain = plain and not rule.strip and rule.html is None and rule.case is None
    return plain and (rule.field == LEAD_ID or rule.type in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE))


def _are_filled(values: Sequence[str]) -> Mask:
    return np.array([bool(value.strip()) for value in values], dtype=bool)
