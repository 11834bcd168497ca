"""Hints at an unusual delimiter, if the header is one cell to the usual ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from importer.errors import ManifestError

_LEAST_NAMES = 2
# Characters that no column's name contains: a run of signs, of control characters, or a broken bar.
_RUN = re.compile(r"[^\w\s\"'()\[\]{}.,:/&%$€+-]+|[\x01-\x08\x0b\x0e-\x1f]+|[;|:,\t]{2,}")
_BETWEEN_QUOTES = re.compile(r'"[ \t]*([^\w\s"\\]{1,3}|[\x01-\x08\x0b\x0e-\x1f\t])[ \t]*"')
_NAME = re.compile(r"[^\W_][\w .()/-]*")


def likely_delimiter(header: Sequence[str], delimiter: str, expected: Collection[str]) -> str:
    """Return what divides a header better than the chosen delimiter; empty if nothing does.

    ``expected``: the mapping's columns. One of them is enough; without a mapping all parts must be names.
    """
    cells = [cell for cell in header if cell.strip()]
    if len(cells) == 1 and cells[0] in expected:
        return ""
    text = delimiter.join(header)
    runs = [run for run in dict.fromkeys(_RUN.findall(text)) if len(cells) == 1 or delimiter in run[:-1] + run[1:]]
    return next((run for run in runs if _divides(text, run, frozenset(expected))), "")


def delimiter_between_quotes(line: str, delimiter: str) -> str:
    """Return what is between the quoted cells of a line, if it is not the chosen delimiter; else an empty text."""
    between = Counter(_BETWEEN_QUOTES.findall(line))
    return "" if delimiter in between or not between else between.most_common(1)[0][0]


def between_quotes_hint(delimiter: str) -> str:
    """Return the hint for a file whose quoted cells another delimiter divides."""
    return (
        f"{delimiter!r} seems to divide the cells: set `manifest: {{delimiter: {_quoted(delimiter)}}}` in the mapping."
    )


def _divides(header: str, delimiter: str, expected: frozenset[str]) -> bool:
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    if len(names) < _LEAST_NAMES or len(set(names)) < len(names) or any(map(set(delimiter).intersection, names)):
        return False
    if expected:
        return bool(expected.intersection(names))
    return len(names) > _LEAST_NAMES and all(map(_NAME.fullmatch, names))


def undivided_header_error(file_name: str, row: int, header: str, delimiter: str) -> ManifestError:
    """Return the error for a header that another delimiter seems to divide."""
    line = f"`manifest: {{delimiter: {_quoted(delimiter)}}}`"
    hint = f"If it does, add this line to the mapping: {line}; or export with commas or tabs."
    message = f"{file_name}, row {row}: {delimiter!r} seems to divide the header {header[:100]!r}"
    return ManifestError(message, hint=hint, remedies=[("delimiter", delimiter)])


def _quoted(delimiter: str) -> str:
    """Return the delimiter as YAML on one line."""
    signs = (sign if sign.isprintable() and sign != "\\" else f"\\x{ord(sign):02x}" for sign in delimiter)
    return f'"{"".join(signs)}"'
