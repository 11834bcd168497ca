"""Recognises an export of a known helpdesk by its columns, and adapts the mapping of that helpdesk to them.

The files in `preset_files` are those of `mappings`, so that installed users have them, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS, TITLE
from importer.mapping import Mapping, load_mapping, with_ignored_patterns
from importer.mapping.checked_mapping import RowRules
from importer.suggest.yaml_writer import yaml_scalar

_FOLDER = Path(__file__).parent / "preset_files"
# Columns that tell the helpdesk. Two of them must be there, besides the key, the title and one for the lead.
_SIGNS = {
    "zendesk": ("via.channel", "raw_subject", "satisfaction_rating", "has_incidents", "generated_timestamp"),
    "zendesk-csv": ("Requester external id", "Requester domain", "Group stations", "Assignee stations", "Ticket type"),
    "jira": ("Issue key", "Issue id", "Issue Type", "Project key"),
    "freshdesk": ("fr_escalated", "email_config_id", "fr_due_by", "description_text", "cc_emails"),
    "freshdesk-csv": (
        "Due by Time",
        "Initial response time",
        "Customer interactions",
        "First response status",
        "Resolution time (in hrs)",
    ),
    "servicenow": ("short_description", "caller_id.email", "contact_type", "assignment_group", "sys_id"),
    "hubspot": ("Ticket ID", "Ticket name", "Ticket status", "Pipeline"),
    "salesforce": ("Case Number", "Case Origin", "Case Owner", "Date/Time Opened"),
}
_LEAST_SIGNS = 2
_NAMED_BLOCK = re.compile(r"  (?! |#|- )(.+?):(?: |$)")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The mapping of a helpdesk, as text and checked."""

    name: str
    text: str
    mapping: Mapping


def helpdesk_of(columns: Collection[str]) -> str:
    """Return the helpdesk whose signs most of the columns have; empty if there are too few."""
    signs = {name: sum(sign in columns for sign in some) for name, some in _SIGNS.items()}
    name = max(signs, key=lambda each: signs[each])
    return name if signs[name] >= _LEAST_SIGNS else ""


def find_preset(columns: Collection[str]) -> Preset | None:
    """Return the preset of the recognised helpdesk; ``None`` if the columns lack its key, title or lead."""
    name = helpdesk_of(columns)
    path = _FOLDER / f"{name}.yaml"
    if not name or not path.exists():
        return None
    mapping = load_mapping(path)
    filled = {rule.field for rule in mapping.rules if rule.column in columns}
    is_usable = set(mapping.key) <= set(columns) and TITLE in filled and filled.intersection(LEAD_IDENTIFIERS)
    return Preset(name=name, text=path.read_text(encoding="utf-8"), mapping=mapping) if is_usable else None


def adapted(preset: Preset, columns: Sequence[str], manifest: Sequence[str]) -> str:
    """Return the preset for a manifest with these columns.

    ``manifest``: the `manifest` section, instead of the preset's. Rules of columns that the manifest does not have are
    left out; columns that the preset does not know are ignored.
    """
    lines: list[str] = []
    for block in _blocks(preset.text):
        section = next((line.partition(":")[0] for line in block if line and line[0] not in " #"), "")
        if section == "columns":
            lines += _known_columns(block, columns)
        elif section == "rows":
            lines += _known_rows(preset.mapping.rows, columns)
        elif section not in ("", "manifest", "ignore"):
            lines += block
        if section == "source" and manifest:
            lines += manifest
    return "\n".join([*lines, *_ignored(preset.mapping, columns)]).rstrip("\n") + "\n"


def _known_rows(rules: RowRules, columns: Collection[str]) -> Iterator[str]:
    """Yield the `rows` section for the columns that the manifest has."""
    is_first = True
    for key, cells in (("only", rules.only), ("skip", rules.skip)):
        known = {column: texts for column, texts in cells.items() if column in columns}
        if known:
            yield from ("", "rows:") if is_first else ()
            is_first = False
            pairs = (f"{yaml_scalar(column)}: {_cells(texts)}" for column, texts in known.items())
            yield f"  {key}: {{{', '.join(pairs)}}}"


def _cells(texts: Sequence[str]) -> str:
    written = [yaml_scalar(text) for text in texts]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the sections of a mapping with the comments above them; first the comments at the top."""
    block: list[str] = []
    pending: list[str] = []
    for line in text.splitlines():
        if not line or line[0] == "#":
            pending.append(line)
        elif line[0] == " ":
            block += [*pending, line]
            pending = []
        else:
            yield block
            block, pending = ([*pending, line] if block else [line]), []
    yield block


def _known_columns(block: Sequence[str], columns: Collection[str]) -> Iterator[str]:
    """Yield the lines of the `columns` section without the rules of unknown columns."""
    waiting: list[str] = []  # comments and blank lines, which belong to the next rule
    is_known = True
    for line in block:
        if not line or line.lstrip().startswith("#"):
            waiting.append(line)
            continue
        if named := _NAMED_BLOCK.match(line):
            is_known = named[1] in columns
        if is_known:
            yield from waiting
            yield line
            waiting = []
        else:
            waiting = [each for each in waiting if each.startswith("  # Words of")]


def _ignored(mapping: Mapping, columns: Sequence[str]) -> Iterator[str]:
    """Yield the `ignore` section: what the preset ignores and the manifest has, then what the preset does not know."""
    used = mapping.used_columns
    applied = with_ignored_patterns(mapping, columns)
    covered = applied.ignore - mapping.ignore
    whole = {name for name in mapping.ignore if any(_is_part(column, name) for column in columns)}
    known = [name for name in columns if name in mapping.ignore]
    known += sorted(whole.difference(known))
    known += [pattern for pattern, count in applied.ignored_by_patterns if count]
    unknown = [
        column
        for column in columns
        if column not in used
        and column not in known
        and column not in covered
        and not any(_is_part(column, name) for name in whole)
    ]
    if known or unknown:
        yield ""
        yield "ignore:"
    for column in known:
        yield f"  - {yaml_scalar(column)}"
    if unknown:
        yield "  # TODO: columns that the mapping of this helpdesk does not know. To use one, move it to `columns`."
    for column in unknown:
        yield f"  - {yaml_scalar(column)}"


def _is_part(column: str, name: str) -> bool:
    return column.startswith(f"{name}.")
