"""`validate`: checks a manifest and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from importer.api.check import validate as check_manifest
from importer.cli import options
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_validation, step_lines
from importer.cli.terminal import Terminal
from importer.reports import attachments_line, fields_lines, ignored_lines, problem_lines, report_file, seed_lines
from importer.reports.summary import Validation
from importer.runtime.display_text import labelled
from importer.runtime.events import to_all
from importer.settings import read_environment


def validate(manifest: Path, mapping: Path, report: Path | None, **flags: Any) -> Ending:
    """Check a manifest without sending anything."""
    set_up_log(flags, read_environment())
    with report_file(report, inputs=(manifest, mapping)) as write_report:
        emit = to_all(Terminal().listen, write_report)
        validation = check_manifest(manifest, mapping, options.of_flags(flags), emit)
    reported = [labelled("report", str(report))] if report is not None else []
    lines = (
        *problem_lines(validation.kinds, with_fixes=True),
        *_summary_lines(validation),
        *reported,
        *step_lines(after_validation(validation, command_run().typed)),
    )
    return Ending(exit_code=validation.exit_code, lines=lines)


def _summary_lines(validation: Validation) -> Iterator[str]:
    yield labelled("manifest", f"{validation.manifest} ({validation.detected})")
    yield from fields_lines(knows_fields=validation.knows_fields)
    skipped = f", {validation.skipped:,} already imported" if validation.skipped else ""
    rejected = f"{validation.rejected:,} rejected" if validation.rejected else "no problems found"
    excluded = f", {validation.excluded:,} excluded" if validation.excluded else ""
    acknowledged = f", {validation.acknowledged:,} acknowledged" if validation.acknowledged else ""
    left_out = f", {validation.not_selected:,} not selected" if validation.not_selected else ""
    yield labelled("rows", f"{validation.rows:,}: {rejected}{skipped}{excluded}{acknowledged}{left_out}")
    yield from seed_lines(validation.seed)
    yield from ignored_lines(validation.ignored_by_patterns)
    if validation.attachments is not None:
        yield attachments_line(validation.attachments, validation.rows)
