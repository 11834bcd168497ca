"""What people are told: problems counted by kind, plans and summaries as lines, and every problem in a file."""

from importer.report.files import NoReport, Report, report_file
from importer.report.page import About
from importer.report.summaries import (
    attachments_line,
    plan_json,
    plan_lines,
    summary_json,
    summary_lines,
    warning_lines,
)
from importer.report.tally import Kind, ProblemTally
from importer.report.wording import one_line, size_text

__all__ = [
    "About",
    "Kind",
    "NoReport",
    "ProblemTally",
    "Report",
    "attachments_line",
    "one_line",
    "plan_json",
    "plan_lines",
    "report_file",
    "size_text",
    "summary_json",
    "summary_lines",
    "warning_lines",
]
