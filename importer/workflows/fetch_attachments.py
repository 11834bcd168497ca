"""Downloads the files behind the addresses that a manifest names. Prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from importer.attachments import CellValue, cell_values
from importer.attachments.addresses import as_shown, is_any_address, scheme_of
from importer.attachments.lock import LOCK_NAME, read_lock
from importer.errors import ManifestError, MappingError, SettingsError, StoppedEarly, UsageError
from importer.fetch import FetchedAll, FetchJob, Target, fetch_all, stores
from importer.fetch.fetcher import whole_files
from importer.fetch.outcome import Limits
from importer.fetch.part_file import PARTS_FOLDER
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import PrivateCopy, private_copy, private_folder
from importer.mapping import (
    AttachmentRules,
    Mapping,
    WrongMappingError,
    check_columns,
    load_mapping,
    with_repeated_columns,
)
from importer.mapping.checked_mapping import DownloadRules
from importer.runtime.events import Emit, FetchEnded, FetchStarted, Warned
from importer.runtime.redaction import Redactor
from importer.runtime.signals import interruptions
from importer.settings import Environment
from importer.validation.row_filter import RowFilter
from importer.workflows.mapping_checks import combined_error

_LEAST_SECRET_CHARS = 8


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """What `fetch` downloads, and how. ``max_file_size_bytes``: instead of the mapping's."""

    manifest: Path
    mapping: Path
    source: str | None = None
    key: Sequence[str] = ()
    concurrency: int = 8
    refresh: bool = False
    max_file_size_bytes: int | None = None
    answer_timeout_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class FetchSummary:
    """How `fetch` ended. ``present``: addresses that had a whole file before."""

    folder: Path
    rows: int
    addresses: int
    present: int
    fetched: FetchedAll = field(default_factory=FetchedAll)

    @property
    def lock(self) -> Path:
        """The list of all fetched files."""
        return self.folder / LOCK_NAME

    @property
    def exit_code(self) -> int:
        """Return 0 if every address has its file, else 1."""
        return int(bool(self.fetched.failed))


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A mapping whose headers were read from the environment."""

    mapping: Mapping
    rules: AttachmentRules
    download: DownloadRules
    headers: dict[str, str] = field(repr=False)

    @property
    def redactor(self) -> Redactor:
        """Return a redactor of the headers' values and of their parts, such as the key after `Bearer`."""
        parts = [part for value in self.headers.values() for part in value.split() if len(part) >= _LEAST_SECRET_CHARS]
        return Redactor([*self.headers.values(), *parts])


def open_mapping(options: FetchOptions, environment: Environment) -> Opened:
    """Load the mapping and read the values of its headers. Raises UsageError."""
    try:
        mapping = load_mapping(options.mapping, source=options.source, key=options.key)
    except WrongMappingError as error:
        _report_wrong_columns(options, error)
        raise
    rules = mapping.attachments
    if rules is None or rules.download is None:
        raise MappingError(
            f"the mapping {options.mapping} does not say where to put files and which hosts to ask",
            hint="add `download` under `attachments`, with `folder` and `hosts`; mappings/README.md explains the keys",
        )
    values = {header: environment.secret(variable) for header, variable in rules.download.headers}
    variables = dict(rules.download.headers)
    wrong = [
        f"{variables[name]} is not set; it has the value of the header {name}" for name in values if not values[name]
    ]
    wrong += [
        f"{variables[name]} holds a line break or a control character, which the header {name} can't have"
        for name, value in values.items()
        if not (value.isprintable() and value.isascii())
    ]
    if wrong:
        raise SettingsError(
            wrong[0] if len(wrong) == 1 else "values of headers are missing or wrong",
            details=wrong if len(wrong) > 1 else (),
            hint="set them in the environment or in a file named .env in this folder",
        )
    return Opened(mapping=mapping, rules=rules, download=rules.download, headers=values)


def _report_wrong_columns(options: FetchOptions, error: WrongMappingError) -> None:
    """Raise MappingError with the errors of a mapping and those of the columns that it names, if there are any."""
    if (rest := error.rest) is None:
        return
    with private_folder() as folder, contextlib.suppress(ManifestError):  # errors of the mapping come first
        manifest = _open(options, rest, private_copy(options.manifest, folder))
        try:
            check_columns(rest, manifest.columns, manifest.format.absent_columns, manifest.repeated)
        except MappingError as further:
            raise combined_error(rest, [error, further]) from None


def _open(options: FetchOptions, mapping: Mapping, copy: PrivateCopy) -> Manifest:
    expected = mapping.mentioned_columns
    return open_manifest(copy.path, mapping.manifest, expected, may_lack=expected, original=options.manifest)


def fetch_attachments(
    options: FetchOptions, opened: Opened, emit: Emit, certificates: ssl.SSLContext | None = None
) -> FetchSummary:
    """Download the files of all addresses in a manifest that have none yet.

    Raises UsageError, StoppedEarly if the folder can't be written, and Interrupted.
    """
    rows, targets = _targets(options, opened, emit)
    folder = options.manifest.absolute().parent / opened.download.folder
    stores.check_libraries({scheme_of(each.address) for each in targets})
    try:
        (folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
        with FileLock(folder / PARTS_FOLDER / "lock", timeout=0):
            job = replace(_job(options, opened, folder, targets), certificates=certificates)
            emit(FetchStarted(len(job.targets)))
            try:
                with interruptions() as signals:
                    fetched = asyncio.run(signals.unless_stopped(fetch_all(job, emit)))
            finally:
                emit(FetchEnded())
    except Timeout:
        raise UsageError(f"another `fetch` is writing to {folder}", hint="wait until it has ended") from None
    except OSError as error:
        raise StoppedEarly(
            f"{folder} can't be written: {error.strerror or error}",
            hint="make room or correct the rights of the folder, then run the same command again",
        ) from error
    present = len(targets) - len(job.targets)
    return FetchSummary(folder=folder, rows=rows, addresses=len(targets), present=present, fetched=fetched)


def _job(options: FetchOptions, opened: Opened, folder: Path, targets: Sequence[Target]) -> FetchJob:
    entries = read_lock(folder)
    known = (entries[each.shown] for each in targets if each.shown in entries)
    whole = {entry.url for entry in whole_files(folder, known)}
    return FetchJob(
        folder=folder,
        targets=[each for each in targets if options.refresh or each.shown not in whole],
        entries=entries,
        whole=whole,
        hosts=opened.download.hosts,
        limits=Limits(
            max_file_size_bytes=options.max_file_size_bytes or opened.rules.max_file_size_bytes,
            answer_s=options.answer_timeout_s,
        ),
        headers=opened.headers,
        redactor=opened.redactor,
        concurrency=options.concurrency,
    )


def _targets(options: FetchOptions, opened: Opened, emit: Emit) -> tuple[int, list[Target]]:
    """Return the number of rows, and each address of the rows that take part once, in their order."""
    mapping = opened.mapping
    found: dict[str, Target] = {}
    rows = unread = 0
    with private_folder() as folder:
        manifest = _open(options, mapping, private_copy(options.manifest, folder))
        check_columns(mapping, manifest.columns, manifest.format.absent_columns, manifest.repeated)
        repeated = with_repeated_columns(mapping, manifest.repeated).attachments
        columns = repeated.columns if repeated is not None else ()
        row_filter = RowFilter(mapping.rows)
        for chunk in manifest.chunks(read_ahead=True):
            rows += len(chunk.rows)
            excluded = row_filter.exclusions(chunk)
            for column in columns:
                cells = [cell for at, cell in enumerate(chunk.values.texts(column)) if at not in excluded]
                for target in _in_cells(opened.rules, cells):
                    if target is not None:
                        found.setdefault(target.shown, target)
                    else:
                        unread += 1
    if unread:
        values = "1 value" if unread == 1 else f"{unread:,} values"
        emit(
            Warned(f"{values} of attachments can't be read, so nothing is fetched for them; `validate` names the rows")
        )
    return rows, list(found.values())


def _in_cells(rules: AttachmentRules, cells: Sequence[str]) -> Iterator[Target | None]:
    """Yield the addresses in cells, and ``None`` for a value that can't be read. `validate` names its row."""
    for cell in filter(None, cells):
        for value in cell_values(rules, cell):
            if not isinstance(value, CellValue):
                yield None
            elif is_any_address(value.name):
                yield Target(value.name, as_shown(value.name), value.shown_name)
