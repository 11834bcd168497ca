"""The results file: out, and in again for `rerun`."""

from importer.results.cell_limits import ENDING as WORKBOOK_ENDING
from importer.results.cell_limits import MAX_COLUMNS, MAX_ROWS, unfit
from importer.results.columns import COLUMNS, ResultRow, harmless
from importer.results.comparison import Comparison, compare
from importer.results.projection import JudgedRow, project
from importer.results.reading import check_results, data_columns, imports, read_results
from importer.results.writing import Outcomes, PartFile, check_target, part_path, write_whole

__all__ = [
    "COLUMNS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "WORKBOOK_ENDING",
    "Comparison",
    "JudgedRow",
    "Outcomes",
    "PartFile",
    "ResultRow",
    "check_results",
    "check_target",
    "compare",
    "data_columns",
    "harmless",
    "imports",
    "part_path",
    "project",
    "read_results",
    "unfit",
    "write_whole",
]
