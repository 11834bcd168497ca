"""Decides about the rows of a manifest, chunk by chunk, and converts those that would be sent."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from importer.ledger.records import RunInfo
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Column, Mask
from importer.mapping import is_ignored
from importer.models import Problem
from importer.results import ResultRow, WorkbookLimits
from importer.submission.chunk_decisions import ChunkDecisions
from importer.submission.plan import TO_SEND, Disposition
from importer.validation import ConvertedRows, KeyIndex, RowKeys, fingerprints
from importer.workflows.manifest_rows import ManifestRows

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.export_checks.comparison import ExportComparison
    from importer.ledger.store import Ledger


class RowDecider:
    """Decides about rows by the mapping, the ledger, the user's choice and the rows before them.

    ``comparison``: of a run's export with earlier exports. ``limits``: of the workbook that the results will be.
    """

    def __init__(
        self,
        rows: ManifestRows,
        ledger: Ledger | None,
        run: RunInfo,
        comparison: ExportComparison | None,
        limits: WorkbookLimits | None,
    ) -> None:
        self._rows = rows
        self._validator = rows.validator
        self._plan = rows.plan
        self._ledger = ledger
        self._run = run
        self._comparison = comparison
        self._limits = limits
        self._keys = KeyIndex()

    def decide(
        self, chunk: Chunk, previous: list[ResultRow] | None, *, build_tickets: bool
    ) -> tuple[ChunkDecisions, ConvertedRows]:
        """Return the decisions about rows that follow all earlier ones, and the converted rows to send.

        ``previous``: their results in a results file.
        """
        selection, incomplete = self._rows.selection, self._incomplete_rows(chunk, previous)
        is_kept = self._rows.previous.is_kept(len(chunk.rows), previous)
        is_left_out = ~self._rows.chosen.mask(chunk)
        if previous is not None:
            self._rows.chosen.note_kept(previous[at].status for at in np.flatnonzero(is_kept & ~is_left_out).tolist())
            is_kept |= is_left_out
        exclusions = self._exclusions(chunk, incomplete, is_kept)
        is_kept |= is_left_out
        takes_part = np.ones(len(chunk.rows), dtype=bool)
        takes_part[list(exclusions)] = False
        is_complete = ~np.isin(np.array(chunk.rows), list(incomplete)) & takes_part
        keys, states = self._keys_and_states(chunk, previous, as_text=build_tickets)
        first_positions = self._keys.add(keys.fingerprints, keys.has_key & is_complete, start=len(self._plan))
        if self._comparison is not None:
            new = np.flatnonzero(keys.has_key & is_complete & (first_positions < 0))
            self._comparison.count_rows(chunk, [keys.text(at) for at in new.tolist()], new)
        decisions = ChunkDecisions(
            rows=chunk.rows,
            keys=keys,
            dispositions=np.full(len(chunk.rows), Disposition.SEND, dtype=np.uint8),
            problems={},
            first_positions=first_positions,
            states=states,
        )
        decisions.dispositions[is_kept] = Disposition.KEEP
        decisions.exclude(exclusions)
        for position in np.flatnonzero(~is_kept & ~is_complete & takes_part).tolist():
            decisions.add_problems(position, *incomplete[chunk.rows[position]])
        for position in np.flatnonzero(~is_kept & is_complete & ~keys.has_key).tolist():
            decisions.add_problems(position, self._validator.missing_key(chunk.rows[position]))
        for position in self._validator.row_keys.with_nul(chunk):
            if not is_kept[position] and is_complete[position] and position not in states:
                decisions.add_problems(position, self._validator.key_with_nul(chunk.rows[position]))
        is_duplicate = ~is_kept & is_complete & keys.has_key & (first_positions >= 0)
        decisions.dispositions[is_duplicate] = Disposition.REJECT
        decisions.apply_known_states(resend_unknown=selection.resend_unknown)
        self._rows.previous.add_changed_cells(chunk, decisions)
        converted = self._convert(chunk, decisions, build_tickets=build_tickets)
        for position in np.flatnonzero(is_duplicate).tolist():
            self._decide_duplicate(position, decisions)
        self._rows.suspicious_cells.check(chunk, decisions.send_mask())
        return decisions, converted

    def _exclusions(self, chunk: Chunk, incomplete: dict[int, list[Problem]], is_kept: Mask) -> dict[int, str]:
        """Return why the mapping leaves rows out, by position; a row whose cells can't be trusted is not left out."""
        excluded = self._rows.row_filter.exclusions(chunk)
        trusted = {*self._rows.mapping.rows.columns}
        doubtful = {
            row
            for row, problems in incomplete.items()
            if any(problem.column is None or problem.column in trusted for problem in problems)
        }
        return {at: why for at, why in excluded.items() if not is_kept[at] and chunk.rows[at] not in doubtful}

    def _keys_and_states(
        self, chunk: Chunk, previous: list[ResultRow] | None, *, as_text: bool
    ) -> tuple[RowKeys, dict[int, str]]:
        """Return the keys of the rows, and the ledger's states by position."""
        columns = self._rows.columns
        reader = self._validator.row_keys
        if self._ledger is None and previous is None and not as_text:  # then most keys are never needed as text
            prints, has_key = reader.fingerprints(chunk, columns)
            text = functools.partial(reader.at, chunk, columns=columns)
            return RowKeys(fingerprints=prints, has_key=has_key, text=text), {}
        keys = reader.of_chunk(chunk, columns)
        if previous is not None:  # the key in a results file is `import_key`, even if the cells were edited
            keys = [each.key or key for each, key in zip(previous, keys, strict=True)]
        if self._limits is not None:
            self._limits.check(chunk, keys)
        if self._comparison is not None:
            known = self._comparison.look_up(keys)
        elif self._ledger is not None:
            known = self._ledger.states(self._run.account, self._run.source, [key for key in keys if key])
        else:
            known = {}
        has_key = np.array(list(map(bool, keys)), dtype=bool)
        states = {at: known[key] for at, key in enumerate(keys) if key in known} if known else {}
        prints = fingerprints(Column.from_any_texts(keys))
        return RowKeys(fingerprints=prints, has_key=has_key, text=keys.__getitem__), states

    def _incomplete_rows(self, chunk: Chunk, previous: list[ResultRow] | None) -> dict[int, list[Problem]]:
        """Return the problems of incomplete rows, and of rows rejected before as incomplete and not corrected."""
        found: dict[int, list[Problem]] = {}
        for problem in chunk.problems:
            ignored = problem.column is not None and is_ignored(self._rows.mapping, problem.column)
            # Spreadsheets leave out empty cells at the end of a row. The columns that an import adds were complete.
            cut_by_spreadsheet = previous is not None and problem.code == "too-few-cells"
            if not (ignored or cut_by_spreadsheet):
                found.setdefault(problem.row, []).append(problem)
        if previous is not None:
            for problem in self._rows.previous.uncorrected_rows(chunk, previous):
                found.setdefault(problem.row, [problem])
        return found

    def _convert(self, chunk: Chunk, decisions: ChunkDecisions, *, build_tickets: bool) -> ConvertedRows:
        """Convert the rows that would be sent, and count their attachments."""
        plan = self._plan
        converted = self._validator.convert_chunk(chunk, decisions.send_mask(), build_tickets=build_tickets)
        found = {int(converted.positions[index]): problems for index, problems in converted.problems.items()}
        for position in decisions.problems.keys() | found.keys():
            if decisions.dispositions[position] in TO_SEND:
                problems = decisions.problems.pop(position, ())
                decisions.add_problems(position, *problems, *found.get(position, ()))
        plan.attachment_bytes += converted.attachment_bytes
        files, size_bytes, rows = (total + here for total, here in zip(plan.files, converted.files, strict=True))
        plan.files = files, size_bytes, rows
        return converted

    def _decide_duplicate(self, position: int, decisions: ChunkDecisions) -> None:
        """Decide about a row that has the key of an earlier row."""
        mapping, start, first = self._rows.mapping, len(self._plan), int(decisions.first_positions[position])
        if first < start:
            first_row, first_disposition = self._plan.row(first), self._plan.dispositions[first]
        else:
            first_row, first_disposition = decisions.rows[first - start], int(decisions.dispositions[first - start])
        if mapping.duplicates == "first" and first_disposition not in (Disposition.REJECT, Disposition.ACKNOWLEDGE):
            decisions.dispositions[position] = Disposition.DUPLICATE
            return
        key = decisions.keys.text(position)
        message = f"row {first_row} has the same key, {key!r}"
        if mapping.duplicates == "first":
            message += ", and is rejected"
        columns = ", ".join(mapping.key) or None
        row = decisions.rows[position]
        problem = self._validator.problem("duplicate-key", row, message, column=columns, value=key)
        decisions.add_problems(position, problem)
