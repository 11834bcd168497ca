"""Reports for the user: problems by kind, plans and summaries as text, and files with every problem.

problem_tally   groups problems by kind; problem_text words the kinds for terminal, log, JSON and page
mapping_fixes   the change of the mapping that would solve a kind; rule_yaml writes it
problem_files   writes every problem to a file; html_page is one of its formats
summary         plan, validation and summary as values; summary_text words them
"""

from importer.reports.problem_files import report_file
from importer.reports.problem_tally import ProblemTally
from importer.reports.problem_text import problem_lines
from importer.reports.summary_text import (
    attachments_line,
    fields_lines,
    ignored_lines,
    log_text,
    plan_data,
    plan_lines,
    seed_lines,
    short_plan,
    summary_data,
    summary_lines,
    warning_lines,
)
from importer.runtime.display_text import labelled, one_line, size_text

__all__ = [
    "ProblemTally",
    "attachments_line",
    "fields_lines",
    "ignored_lines",
    "labelled",
    "log_text",
    "one_line",
    "plan_data",
    "plan_lines",
    "problem_lines",
    "report_file",
    "seed_lines",
    "short_plan",
    "size_text",
    "summary_data",
    "summary_lines",
    "warning_lines",
]
