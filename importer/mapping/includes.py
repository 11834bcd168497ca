"""A mapping and the files that it names, as one document: what stands nearer to the mapping itself wins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from importer.mapping.findings import MappingFinding, SourceLine
from importer.mapping.mapping_files import MAX_FILES, Files
from importer.mapping.two_column_files import ENDINGS, as_mapping, read_pairs, value_faults
from importer.mapping.yaml_source import MAX_BYTES, MAX_DEPTH, Document, Place, UnreadableError, decode, parse

MAX_VALUES_BYTES = 10_000_000
_BY_NAME = ("columns", "constants", "templates", "attachments", "manifest")  # sections that are merged, not replaced


def read_whole(path: Path, files: Files) -> Document:
    """Read a mapping, all that it includes, and the value maps that its rules take from other files.

    Raises UnreadableError, whose line knows its file, where one of them can't be read.
    """
    return _Reader(files=files).read(path, ())


@dataclass(frozen=True, kw_only=True)
class _Reader:
    files: Files

    def read(self, path: Path, includers: tuple[Path, ...]) -> Document:
        """Read a file that is included by way of ``includers``, the mapping itself first."""
        text = decode(self.files.read(path, MAX_BYTES))
        document = as_mapping(read_pairs(text)) if is_table(path) else parse(text)
        names = _included(document)
        if names or includers:
            document = document.within(path)  # in one file, a line is a mere number
        base = Document(data={}, lines={}, findings=())
        for index, name in enumerate(names):
            named = MappingFinding(document.line(("include", index)), f"include: {name!r}")
            try:
                included = self._include(path.parent / name, named, (*includers, path))
            except UnreadableError as error:
                if len(self.files.paths) >= MAX_FILES:
                    raise
                included = Document(data={}, lines={}, findings=[error.finding], whole=False)
            base = _merged(base, included)
        document = self._with_values(document, path)
        if not names or not isinstance(document.data, dict):
            return document
        rest = {key: value for key, value in document.data.items() if key != "include"}
        return _merged(base, replace(document, data=rest))

    def _include(self, path: Path, named: MappingFinding, includers: tuple[Path, ...]) -> Document:
        if _resolved(path) in map(_resolved, includers):
            raise UnreadableError(f"{named.text} is, or includes, this file itself", named.line)
        if len(includers) > MAX_DEPTH:
            raise UnreadableError(f"{named.text}: files include one another more than {MAX_DEPTH} deep", named.line)
        try:
            document = self.read(path, includers)
        except UnreadableError as error:
            if error.finding.line:
                raise error.within(path) from None
            raise UnreadableError(f"{named.text}: {error.finding.text}", named.line) from None
        if not isinstance(document.data, dict):
            raise UnreadableError(f"{named.text} holds no mapping", named.line)
        version = document.data.get("version")
        if version not in (None, "1"):
            raise UnreadableError(f"version must be 1, not {version!r}", document.line(("version",)))
        return document

    def _with_values(self, document: Document, path: Path) -> Document:
        """Put the pairs of each ``values_from`` into its rule's ``values``, where the rule's own ones win."""
        for column, rule in _rules_with_file(document):
            place: Place = ("columns", column)
            name, line = rule["values_from"], document.line((*place, "values_from"))
            try:
                found, findings = self._values(path.parent / name)
            except UnreadableError as error:
                problem = error.finding
                if not problem.line:
                    problem = MappingFinding(line, f"columns > {column} > values_from: {name!r}: {problem.text}")
                document = replace(document, findings=[*document.findings, problem])
                continue
            own = rule.get("values") or {}
            lines: dict[Place, int] = {
                (*place, "values", value): at for value, (_, at) in found.items() if value not in own
            }
            values = {value: target for value, (target, _) in found.items()}
            together = {"values": both} if (both := {**values, **own}) else {}
            document = replace(
                document,
                data=_with_rule(document.data, column, {**rule, **together}),
                lines={(*place, "values"): line, **document.lines, **lines},
                findings=[*document.findings, *findings],
            )
        return document

    def _values(self, path: Path) -> tuple[dict[str, tuple[str, SourceLine]], list[MappingFinding]]:
        """What each value becomes, with its line; and the lines that are wrong."""
        try:
            pairs = read_pairs(decode(self.files.read(path, MAX_VALUES_BYTES), MAX_VALUES_BYTES))
        except UnreadableError as error:
            raise (error.within(path) if error.finding.line else error) from None
        findings = [MappingFinding(SourceLine(finding.line, path), finding.text) for finding in value_faults(pairs)]
        return {pair.first: (pair.second, SourceLine(pair.line, path)) for pair in pairs.pairs}, findings


def is_table(path: Path) -> bool:
    """Whether a mapping is written as a table of two columns, by its name."""
    return path.suffix.lower() in ENDINGS


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, or a NUL: reading it tells
        return path


def _included(document: Document) -> list[str]:
    """The files that a document names; none where what stands there is neither a name nor a list of names."""
    data = document.data
    named = data.get("include") if isinstance(data, dict) else None
    names = named if isinstance(named, list) else [named]
    return [name for name in names if name] if all(isinstance(name, str) for name in names) else []


def _rules_with_file(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """The rules that name a file and have nothing in its way; what is wrong with the others is told as their shape."""
    columns = document.data.get("columns") if isinstance(document.data, dict) else None
    rules = columns.items() if isinstance(columns, dict) else ()
    return [
        (column, rule)
        for column, rule in rules
        if isinstance(rule, dict)
        and isinstance(rule.get("values_from"), str)
        and rule["values_from"]
        and isinstance(rule.get("values"), dict | None)
    ]


def _with_rule(data: Any, column: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {**data, "columns": {**data["columns"], column: rule}}


def _merged(base: Document, over: Document) -> Document:
    """Both documents, ``over`` winning: key by key, and name by name in the sections that have names.

    A name with nothing behind it takes out what the base says of it.
    """
    if not isinstance(base.data, dict) or not isinstance(over.data, dict):
        return over
    data = {**base.data}
    lines = {place: line for place, line in base.lines.items() if place}
    for key, value in over.data.items():
        former = data.get(key, None if base.whole else {})  # what is taken out may be in the part that is not there
        if key not in _BY_NAME or not isinstance(former, dict) or not isinstance(value, dict):
            replaced: set[Place] = {(key,)}
            data[key] = value
        else:
            replaced = {(key, name) for name in value}
            taken_out = {name for name, each in value.items() if each is None and (name in former or not base.whole)}
            data[key] = {name: each for name, each in {**former, **value}.items() if name not in taken_out}
        lines = {place: line for place, line in lines.items() if not {place[:1], place[:2]} & replaced}
    return Document(
        data=data,
        lines={**lines, **over.lines},
        findings=[*base.findings, *over.findings],
        whole=base.whole and over.whole,
    )
