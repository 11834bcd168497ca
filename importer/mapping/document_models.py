"""The mapping language as pydantic models: its keys, and the form of each value.

A value arrives as the text that was written, or None for nothing; pydantic converts it to a boolean or number where the
key needs one. ``rule_checks`` and ``consistency`` check what values mean together; ``structure_messages`` words the
errors.
"""

from __future__ import annotations

import codecs
import contextlib
import ipaddress
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic.types import StringConstraints

from importer.mapping.cell_pattern import CellPattern, extract_pattern
from importer.mapping.checked_mapping import DEFAULT_MAX_FILE_SIZE_BYTES, DEFAULT_MAX_FILES
from importer.mapping.document import KeyPath
from importer.mapping.record_paths import plain_path, xml_path
from importer.mapping.templates import Template
from importer.models import FieldType, LeadDetails

ROW_CONTENT = "row-content"
THOUSANDS = (".", ",", "'", "’", "_", " ")

_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(B|KB|MB|GB)?")
_UNIT_BYTES = {None: 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
# Patterns for the JSON Schema. Editors use different dialects of regular expressions, which agree on these.
_SIZE_PATTERN = r"^(?=.*[1-9])[0-9]{1,12}(\.[0-9]{1,6})? ?([Bb]|[KkMmGg][Bb])?$"
_SOURCE_PATTERN = r"^[^\s!-/:-@\[-`{-~]"
_EXTENSION_PATTERN = r"^\.?[^\s./\\-]+$"
_DELIMITER_PATTERN = r'^([^A-Za-z0-9"\r\n]|tab|[^"\r\n]*[^A-Za-z0-9"\r\n][^"\r\n]*)$'
_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_TEMPLATE_PATTERN = r"\{[^{}]+\}"
_OWN_HEADERS = ("accept-encoding", "connection", "content-length", "host", "if-range", "range", "transfer-encoding")
_FOLDER_PATTERN = rf"^(?!(.*[/\\])?\.\.([/\\]|$)).*{_TEMPLATE_PATTERN}"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_rules(value: Any) -> Any:
    written = value if isinstance(value, list) else [value]
    return [{"field": each} if isinstance(each, str) else each for each in written]


def size_bytes(value: Any) -> int:
    """Read ``500 KB``, ``20 MB`` or ``1 GB`` as bytes. Raises ValueError."""
    form = _SIZE.fullmatch(value.upper()) if isinstance(value, str) else None
    size = int(Decimal(form[1]) * _UNIT_BYTES[form[2]]) if form else 0
    if size < 1:
        raise ValueError("is not a size; write it like `20 MB`, `500 KB` or `1 GB`")
    return size


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not hold control characters or line breaks")
    return value


def _source(value: str) -> str:
    if len(value) > 100:  # noqa: PLR2004 - the number is in the message
        raise ValueError("is longer than 100 characters; shorten it")
    if not value[0].isalnum():
        raise ValueError("must start with a letter or a digit")
    return _printable(value)


def _extension(value: str) -> str:
    extension = value.removeprefix(".").lower()
    if not re.fullmatch(r"\w+", extension):
        raise ValueError("is not a file extension; write only its letters and digits, such as `pdf`")
    return extension


def _encoding(value: str) -> str:
    try:
        "".encode(value)
        return codecs.lookup(value).name
    except (LookupError, ValueError):
        raise ValueError("is not a known encoding; write it like `utf-8` or `cp1252`") from None


def _delimiter(value: str) -> str:
    delimiter = _HEX.sub(lambda code: chr(int(code[1], 16)), {"tab": "\t", "\\t": "\t"}.get(value, value))
    if set(delimiter) & set('"\r\n\0') or delimiter.isalnum():
        raise ValueError(r"is not a delimiter; write characters such as `;` or `||`, `\x01`, or `tab`")
    return delimiter


def _sign(value: str) -> str:
    if len(value) != 1 or value.isalnum() or value.isspace():
        raise ValueError("must be one character that is neither a letter, a digit nor a blank")
    return value


def _expression(value: str) -> str:
    if plain_path(value) is None:
        from importer.mapping.record_expressions import expression_error  # noqa: PLC0415 - loading it takes time

        if (wrong := expression_error(value)) is not None:
            raise ValueError(f"is not a JMESPath expression: it {wrong}")
    return value


def _records(value: str) -> str:
    return value if xml_path(value) is not None else _expression(value)


def _template(value: str) -> str:
    if not Template.parse(value).columns:
        raise ValueError("names no column in braces; put a text that is the same in every ticket under `constants`")
    return value


def _different(names: list[str]) -> list[str]:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"names {repeated[0]!r} more than once; remove one of them")
    return names


def _thousands(value: str) -> str:
    if value not in THOUSANDS:
        raise ValueError(f"is not a thousands separator; write one of {' '.join(THOUSANDS).strip()} or a blank")
    return value


def _extract(value: str) -> str:
    extract_pattern(value)
    return value


def _locale(value: str) -> str:
    from importer.mapping.date_names import locale_error  # noqa: PLC0415 - few mappings need it

    if wrong := locale_error(value):
        raise ValueError(wrong)
    return value


def _region(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise ValueError("is not a region; write the two capital letters of a country, such as IN or DE (ISO 3166)")
    return value


def _folder(value: str) -> str:
    if not Template.parse(value).columns:
        raise ValueError("names no column in braces, so all tickets would have the same files; add one such as `{ID}`")
    if ".." in _printable(value).replace("\\", "/").split("/"):
        raise ValueError("must not lead upwards with `..`; set `root` to the folder above")
    return value


def _attachment_pattern(value: str) -> str:
    groups = CellPattern(value).groups
    if "url" not in groups:
        raise ValueError("has no group `url`; put `(?P<url>...)` around the part that is the address or file name")
    return value


def _host(value: str) -> str:
    if "://" in value or "@" in value or re.search(r"[\s*?#]", value):
        raise ValueError("is not a host; write a name such as `jira.example.com` or an address such as `10.0.0.5`")
    host = value.lower().strip("[]").rstrip(".")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_network(host))
    if "/" in host:
        raise ValueError("is not a host; write only its name, without a path")
    if ":" in host:
        raise ValueError("has a port; write only the host, which stands for all its ports")
    return host


def _header(name: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError("must have letters, digits and hyphens only")
    if name.lower() in _OWN_HEADERS:
        raise ValueError("must not be a header that the download sets itself, such as Host or Range; remove it")
    return name


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            "is not the name of an environment variable; write the name, such as `JIRA_AUTH`, and put the value there"
        )
    return name


def _schema_hint(**keywords: Any) -> Any:
    """Add keywords to the JSON Schema of a text that a validator checks."""
    return Field(json_schema_extra=keywords)


Text = Annotated[str, StringConstraints(min_length=1)]
ValueMap = Annotated[dict[Text, str], Field(min_length=1)]  # an empty new value makes the cell empty
# json_schema_input_type: what the user may write, before the validator converts it.
TextOrList = BeforeValidator(_as_list, json_schema_input_type=Text | list[Text])
Texts = Annotated[list[Text], TextOrList, Field(min_length=1)]
Cells = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)]
Size = Annotated[int, BeforeValidator(size_bytes, json_schema_input_type=Annotated[str, Field(pattern=_SIZE_PATTERN)])]
Extension = Annotated[Text, AfterValidator(_extension), _schema_hint(pattern=_EXTENSION_PATTERN)]
Extensions = Annotated[list[Extension], BeforeValidator(_as_list, json_schema_input_type=Extension | list[Extension])]
Sign = Annotated[Text, AfterValidator(_sign), _schema_hint(maxLength=1, pattern=r"^[^A-Za-z0-9\s]$")]
Repair = Literal["apostrophe", "formula", "misread"]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class _SectionModel(BaseModel):
    """One section of a mapping: an unknown key is an error, and a known key without a value counts as absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class RuleModel(_SectionModel):
    """The rule of one column, with all its keys."""

    field: Text | None = None  # only for a column that a template joins
    type: FieldType = FieldType.TEXT
    required: bool = False
    default: Text | None = None
    extract: Annotated[Text, AfterValidator(_extract)] | None = None
    join: Text | None = None
    pick: Literal["first", "last"] | None = None
    values: ValueMap | None = None
    values_from: Text | None = None
    one_of: Texts | None = None
    max_length: Count | None = None
    on_too_long: Literal["reject", "truncate"] | None = None
    send_empty: bool = False
    strip: bool = False
    lower: bool = False
    upper: bool = False
    html: Literal["to_text", "from_text"] | None = None
    format: Texts | None = None
    locale: Annotated[Text, AfterValidator(_locale)] | None = None
    timezone: Text | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Annotated[Text, AfterValidator(_thousands), _schema_hint(enum=[*THOUSANDS])] | None = None
    true_words: Texts | None = None
    false_words: Texts | None = None
    region: Annotated[Text, AfterValidator(_region), _schema_hint(pattern="^[A-Z]{2}$")] | None = None


# The keys that say what happens to a cell; `rule_steps` of validation has a step for each.
RULE_KEYS = frozenset(RuleModel.model_fields) - {"field"}


# One rule, or several for a column that fills several fields.
Rules = Annotated[
    list[RuleModel],
    Field(min_length=1),
    BeforeValidator(_as_rules, json_schema_input_type=Text | RuleModel | list[Text | RuleModel]),
]


class DownloadModel(_SectionModel):
    """The ``download`` section of ``attachments``."""

    folder: Annotated[Text, AfterValidator(_printable)]
    hosts: Annotated[list[Annotated[Text, AfterValidator(_host)]], TextOrList, Field(min_length=1)]
    headers: dict[Annotated[Text, AfterValidator(_header)], Annotated[Text, AfterValidator(_variable)]] = {}


class RowsModel(_SectionModel):
    """The ``rows`` section."""

    only: dict[Text, Cells] = {}
    skip: dict[Text, Cells] = {}


class AttachmentsModel(_SectionModel):
    """The ``attachments`` section."""

    columns: Texts | None = None
    separator: Text | None = None
    pattern: Annotated[Text, AfterValidator(_attachment_pattern)] | None = None
    download: DownloadModel | None = None
    glob: bool = False
    folder: Annotated[Text, AfterValidator(_folder), _schema_hint(pattern=_FOLDER_PATTERN)] | None = None
    required: bool = False
    root: Annotated[Text, AfterValidator(_printable)] | None = None
    max_file_size: Size = DEFAULT_MAX_FILE_SIZE_BYTES
    max_files: Count = DEFAULT_MAX_FILES
    extensions: Extensions = []


def _allow_null_items(schema: dict[str, Any]) -> None:
    """Allow NULL in a list, where it is the text."""
    for each in schema.get("anyOf", []):
        if "items" in each:
            each["items"] = {"anyOf": [each["items"], {"type": "null"}]}


class ManifestModel(_SectionModel):
    """The ``manifest`` section: how to read the manifest, instead of detecting it."""

    encoding: Annotated[Text, AfterValidator(_encoding)] | None = None
    delimiter: Annotated[Text, AfterValidator(_delimiter), _schema_hint(pattern=_DELIMITER_PATTERN)] | None = None
    quote: Sign | None = None
    escape: Sign | None = None
    comment: Text | None = None
    dialect: Literal["postgres-copy"] | None = None
    strip: bool = False
    footer: Literal["skip"] | None = None
    empty: Annotated[Texts, Field(json_schema_extra=_allow_null_items)] | None = None
    repair: Annotated[list[Repair], BeforeValidator(_as_list, json_schema_input_type=Repair | list[Repair])] = []
    sheet: Text | None = None
    header_row: Count = 1
    records: Annotated[Text, AfterValidator(_records)] | None = None
    columns: Annotated[dict[Text, Annotated[Text, AfterValidator(_expression)]], Field(min_length=1)] | None = None


class JoinModel(_SectionModel):
    """A template that joins the values of several columns."""

    columns: Annotated[Texts, AfterValidator(_different)]
    join: str


def _template_kind(value: Any) -> str:
    is_join = isinstance(value, JoinModel) or (isinstance(value, dict) and value.keys() & JoinModel.model_fields)
    return "join" if is_join else "text"


TemplateText = Annotated[Text, AfterValidator(_template), _schema_hint(pattern=_TEMPLATE_PATTERN)]
# An error's place has the tag behind the field's name; `structure_check` removes it.
AnyTemplate = Annotated[
    Annotated[TemplateText, Tag("text")] | Annotated[JoinModel, Tag("join")], Discriminator(_template_kind)
]


class MappingModel(_SectionModel):
    """A whole mapping file."""

    version: Literal["1"]
    include: Texts | None = None
    source: Annotated[Text, AfterValidator(_source), _schema_hint(pattern=_SOURCE_PATTERN, maxLength=100)]
    key: Texts
    key_field: Text | None = None
    columns: Annotated[dict[Text, Rules], Field(min_length=1)]
    constants: dict[Text, Text] = {}
    templates: dict[Text, AnyTemplate] = {}
    attachments: AttachmentsModel | None = None
    ignore: Annotated[list[Text], TextOrList] = []
    rows: RowsModel = RowsModel()
    duplicates: Literal["reject", "first"] = "reject"
    lead_details: LeadDetails = LeadDetails.FIELDS
    manifest: ManifestModel = ManifestModel()

    def rules(self) -> Iterator[tuple[KeyPath, RuleModel]]:
        """Yield each rule with its place: ("columns", "Subject"), or ("columns", "Reporter", 1) in a list."""
        for column, rules in self.columns.items():
            for index, rule in enumerate(rules):
                yield ("columns", column, *([index] if len(rules) > 1 else [])), rule


SECTIONS: dict[str, type[_SectionModel]] = {
    "": MappingModel,
    "columns": RuleModel,
    "templates": JoinModel,
    "rows": RowsModel,
    "attachments": AttachmentsModel,
    "download": DownloadModel,
    "manifest": ManifestModel,
}
