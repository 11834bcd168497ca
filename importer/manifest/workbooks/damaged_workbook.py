"""The error of a workbook that is damaged."""


class DamagedWorkbookError(Exception):
    """A part of the workbook that is needed is missing or damaged."""
