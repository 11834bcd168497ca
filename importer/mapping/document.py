"""A mapping file as plain data, with the line of every part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from importer.mapping.findings import MappingFinding, SourceLine

MAX_BYTES = 1_000_000

Data = str | None | list[Any] | dict[str, Any]
KeyPath = tuple[str | int, ...]  # keys and list positions from the top, such as ("columns", "Subject", "field")


def key_path_text(key_path: KeyPath) -> str:
    """Return ``columns > Subject > max_length``; list items count from 1."""
    return " > ".join(str(part + 1) if isinstance(part, int) else part for part in key_path)


class UnreadableError(Exception):
    """The file can't be read as a mapping. Its one finding says why."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.finding = MappingFinding(line, text)

    def in_file(self, file: Path) -> UnreadableError:
        """Return the same error for an included file, unless its file is known already."""
        if isinstance(self.finding.line, SourceLine):
            return self
        return UnreadableError(self.finding.text, SourceLine(self.finding.line, file))


@dataclass(frozen=True, kw_only=True)
class Document:
    """Nested dicts, lists and texts of a mapping file, with line numbers from 1; None is an empty value."""

    data: Data
    lines: Mapping[KeyPath, int]
    findings: Sequence[MappingFinding]  # errors that do not keep the rest from being read, such as a repeated key
    is_complete: bool = True  # False: a part can't be read, so a missing key may be in that part

    def line(self, key_path: KeyPath) -> int:
        """Return the line of a part, or of the nearest part around it that has one."""
        return nearest_line(self.lines, key_path)

    def in_file(self, file: Path) -> Document:
        """Return the same document with ``file`` noted in each of its lines."""
        return replace(
            self,
            lines={key_path: SourceLine(line, file) for key_path, line in self.lines.items()},
            findings=[MappingFinding(SourceLine(finding.line, file), finding.text) for finding in self.findings],
        )


def nearest_line(lines: Mapping[KeyPath, int], key_path: KeyPath) -> int:
    """Return the line of a part, or of the nearest part around it that has one; 1 if there is none."""
    for length in range(len(key_path), 0, -1):
        if key_path[:length] in lines:
            return lines[key_path[:length]]
    return lines.get((), 1)


def decode(content: bytes, max_bytes: int = MAX_BYTES) -> str:
    """Return the file's text. Raises UnreadableError if it is too large, or not UTF-8."""
    if len(content) > max_bytes:
        raise UnreadableError(f"the file is larger than {max_bytes:,} bytes, the limit for this kind of file")
    if b"\0" in content:
        raise UnreadableError("this is not a text file in UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError("the text is not UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)", line) from None
