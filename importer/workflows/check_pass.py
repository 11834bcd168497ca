"""The first pass over the rows: checks each row and decides whether it will be sent."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from importer.ledger.records import Rejection, RunInfo
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Mask
from importer.models import Problem, Status
from importer.results import CellProblem, ResultRow, WorkbookLimits, past_imports, without_forgotten
from importer.runtime.events import Emit, ProblemsFound, RowsChecked
from importer.runtime.signals import raise_lost
from importer.submission.chunk_decisions import ChunkDecisions
from importer.submission.plan import TO_SEND, Disposition, disposition_of
from importer.validation import ConvertedRows, content_hashes
from importer.workflows.manifest_rows import ManifestRows
from importer.workflows.row_decisions import RowDecider
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
    exports. ``limits``: of the workbook that the results will be. ``recorded``: how many rows of a results file
    may have tickets, by the run that sent them.
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
        self._ledger = ledger
        self._run = run
        self._comparison = comparison
        self.recorded = Counter[str]()
        self._decider = RowDecider(rows, ledger, run, comparison, limits)
        self.acknowledged = ledger.acknowledgements(run.account, run.source) if ledger is not None else {}

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
            previous = self._previous(as_read)
            chunk = self._rows.previous.restored(as_read, previous)
            if record and self._ledger is not None and previous is not None:
                imports = past_imports(previous)
                self._ledger.add_from_results(self._run, imports)
                self.recorded.update(each.run for each in imports)
            decisions, converted = self._decider.decide(chunk, previous, build_tickets=stage is not None)
            cells, contents = self._cells_and_contents(chunk) if stage is not None or self.acknowledged else ([], [])
            if self._comparison is not None:
                self._comparison.add_contents(contents)
            if self.acknowledged:
                decisions.acknowledge(contents, self.acknowledged)
            _report(emit, chunk, decisions.open_problems())
            emit(RowsChecked(len(decisions.rows)))
            rejections = decisions.rejections(contents) if contents else []
            if record:
                self._record(decisions, rejections)
            self._rows.plan.extend(decisions.rows, decisions.dispositions.tobytes())
            if stage is not None:
                stage.add(self._staged_rows(previous, decisions, converted, (cells, contents, rejections)))
            cells, contents = [], []  # not in memory while the next chunk is read
        chosen.require_any()

    def _are_open(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> Mask:
        """Return which of the rows at ``positions`` would be sent, if they are valid."""
        raise_lost()
        selection = self._rows.selection
        is_open: Mask = ~np.isin(positions, list(self._rows.row_filter.exclusions(chunk)))
        if (previous := self._previous(chunk)) is not None:
            is_open &= ~self._rows.previous.is_kept(len(previous), previous)[positions]
        elif self._ledger is not None:
            keys = self._rows.validator.row_keys.of_chunk(chunk, self._rows.columns)
            wanted = [keys[at] for at in positions.tolist()]
            states = self._ledger.states(self._run.account, self._run.source, list(filter(None, wanted)))
            found = [disposition_of(states.get(key), resend_unknown=selection.resend_unknown) for key in wanted]
            is_open &= np.isin(np.array(found, dtype=np.uint8), TO_SEND)
        if acknowledged := {content for _, content in self.acknowledged}:
            contents = self._cells_and_contents(chunk)[1]
            is_open &= np.array([contents[at] not in acknowledged for at in positions.tolist()], dtype=bool)
        return is_open

    def _previous(self, chunk: Chunk) -> list[ResultRow] | None:
        """Return the results that a results file has of the rows, without tickets that were forgotten since."""
        previous = self._rows.previous.rows(chunk)
        if previous is None or self._ledger is None:
            return previous
        keys = [row.key for row in previous if row.key]
        return without_forgotten(previous, self._ledger.forgotten_tickets(self._run.account, self._run.source, keys))

    def _cells_and_contents(self, chunk: Chunk) -> tuple[list[tuple[str, ...]], list[str]]:
        """Return the cells of each row and their hash."""
        columns = self._rows.columns
        cells = chunk.cells(columns)
        return cells, content_hashes(columns, cells)

    def _record(self, decisions: ChunkDecisions, rejections: list[Rejection]) -> None:
        assert self._ledger is not None  # a run with a record has a ledger
        self._ledger.reject(self._run.id, rejections)
        # Another run may have sent some of these rows since they were looked up: a claim returns their states.
        claimed = self._ledger.claim(self._run, decisions.claims())
        decisions.apply_states(claimed, resend_unknown=self._rows.selection.resend_unknown)

    def _staged_rows(
        self,
        previous: list[ResultRow] | None,
        decisions: ChunkDecisions,
        converted: ConvertedRows,
        read: tuple[list[tuple[str, ...]], list[str], list[Rejection]],
    ) -> Iterator[StagedRow]:
        """Yield every row; those to be sent with their tickets.

        ``read``: the rows' cells, the hashes of these, and the rejections of some rows.
        """
        cells, contents, rejections = read
        rejected = {each.manifest_row: each for each in rejections}
        emails, phones = converted.lead_identifiers()
        is_sent = decisions.send_mask().tolist()
        index_of = {at: index for index, at in enumerate(converted.positions.tolist()) if is_sent[at]}
        states = converted.file_states
        for at, row in enumerate(decisions.rows):
            key = decisions.keys.text(at)
            if (index := index_of.get(at)) is not None:
                ticket = converted.ticket(index)
                yield StagedRow(
                    row=row,
                    key=key,
                    cells=cells[at],
                    content=contents[at],
                    fields=ticket.fields,
                    lead_id=ticket.lead_id,
                    file_state=int(states[at]) if states is not None else 0,
                    leads=(emails[index], phones[index]),
                    prior_status=_prior_status(decisions.states.get(at)),
                )
            else:
                is_kept = decisions.dispositions[at] == Disposition.KEEP
                yield StagedRow(
                    row=row,
                    key=key,
                    cells=cells[at],
                    content=contents[at],
                    prior_status=_prior_status(decisions.states.get(at)),
                    previous=previous[at] if previous is not None and is_kept and _is_whole(previous[at]) else None,
                    exclusion=decisions.exclusions.get(at, ""),
                    is_left_out=is_kept,
                    rejection=rejected.get(row),
                    problems=_cell_problems(decisions.problems.get(at, ()), self._rows.columns),
                )


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


def _is_whole(result: ResultRow) -> bool:
    """Return whether a result is not one of a ticket whose number could not be read from the ledger then."""
    return result.status is not Status.SKIPPED or result.ids is not None


def _prior_status(state: str | None) -> Status:
    """Return the status that the row has until this run sends it."""
    if state == "sending":  # by another run
        return Status.UNKNOWN
    return Status(state) if state in (Status.CREATED, Status.FAILED, Status.UNKNOWN) else Status.PENDING
