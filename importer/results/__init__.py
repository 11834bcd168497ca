"""The results file: out, and in again for `rerun`."""

from importer.results.cell_limits import ENDING as WORKBOOK_ENDING
from importer.results.cell_limits import MAX_COLUMNS, MAX_ROWS, unfit
from importer.results.columns import COLUMNS, ResultRow, harmless
from importer.results.comparison import Comparison, compare
from importer.results.projection import Judged, project
from importer.results.reading import check_results, data_columns, imports, read_results
from importer.results.writing import Outcomes, PartFile, check_target, part_of, write_whole

__all__ = [
    "COLUMNS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "WORKBOOK_ENDING",
    "Comparison",
    "Judged",
    "Outcomes",
    "PartFile",
    "ResultRow",
    "check_results",
    "check_target",
    "compare",
    "data_columns",
    "harmless",
    "imports",
    "part_of",
    "project",
    "read_results",
    "unfit",
    "write_whole",
]
