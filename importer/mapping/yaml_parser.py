"""YAML text -> document: every text stays exactly as written, and every part knows its line.

Only PyYAML's node graph is used. Its constructors would turn ``00123`` into 83, ``no`` into False and ``1e5`` into a
number. Deep nesting and alias bombs are limited here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from importer.mapping.document import Data, Document, KeyPath, UnreadableError
from importer.mapping.findings import MappingFinding

MAX_DEPTH = 12  # the language needs five levels
MAX_NODES = 50_000  # counted after aliases are followed

_NULL_TAG = "tag:yaml.org,2002:null"
_NULL_WORDS = ("manifest", "empty")  # a list in which NULL is the text
_MERGE_TAG = "tag:yaml.org,2002:merge"
_STANDARD_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)

# A column name with ` #` in it: YAML takes the rest of the line for a comment.
_NAME_WITH_HASH = re.compile(r"^\s*(?!- )[^\s#'\"{\[][^#'\":]* #[^:]*:")
# Lines that YAML refuses, and what to do about each.
_ADVICE = {
    re.compile(r"^ *\t"): "indent with blanks, not with tabs",
    _NAME_WITH_HASH: "put a name with ` #` in it in quotes",
    # A template such as `Tags: {System}/{Number}`: YAML takes the braces for its own.
    re.compile(r": +\{[^{}:,]*\} *[^ ,}#]"): "put a text with braces in quotes",
    re.compile(r"(?:^|[:\-\[{,] ) *[%@`*]"): "put a name or text that begins with %, @, ` or * in quotes",
    re.compile(r"^[^'\"{\[#]*: [^'\"{\[#]*: "): "put a name or text with `: ` in it in quotes",
}


def parse(text: str) -> Document:
    """Read one YAML document. Raises UnreadableError if the text is not valid YAML, or too large."""
    try:
        _check_limits(text)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(
            f"the character U+{error.character:04X} is not allowed in YAML; remove it", line
        ) from None
    if root is None:
        return Document(data=None, lines={}, findings=())
    converter = _Converter()
    data = None if converter.has_tag(root) else converter.convert(root, ())
    return Document(data=data, lines=converter.lines, findings=converter.findings, is_complete=converter.is_complete)


def _check_limits(text: str) -> None:
    """Check the stream of events, because PyYAML's composer recurses and would fill the stack."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, yaml.SafeLoader)):
        if count > 2 * MAX_NODES:  # a collection is two events
            raise UnreadableError(f"the file has more than {MAX_NODES:,} names and values, the limit", _line(event))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableError(f"the file is nested deeper than {MAX_DEPTH} levels, the limit", _line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> UnreadableError:
    lines = text.splitlines()
    mark = error.problem_mark or error.context_mark
    # PyYAML reports an unclosed quote or bracket behind the last line; the line where it opens helps more.
    if mark and mark.line >= len(lines) and error.context_mark:
        mark = error.context_mark
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return UnreadableError(f"not valid YAML: {reason}")
    number = mark.line
    if 0 < number < len(lines) and _NAME_WITH_HASH.search(lines[number - 1]):
        number -= 1  # the name lost its value there, and PyYAML complains about the next line
    line = lines[number] if number < len(lines) else ""
    where = f" (column {mark.column + 1})" if number == mark.line else ""
    advice = next((f"; {advice}" for pattern, advice in _ADVICE.items() if pattern.search(line)), "")
    return UnreadableError(f"not valid YAML: {reason}{where}{advice}", number + 1)


def _line(part: yaml.Node | yaml.Event) -> int:
    assert part.start_mark is not None  # every part of a text has one
    return int(part.start_mark.line) + 1


@dataclass
class _Converter:
    """Converts nodes to plain data, and collects lines and findings."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    findings: list[MappingFinding] = field(default_factory=list)
    node_count: int = 0
    is_complete: bool = True

    def convert(self, node: yaml.Node, key_path: KeyPath) -> Data:
        self.node_count += 1
        if self.node_count > MAX_NODES or len(key_path) > MAX_DEPTH:
            raise UnreadableError("too large after its aliases (*name) are followed; write the values out", _line(node))
        self.lines.setdefault(key_path, _line(node))  # the value of a key has the line of the key
        if isinstance(node, yaml.MappingNode):
            return self._convert_pairs(node, key_path)
        if isinstance(node, yaml.SequenceNode):
            items = [item for item in node.value if not self.has_tag(item)]
            return [self.convert(item, (*key_path, index)) for index, item in enumerate(items)]
        is_text = node.tag != _NULL_TAG or (key_path[:-1] == _NULL_WORDS and node.value)
        return str(node.value) if is_text else None

    def _convert_pairs(self, node: yaml.MappingNode, key_path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if wrong := self._key_error(key_node, data, key_path):
                self.findings.append(MappingFinding(_line(key_node), wrong))
            elif not self.has_tag(value_node):
                key: str = key_node.value
                self.lines[*key_path, key] = _line(key_node)
                data[key] = self.convert(value_node, (*key_path, key))
        return data

    def _key_error(self, node: yaml.Node, data: dict[str, Any], key_path: KeyPath) -> str:
        if not isinstance(node, yaml.ScalarNode):
            return "a list or `name: value` pairs can't be a name; write one text before the colon"
        if node.tag == _MERGE_TAG and node.style is None:
            return "merging (<<) is not part of the mapping language; write the keys out"
        if node.value in data:
            first = self.lines[*key_path, node.value]
            return f"{node.value!r} is written twice, first in line {first}; remove one of them"
        return ""

    def has_tag(self, node: yaml.Node) -> bool:
        """Return whether a node has a tag such as `!name`, and report it; the node is left out then."""
        if node.tag in _STANDARD_TAGS:
            return False
        text = (
            f"the YAML tag {node.tag!r} is not part of the mapping language; put a text that starts with '!' in quotes"
        )
        self.findings.append(MappingFinding(_line(node), text))
        self.is_complete = False
        return True
