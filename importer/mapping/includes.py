"""Merges a mapping and the files that it includes into one document; the including file wins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from importer.mapping.document import MAX_BYTES, Document, KeyPath, UnreadableError, decode, key_path_text
from importer.mapping.findings import MappingFinding, SourceLine
from importer.mapping.mapping_files import MAX_FILES, MappingFiles
from importer.mapping.two_column_files import TABLE_SUFFIXES, mapping_document, read_pairs, value_map_errors
from importer.mapping.yaml_parser import parse

MAX_INCLUDE_DEPTH = 12
MAX_VALUE_MAP_BYTES = 10_000_000
# The sections that are merged name by name; others are replaced as a whole.
_MERGED_SECTIONS = ("columns", "constants", "templates", "rows", "attachments", "manifest")


def read_document(path: Path, files: MappingFiles) -> Document:
    """Read a mapping, the files that it includes, and the value maps of its rules.

    Raises UnreadableError, with a line that knows its file, if one of them can't be read.
    """
    return _DocumentReader(files=files).read(path, ())


def is_two_column_mapping(path: Path) -> bool:
    """Return whether a mapping is a table of two columns, by its file name."""
    return path.suffix.lower() in TABLE_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class _DocumentReader:
    files: MappingFiles

    def read(self, path: Path, including: tuple[Path, ...]) -> Document:
        """Read one file. ``including``: the chain of files that include it, the mapping itself first."""
        text = decode(self.files.read(path, MAX_BYTES))
        document = mapping_document(read_pairs(text)) if is_two_column_mapping(path) else parse(text)
        names = _included_names(document)
        if names or including:
            document = document.in_file(path)  # lines of a mapping in one file need no file name
        base = Document(data={}, lines={}, findings=())
        for index, name in enumerate(names):
            at = MappingFinding(document.line(("include", index)), f"include: {name!r}")
            try:
                included = self._include(path.parent / name, at, (*including, path))
            except UnreadableError as error:
                if len(self.files.paths) >= MAX_FILES:
                    raise
                included = Document(data={}, lines={}, findings=[error.finding], is_complete=False)
            base = _merged(base, included)
        document = self._with_value_maps(document, path)
        if not names or not isinstance(document.data, dict):
            return document
        rest = {key: value for key, value in document.data.items() if key != "include"}
        return _merged(base, replace(document, data=rest))

    def _include(self, path: Path, at: MappingFinding, including: tuple[Path, ...]) -> Document:
        if _resolved(path) in map(_resolved, including):
            raise UnreadableError(f"{at.text} includes this file in turn; remove one of the two includes", at.line)
        if len(including) > MAX_INCLUDE_DEPTH:
            text = f"{at.text}: files include one another more than {MAX_INCLUDE_DEPTH} levels deep; merge some of them"
            raise UnreadableError(text, at.line)
        try:
            document = self.read(path, including)
        except UnreadableError as error:
            if error.finding.line:
                raise error.in_file(path) from None
            raise UnreadableError(f"{at.text}: {error.finding.text}", at.line) from None
        if not isinstance(document.data, dict):
            raise UnreadableError(f"{at.text} is not a mapping; a mapping holds keys such as `columns:`", at.line)
        version = document.data.get("version")
        if version not in (None, "1"):
            raise UnreadableError(f"version must be 1, not {version!r}", document.line(("version",)))
        return document

    def _with_value_maps(self, document: Document, path: Path) -> Document:
        """Add the pairs of each ``values_from`` file to the rule's ``values``; the rule's own values win."""
        for key_path, rule in _rules_with_value_map(document):
            name, line = rule["values_from"], document.line((*key_path, "values_from"))
            try:
                targets, lines, findings = self._read_value_map(path.parent / name)
            except UnreadableError as error:
                finding = error.finding
                if not finding.line:
                    finding = MappingFinding(line, f"{key_path_text(key_path)} > values_from: {name!r}: {finding.text}")
                document = replace(document, findings=[*document.findings, finding])
                continue
            own = rule.get("values") or {}
            new_lines: dict[KeyPath, int] = {
                (*key_path, "values", value): at for value, at in lines.items() if value not in own
            }
            values = {**targets, **own}
            new_rule = {**rule, "values": values} if values else rule
            document = replace(
                document,
                data=_with_rule(document.data, key_path, new_rule),
                lines={(*key_path, "values"): line, **document.lines, **new_lines},
                findings=[*document.findings, *findings],
            )
        return document

    def _read_value_map(self, path: Path) -> tuple[dict[str, str], dict[str, SourceLine], list[MappingFinding]]:
        """Return the new value of each old one, the line of each old one, and the errors."""
        try:
            table = read_pairs(decode(self.files.read(path, MAX_VALUE_MAP_BYTES), MAX_VALUE_MAP_BYTES))
        except UnreadableError as error:
            raise (error.in_file(path) if error.finding.line else error) from None
        findings = [MappingFinding(SourceLine(each.line, path), each.text) for each in value_map_errors(table)]
        targets = {pair.first: pair.second for pair in table.pairs}
        return targets, {pair.first: SourceLine(pair.line, path) for pair in table.pairs}, findings


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL: reading the file reports it
        return path


def _included_names(document: Document) -> list[str]:
    """Return the file names under ``include``; none if the value has a wrong form, which is reported later."""
    data = document.data
    value = data.get("include") if isinstance(data, dict) else None
    names = value if isinstance(value, list) else [value]
    return [name for name in names if name] if all(isinstance(name, str) for name in names) else []


def _rules_with_value_map(document: Document) -> list[tuple[KeyPath, dict[str, Any]]]:
    """Return the rules with a usable ``values_from``; a wrong form is reported later."""
    columns = document.data.get("columns") if isinstance(document.data, dict) else None
    places: list[tuple[KeyPath, Any]] = []
    for column, rule in columns.items() if isinstance(columns, dict) else ():
        rules = enumerate(rule) if isinstance(rule, list) else ()
        places += [(("columns", column), rule), *((("columns", column, index), each) for index, each in rules)]
    return [
        (place, rule)
        for place, rule in places
        if isinstance(rule, dict)
        and isinstance(rule.get("values_from"), str)
        and rule["values_from"]
        and isinstance(rule.get("values"), dict | None)
    ]


def _with_rule(data: Any, place: KeyPath, rule: dict[str, Any]) -> Any:
    """Return a part of a document in which the rule at ``place`` is replaced."""
    if not place:
        return rule
    first, *rest = place
    changed = {first: _with_rule(data[first], tuple(rest), rule)}
    return {**data, **changed} if isinstance(data, dict) else [changed.get(at, each) for at, each in enumerate(data)]


def _merged(base: Document, over: Document) -> Document:
    """Return both documents as one; ``over`` wins, key by key and, in sections with names, name by name.

    A name without a value in ``over`` removes that name of ``base``.
    """
    if not isinstance(base.data, dict) or not isinstance(over.data, dict):
        return over
    data = {**base.data}
    lines = {key_path: line for key_path, line in base.lines.items() if key_path}
    for key, value in over.data.items():
        former = data.get(key, None if base.is_complete else {})  # an unreadable part may hold what is removed here
        if key not in _MERGED_SECTIONS or not isinstance(former, dict) or not isinstance(value, dict):
            replaced: set[KeyPath] = {(key,)}
            data[key] = value
        else:
            replaced = {(key, name) for name in value}
            removed = {
                name for name, each in value.items() if each is None and (name in former or not base.is_complete)
            }
            data[key] = {name: each for name, each in {**former, **value}.items() if name not in removed}
        lines = {key_path: line for key_path, line in lines.items() if not {key_path[:1], key_path[:2]} & replaced}
    return Document(
        data=data,
        lines={**lines, **over.lines},
        findings=[*base.findings, *over.findings],
        is_complete=base.is_complete and over.is_complete,
    )
