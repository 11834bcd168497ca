"""Records of each manifest's last export, which the next export is compared with; and look-ups of known rows.

A manifest is identified by account, source and file name without the folder. Two more records per manifest have names
that no file can have: NAME/CONTENT for an export that was read but not finished yet, and NAME/former for the last
finished export with other content.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.records import RunInfo, effective_state
from importer.ledger.store import Ledger

_READ_ROWS = 5_000

KeyHashes = npt.NDArray[np.uint64]
ContentHashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRecord:
    """Contents of a manifest when a run read it.

    ``keys``: see ``pack_keys``. Shares are from 0 to 1, and ``None`` where there was nothing to compare with.
    """

    account: str
    source: str
    manifest_name: str
    content_sha256: str
    run: str
    keys: bytes
    rows: int
    known_share: float | None  # share of its keys that were known when this content was first read
    held_share: float | None  # share of the former export's keys that it contains
    previous_held_share: float | None  # the ``held_share`` of the export before it
    finished_at: str
    contents: bytes | None = None  # hashes of the rows' cells, as ``keys`` and in their order


class KnownRow(NamedTuple):
    """A row in the ledger, with ``KeyedHash.hex`` of its title and lead as last sent; empty where not known."""

    state: str
    title_hash: str = ""
    lead_hash: str = ""
    attempts: int = 0
    error_code: str = ""

    @property
    def was_sent(self) -> bool:
        """Whether a run may have sent it. A run that stops before its first call leaves unsent rows."""
        return self.state != "pending" or self.attempts > 0

    @property
    def effective_state(self) -> str:
        """The state with ``refused`` told apart from ``pending``; see ``records.effective_state``."""
        return effective_state(self.state, self.error_code)


def last_export(ledger: Ledger, account: str, source: str, manifest_name: str) -> ExportRecord | None:
    """Return the export of this name that was recorded last."""
    columns = schema.exports.c
    where = (columns.account == account) & (columns.source == source) & (columns.manifest_name == manifest_name)
    with ledger.reading() as db:
        row = db.execute(schema.exports.select().where(where)).first()
    return None if row is None else ExportRecord(**row._asdict())


def record_export(ledger: Ledger, export: ExportRecord) -> None:
    """Record an export; it replaces the one of the same name."""
    values = {name: getattr(export, name) for name in ExportRecord.__slots__}
    with ledger.writing() as db:
        statement = database.insert(db, schema.exports).values(values)
        primary = [column.name for column in schema.exports.primary_key]
        others = {name: statement.excluded[name] for name in values if name not in primary}
        db.execute(statement.on_conflict_do_update(index_elements=primary, set_=others))


def unfinished_export(
    ledger: Ledger, account: str, source: str, manifest_name: str, content_sha256: str
) -> ExportRecord | None:
    """Return the record of the first run that read this content, if no run has finished it since."""
    return last_export(ledger, account, source, f"{manifest_name}/{content_sha256}")


def record_unfinished_export(ledger: Ledger, export: ExportRecord) -> None:
    """Record that a run has read this content and has not finished yet."""
    record_export(ledger, replace(export, manifest_name=f"{export.manifest_name}/{export.content_sha256}", keys=b""))


def former_export(ledger: Ledger, account: str, source: str, manifest_name: str) -> ExportRecord | None:
    """Return the last finished export of this name whose content differs from the last one's."""
    return last_export(ledger, account, source, f"{manifest_name}/former")


def record_finished_export(ledger: Ledger, export: ExportRecord, last: ExportRecord | None) -> None:
    """Record a finished export; the ``last`` one of its name becomes the former one if its content differs."""
    if last is not None and last.content_sha256 != export.content_sha256:
        record_export(ledger, replace(last, manifest_name=f"{export.manifest_name}/former"))
    record_export(ledger, export)
    columns = schema.exports.c
    of_source = (columns.account == export.account) & (columns.source == export.source)
    with ledger.writing() as db:
        name = f"{export.manifest_name}/{export.content_sha256}"
        db.execute(schema.exports.delete().where(of_source & (columns.manifest_name == name)))


def key_hashes(keyed_hash: KeyedHash, keys: Sequence[str]) -> KeyHashes:
    """Return the first 64 bits of each key's keyed hash."""
    return np.frombuffer(keyed_hash.joined(keys), dtype="<u8")[::2].copy()


def pack_keys(hashes: KeyHashes, contents: ContentHashes) -> tuple[bytes, bytes]:
    """Return the different hashes, sorted, as bytes for ``unpack_keys``, and the contents in the same order."""
    order = np.argsort(hashes, kind="stable")
    hashes, contents = hashes[order], contents[order]
    del order  # 8 MB for a million rows
    is_first = np.ones(hashes.size, dtype=bool)
    np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
    if not is_first.all():
        hashes, contents = hashes[is_first], contents[is_first]
    return hashes.astype("<u8", copy=False).tobytes(), contents.tobytes()


def unpack_keys(keys: bytes) -> KeyHashes:
    """Return the hashes of ``pack_keys``, sorted."""
    return np.frombuffer(keys, dtype="<u8")


def content_hashes(contents: Sequence[str]) -> ContentHashes:
    """Return the first 32 bits of each row's content hash: enough to see that a row was edited."""
    return np.frombuffer(bytes.fromhex("".join([content[:8] for content in contents])), dtype="<u4")


def unpack_contents(contents: bytes) -> ContentHashes:
    """Return the contents of ``pack_keys``, in the order of its hashes."""
    return np.frombuffer(contents, dtype="<u4")


def are_in(wanted: KeyHashes, keys: KeyHashes) -> npt.NDArray[np.bool_]:
    """Return which hashes are in a sorted array."""
    if not keys.size:
        return np.zeros(wanted.size, dtype=bool)
    is_there: npt.NDArray[np.bool_] = keys[np.minimum(np.searchsorted(keys, wanted), keys.size - 1)] == wanted
    return is_there


def known_keys(
    ledger: Ledger, account: str, source: str, choose: Callable[[list[str]], list[str]]
) -> Iterator[list[str]]:
    """Yield the keys of an account and source that may have been sent, of those that ``choose`` returns, in any order.

    ``choose`` gets thousands at a time. All keys are read from their index, and only the chosen rows from the table.
    """
    columns = schema.tickets.c
    statement = sa.select(columns.key).where(_of_source(account, source))
    was_sent = (columns.state != "pending") | (columns.attempts > 0)
    with ledger.reading() as db:
        for part in db.scalars(statement.execution_options(yield_per=_READ_ROWS)).partitions():
            if chosen := choose(list(part)):
                yield list(db.scalars(statement.where(was_sent & database.column_is_in(db, columns.key, chosen))))


def count_other_keys(ledger: Ledger, run: RunInfo, known: int, most: int) -> int:
    """Return how many keys of a source may be of other rows than the run's own, but at most ``most``.

    ``known``: how many of the run's rows were known before. The rows that it has claimed are in the ledger, too.
    """
    columns = schema.tickets.c
    with ledger.reading() as db:
        claimed = db.scalars(sa.select(sa.func.count()).where(columns.held_by == run.id)).one()
        own = max(known, claimed)
        some = sa.select(columns.key).where(_of_source(run.account, run.source)).limit(own + most).subquery()
        return db.scalars(sa.select(sa.func.count()).select_from(some)).one() - own


def _of_source(account: str, source: str) -> sa.ColumnElement[bool]:
    columns = schema.tickets.c
    return (columns.account == account) & (columns.source == source)


def known_rows(ledger: Ledger, account: str, source: str, keys: Collection[str]) -> dict[str, KnownRow]:
    """Return the known rows of these keys, in one query: like ``Ledger.states``, with hashes."""
    columns = schema.tickets.c
    with ledger.reading() as db:
        wanted = database.column_is_in(db, columns.key, list(keys))
        where = (columns.account == account) & (columns.source == source) & wanted
        values = (columns.state, columns.title_hash, columns.lead_hash, columns.attempts, columns.error_code)
        rows = db.execute(sa.select(columns.key, *values).where(where)).all()  # fetching rows one by one is slower
        return {row[0]: KnownRow(*row[1:]) for row in rows}
