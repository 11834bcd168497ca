"""The results file: out, and in again for `rerun`."""

from importer.results.columns import COLUMNS, ResultRow, harmless
from importer.results.projection import Judged, project
from importer.results.reading import check_results, data_columns, imports, read_results
from importer.results.writing import Outcomes, PartFile, check_target, write_whole

__all__ = [
    "COLUMNS",
    "Judged",
    "Outcomes",
    "PartFile",
    "ResultRow",
    "check_results",
    "check_target",
    "data_columns",
    "harmless",
    "imports",
    "project",
    "read_results",
    "write_whole",
]
