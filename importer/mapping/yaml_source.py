"""YAML text -> plain data in which every text is exactly what was written, with the line of every part.

PyYAML's node graph is used and its constructors are not: they would turn ``00123`` into 83, ``no`` into False and
``1e5`` into a number before anyone could object. Hostile files (nesting, alias bombs) are bounded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from importer.mapping.findings import MappingFinding, SourceLine

MAX_BYTES = 1_000_000
MAX_DEPTH = 12  # the language needs five levels
MAX_NODES = 50_000  # counted after aliases are followed

Data = str | None | list[Any] | dict[str, Any]
Place = tuple[str | int, ...]

_NULL_TAG = "tag:yaml.org,2002:null"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_RESOLVED_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)

# A name that YAML ends before its colon, as ` #` begins a remark.
_CUT_NAME = re.compile(r"^\s*(?!- )[^\s#'\"{\[][^#'\":]* #[^:]*:")
# What a line looks like that YAML refuses, and what its author has to do.
_TRAPS = {
    re.compile(r"^ *\t"): "indent with blanks, not with tabs",
    _CUT_NAME: "put a name with ` #` in it in quotes",
    # What follows a pair of braces, as in `Tags: {System}/{Number}`: a template, and YAML took the braces for its own.
    re.compile(r": +\{[^{}:,]*\} *[^ ,}#]"): "put a text with braces in quotes",
    re.compile(r"(?:^|[:\-\[{,] ) *[%@`*]"): "put a name or text that begins with %, @, ` or * in quotes",
    re.compile(r"^[^'\"{\[#]*: [^'\"{\[#]*: "): "put a name or text with `: ` in it in quotes",
}


class UnreadableError(Exception):
    """The file can't be read as one YAML document; carries the one finding that says why."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.finding = MappingFinding(line, text)

    def within(self, file: Path) -> UnreadableError:
        """The same, said of a file that the mapping includes; unless it is known to be another one's."""
        if isinstance(self.finding.line, SourceLine):
            return self
        return UnreadableError(self.finding.text, SourceLine(self.finding.line, file))


@dataclass(frozen=True, kw_only=True)
class Document:
    """``data``: nested dicts, lists, texts and None (for nothing). ``lines``: place in it -> line, from 1.

    Where ``whole`` is false, a part of it can't be read: what is not there may well be in that.
    """

    data: Data
    lines: Mapping[Place, int]
    findings: Sequence[MappingFinding]  # what is wrong although the rest could be read: keys written twice and such
    whole: bool = True

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest part around it that is written in the file."""
        return nearest_line(self.lines, place)

    def within(self, file: Path) -> Document:
        """The same, each line of which knows that it is one of ``file``."""
        return replace(
            self,
            lines={place: SourceLine(line, file) for place, line in self.lines.items()},
            findings=[MappingFinding(SourceLine(finding.line, file), finding.text) for finding in self.findings],
        )


def nearest_line(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of the nearest part around it that has one."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return lines.get((), 1)


def decode(content: bytes, max_bytes: int = MAX_BYTES) -> str:
    """The file's text. Raises UnreadableError for what is not a UTF-8 text of a sane size."""
    if len(content) > max_bytes:
        raise UnreadableError(f"the file has more than {max_bytes:,} bytes, the most that a mapping has")
    if b"\0" in content:
        raise UnreadableError("this is not a text file in UTF-8 (in a spreadsheet: CSV UTF-8)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError("the text is not UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)", line) from None


def parse(text: str) -> Document:
    """Read one YAML document. Raises UnreadableError where there is none to be had."""
    try:
        _refuse_excess(text)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(f"the character U+{error.character:04X} is not allowed in YAML", line) from None
    if root is None:
        return Document(data=None, lines={}, findings=())
    converter = _Converter()
    data = None if converter.refuses(root) else converter.convert(root, ())
    return Document(data=data, lines=converter.lines, findings=converter.findings, whole=converter.whole)


def _refuse_excess(text: str) -> None:
    """The composer recurses, so depth is judged on the stream of events, before any node is made."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, yaml.SafeLoader)):
        if count > 2 * MAX_NODES:  # a collection is two events
            raise UnreadableError(f"more than {MAX_NODES:,} names and values", _line(event))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableError(f"nested deeper than {MAX_DEPTH} levels", _line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> UnreadableError:
    lines = text.splitlines()
    mark = error.problem_mark or error.context_mark
    # What was never ended is missed behind the last line; it stands where it begins.
    if mark and mark.line >= len(lines) and error.context_mark:
        mark = error.context_mark
    told = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return UnreadableError(f"not valid YAML: {told}")
    where = f" (column {mark.column + 1})"
    number, advice = _advice(lines, mark.line)
    if number != mark.line:
        where = ""
    return UnreadableError(f"not valid YAML: {told}{where}{advice}", number + 1)


def _advice(lines: Sequence[str], number: int) -> tuple[int, str]:
    """The line (from 0) that is probably meant by an error at ``number``, and what to do about it, if that is known."""
    if number > 0 and number < len(lines) and _CUT_NAME.search(lines[number - 1]):
        number -= 1  # what follows a name without its value is what YAML complains of
    line = lines[number] if number < len(lines) else ""
    advice = next((advice for trap, advice in _TRAPS.items() if trap.search(line)), "")
    return number, advice and f"; {advice}"


def _line(part: yaml.Node | yaml.Event) -> int:
    assert part.start_mark is not None  # what was read from a text has one
    return int(part.start_mark.line) + 1


@dataclass
class _Converter:
    lines: dict[Place, int] = field(default_factory=dict)
    findings: list[MappingFinding] = field(default_factory=list)
    nodes: int = 0
    whole: bool = True

    def convert(self, node: yaml.Node, place: Place) -> Data:
        line = _line(node)
        self.nodes += 1
        if self.nodes > MAX_NODES or len(place) > MAX_DEPTH:
            raise UnreadableError("too much once its aliases (*name) are followed; write it out instead", line)
        self.lines.setdefault(place, line)  # a value's line is that of its key, where people look for it
        if isinstance(node, yaml.MappingNode):
            return self._convert_pairs(node, place)
        if isinstance(node, yaml.SequenceNode):
            there = [item for item in node.value if not self.refuses(item)]
            return [self.convert(item, (*place, index)) for index, item in enumerate(there)]
        return None if node.tag == _NULL_TAG else str(node.value)

    def _convert_pairs(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.findings.append(MappingFinding(line, "a list or a mapping can't be a name"))
                continue
            if key_node.tag == _MERGE_TAG and key_node.style is None:
                self.findings.append(
                    MappingFinding(line, "merging (<<) is not part of the language; write the keys out")
                )
                continue
            key: str = key_node.value
            if key in data:
                first = self.lines[*place, key]
                self.findings.append(MappingFinding(line, f"{key!r} is written twice, first in line {first}"))
                continue
            if self.refuses(value_node):
                continue
            self.lines[*place, key] = line
            data[key] = self.convert(value_node, (*place, key))
        return data

    def refuses(self, node: yaml.Node) -> bool:
        """Whether a node has a tag, and is left out for it."""
        if node.tag in _RESOLVED_TAGS:  # YAML's own; `!anything` and `!!python/…` were written by hand
            return False
        text = f"{node.tag!r} is a YAML tag, and the language has none; quote a text that starts with '!'"
        self.findings.append(MappingFinding(_line(node), text))
        self.whole = False
        return True
