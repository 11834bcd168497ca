"""The first pass over the rows: checks each row and decides whether it will be sent."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from importer.ledger.records import RunInfo
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Column, Mask
from importer.mapping import is_ignored
from importer.models import Problem, Status
from importer.results import CellProblem, ResultRow, WorkbookLimits, past_imports, without_forgotten
from importer.runtime.events import Emit, ProblemsFound, RowsChecked
from importer.runtime.signals import raise_lost
from importer.submission.chunk_decisions import ChunkDecisions
from importer.submission.plan import TO_SEND, Disposition, disposition_of
from importer.validation import ConvertedRows, KeyIndex, RowKeys, content_hashes, fingerprints
from importer.workflows.manifest_rows import ManifestRows
from importer.workflows.stage import Stage, StagedRow

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.export_checks.comparison import ExportComparison
    from importer.ledger.store import Ledger

_CHUNK_ROWS = 100_000
_CHUNK_ROWS_WITH_LEDGER = 4_000  # the ledger's entries of a chunk are held in memory, too
_REPORTED_AT_ONCE = 2_000


class CheckPass:
    """Checks the rows of a manifest and adds a decision for each to its plan.

    ``ledger`` is ``None`` if there is none (`validate`, ``--dry-run``). ``comparison``: of a run's export with earlier
    exports. ``limits``: of the workbook that the results will be.
    """

    def __init__(
        self,
        rows: ManifestRows,
        ledger: Ledger | None,
        run: RunInfo,
        comparison: ExportComparison | None = None,
        limits: WorkbookLimits | None = None,
    ) -> None:
        self._rows = rows
        self._validator = rows.validator
        self._plan = rows.plan
        self._ledger = ledger
        self._run = run
        self._comparison = comparison
        self._limits = limits
        self._keys = KeyIndex()
        self._acknowledged = ledger.acknowledgements(run.account, run.source) if ledger is not None else {}

    def check(self, emit: Emit, *, record: bool, stage: Stage | None = None) -> None:
        """Check every row. With ``record``, enter rejected rows and claim rows to send in the ledger.

        With ``stage``, all rows are added to it. Raises HeldByAnotherRun if a live run has claimed one of the rows.
        """
        size = _CHUNK_ROWS if self._ledger is None else _CHUNK_ROWS_WITH_LEDGER
        chosen = self._rows.chosen
        if chosen.draws_sample:
            chosen.draw(self._rows.chunks(size, read_ahead=True), self._are_open)
        for as_read in self._rows.chunks(size, read_ahead=True):
            raise_lost()
            previous = self._rows.previous.rows(as_read)
            chunk = self._rows.previous.restored(as_read, previous)
            if self._ledger is not None and previous is not None:
                previous = self._without_forgotten(previous, self._ledger)
                if record:
                    self._ledger.add_from_results(self._run, past_imports(previous))
            decisions, converted = self._decide(chunk, previous, build_tickets=stage is not None)
            cells, contents = self._cells_and_contents(chunk) if stage is not None or self._acknowledged else ([], [])
            if self._comparison is not None:
                self._comparison.add_contents(contents)
            if self._acknowledged:
                decisions.acknowledge(contents, self._acknowledged)
            _report(emit, chunk, decisions.open_problems())
            emit(RowsChecked(len(decisions.rows)))
            if record:
                self._record(decisions, contents)
            self._plan.extend(decisions.rows, decisions.dispositions.tobytes())
            if stage is not None:
                stage.add(self._staged_rows(previous, decisions, converted, (cells, contents)))
            cells, contents = [], []  # not in memory while the next chunk is read
        chosen.require_any()

    def _are_open(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> Mask:
        """Return which of the rows at ``positions`` would be sent, if they are valid."""
        raise_lost()
        selection = self._rows.selection
        is_open: Mask = ~np.isin(positions, list(self._rows.row_filter.exclusions(chunk)))
        if (only := selection.only) is not None:
            is_open &= np.isin(chunk.texts_at("import_status", positions), list(only))
        elif self._ledger is not None:
            keys = self._validator.row_keys.of_chunk(chunk, self._rows.columns)
            wanted = [keys[at] for at in positions.tolist()]
            states = self._ledger.states(self._run.account, self._run.source, list(filter(None, wanted)))
            found = [disposition_of(states.get(key), resend_unknown=selection.resend_unknown) for key in wanted]
            is_open &= np.isin(np.array(found, dtype=np.uint8), TO_SEND)
        if acknowledged := {content for _, content in self._acknowledged}:
            contents = self._cells_and_contents(chunk)[1]
            is_open &= np.array([contents[at] not in acknowledged for at in positions.tolist()], dtype=bool)
        return is_open

    def _without_forgotten(self, previous: list[ResultRow], ledger: Ledger) -> list[ResultRow]:
        keys = [row.key for row in previous if row.key]
        return without_forgotten(previous, ledger.forgotten_tickets(self._run.account, self._run.source, keys))

    def _cells_and_contents(self, chunk: Chunk) -> tuple[list[tuple[str, ...]], list[str]]:
        """Return the cells of each row and their hash."""
        columns = self._rows.columns
        cells = chunk.cells(columns)
        return cells, content_hashes(columns, cells)

    def _record(self, decisions: ChunkDecisions, contents: list[str]) -> None:
        assert self._ledger is not None  # a run with a record has a ledger
        self._ledger.reject(self._run.id, decisions.rejections(contents))
        # Another run may have sent some of these rows since they were looked up: a claim returns their states.
        claimed = self._ledger.claim(self._run, decisions.claims())
        decisions.apply_states(claimed, resend_unknown=self._rows.selection.resend_unknown)

    def _staged_rows(
        self,
        previous: list[ResultRow] | None,
        decisions: ChunkDecisions,
        converted: ConvertedRows,
        read: tuple[list[tuple[str, ...]], list[str]],
    ) -> Iterator[StagedRow]:
        """Yield every row; those to be sent with their tickets. ``read``: the rows' cells, and the hashes of these."""
        cells, contents = read
        emails, phones = converted.lead_identifiers()
        is_sent = decisions.send_mask().tolist()
        index_of = {at: index for index, at in enumerate(converted.positions.tolist()) if is_sent[at]}
        states = converted.file_states
        for at, row in enumerate(decisions.rows):
            key = decisions.keys.text(at)
            if (index := index_of.get(at)) is not None:
                ticket, leads = converted.ticket(index), (emails[index], phones[index])
                self._rows.shared_leads.add(leads)
                yield StagedRow(
                    row=row,
                    key=key,
                    cells=cells[at],
                    content=contents[at],
                    fields=ticket.fields,
                    lead_id=ticket.lead_id,
                    file_state=int(states[at]) if states is not None else 0,
                    leads=leads,
                    prior_status=_prior_status(decisions.states.get(at)),
                )
            else:
                is_kept = decisions.dispositions[at] == Disposition.KEEP
                yield StagedRow(
                    row=row,
                    key=key,
                    cells=cells[at],
                    content=contents[at],
                    previous=previous[at] if previous is not None and is_kept else None,
                    exclusion=decisions.exclusions.get(at, ""),
                    is_left_out=is_kept,
                    problems=_cell_problems(decisions.problems.get(at, ()), self._rows.columns),
                )

    def _decide(
        self, chunk: Chunk, previous: list[ResultRow] | None, *, build_tickets: bool
    ) -> tuple[ChunkDecisions, ConvertedRows]:
        selection, incomplete = self._rows.selection, self._incomplete_rows(chunk, previous)
        is_kept = self._rows.previous.is_kept(len(chunk.rows), previous)
        is_left_out = ~self._rows.chosen.mask(chunk)
        if previous is not None:
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


def _report(emit: Emit, chunk: Chunk, problems: dict[int, list[Problem]]) -> None:
    """Emit the problems of a chunk in its order, of 2,000 rows at a time: a report may hold all their cells."""
    wrong = sorted(problems)
    for start in range(0, len(wrong), _REPORTED_AT_ONCE):
        positions = wrong[start : start + _REPORTED_AT_ONCE]
        emit(
            ProblemsFound(
                rows=[chunk.rows[position] for position in positions],
                problems=[problem for position in positions for problem in problems[position]],
                columns=chunk.columns,
                cells=functools.partial(chunk.records, positions),
            )
        )


def _cell_problems(problems: Sequence[Problem], columns: Sequence[str]) -> tuple[CellProblem, ...]:
    """Return what is wrong with each cell, by the index of its column; a problem may name several columns."""
    texts: dict[str, list[str]] = {}
    for problem in problems:
        name = problem.column or ""
        for column in (name,) if name in columns else name.split(", "):
            texts.setdefault(column, []).append(f"{problem.message}\n{problem.hint}".strip())
    return tuple((at, "\n\n".join(texts[name])) for at, name in enumerate(columns) if name in texts)


def _prior_status(state: str | None) -> Status:
    """Return the status that the row has until this run sends it."""
    return Status(state) if state in (Status.FAILED, Status.UNKNOWN) else Status.PENDING
