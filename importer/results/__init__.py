"""The results file: out, and in again for `rerun`."""

from importer.results.columns import COLUMNS, ResultRow, harmless
from importer.results.projection import Judged, exit_code, project
from importer.results.reading import check_results, data_columns, imports, read_results
from importer.results.writing import PartFile, check_target, write_whole

__all__ = [
    "COLUMNS",
    "Judged",
    "PartFile",
    "ResultRow",
    "check_results",
    "check_target",
    "data_columns",
    "exit_code",
    "harmless",
    "imports",
    "project",
    "read_results",
    "write_whole",
]
