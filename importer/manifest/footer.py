"""Short rows at the very end of a manifest: the footer of a report, the end mark of a dump, or where a file was cut."""

from __future__ import annotations

from dataclasses import replace

from importer.manifest.chunk import Chunk

_SHORT = "too-few-cells"
_MOST_ROWS = 20
_END_OF_COPY = [r"\."]


def ends_short(chunk: Chunk) -> bool:
    """Whether the last row has too few cells."""
    return any(problem.row == chunk.rows[-1] for problem in chunk.problems if problem.code == _SHORT)


def with_footer(chunk: Chunk) -> Chunk:
    """The last chunk of a manifest, whose last rows are short: their problems say what they look like."""
    short = {problem.row for problem in chunk.problems if problem.code == _SHORT}
    count = 0
    for row in reversed(chunk.rows):
        if row not in short:
            break
        count += 1
    if count > _MOST_ROWS:
        return chunk
    last = chunk.rows[-count:]
    records = chunk.records(range(len(chunk.rows) - count, len(chunk.rows)))
    hint = _hint(last, records)
    problems = (
        replace(problem, hint=hint) if problem.code == _SHORT and problem.row in last else problem
        for problem in chunk.problems
    )
    return replace(chunk, problems=tuple(problems))


def _hint(rows: tuple[int, ...], records: list[list[str]]) -> str:
    if records == [_END_OF_COPY]:
        return "It is the end mark of PostgreSQL's COPY: delete the line, or export with WITH (FORMAT csv, HEADER)."
    where = f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"
    delete = f"delete {where} from the file, or export without a footer (in Salesforce: Details Only)"
    if len(rows) == 1:
        return (
            f"It is the last row: if the file is cut off there, export it again; if it is a report's footer, {delete}."
        )
    return f"It looks like a report's footer: {delete}, and run again."
