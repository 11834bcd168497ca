"""Reports for the user: problems by kind, plans and summaries as text, and files with every problem."""

from importer.reports.problem_files import report_file
from importer.reports.problem_tally import ProblemTally, problem_lines
from importer.reports.summary_text import (
    attachments_line,
    ignored_lines,
    log_text,
    plan_data,
    plan_lines,
    summary_data,
    summary_lines,
    warning_lines,
)
from importer.runtime.display_text import labelled, one_line, size_text

__all__ = [
    "ProblemTally",
    "attachments_line",
    "ignored_lines",
    "labelled",
    "log_text",
    "one_line",
    "plan_data",
    "plan_lines",
    "problem_lines",
    "report_file",
    "size_text",
    "summary_data",
    "summary_lines",
    "warning_lines",
]
