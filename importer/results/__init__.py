"""Writes the results file, and reads it for `rerun`."""

from importer.results.cell_limits import ENDING as WORKBOOK_ENDING
from importer.results.cell_limits import MAX_ROWS, WorkbookLimits
from importer.results.columns import (
    COLUMNS,
    CellProblem,
    ResultRow,
    RowResults,
    data_columns,
    data_header,
    escape_formula,
)
from importer.results.comparison import ManifestComparison, ResultsContent, compare_with_manifest
from importer.results.former_results import removable, sha256_of
from importer.results.open_rows import all_rows_path, has_only_open_rows, with_other_rows
from importer.results.projection import RowState, result_of_row, with_acknowledgement
from importer.results.reading import check_results, past_imports, read_result_rows, without_forgotten
from importer.results.writing import PartFile, check_results_path, part_path, write_results

__all__ = [
    "COLUMNS",
    "MAX_ROWS",
    "WORKBOOK_ENDING",
    "CellProblem",
    "ManifestComparison",
    "PartFile",
    "ResultRow",
    "ResultsContent",
    "RowResults",
    "RowState",
    "WorkbookLimits",
    "all_rows_path",
    "check_results",
    "check_results_path",
    "compare_with_manifest",
    "data_columns",
    "data_header",
    "escape_formula",
    "has_only_open_rows",
    "part_path",
    "past_imports",
    "read_result_rows",
    "removable",
    "result_of_row",
    "sha256_of",
    "with_acknowledgement",
    "with_other_rows",
    "without_forgotten",
    "write_results",
]
