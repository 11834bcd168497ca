"""Proposes the fields that a column may be for, with a rank for each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.leadsquared.documented_fields import DESCRIPTION, EMAIL, PHONE, TITLE, is_custom_field, is_lead_field
from importer.suggest import vocabulary
from importer.suggest.column_profile import ColumnProfile, ContentKind
from importer.suggest.content_match import ContentMatch, Match, match_contents

# How a field is found: by the account's own name, a usual name, a less usual name, or the cells.
BY_ACCOUNT, BY_NAME, LIKELY, BY_CELLS = range(4)
_FULL = 0.8  # share of a column's cells or values that must fit a field
_SENTENCE_WORDS = 3
_TITLE_CHARS = 200


@dataclass(frozen=True, kw_only=True, order=True)
class Proposal:
    """A proposed field for a column. Proposals sort by agreement, then by how clear the name is."""

    agreement: Match
    rank: int  # how the field was found, the surest way first
    place: int  # among the names
    at: int  # of the column
    field: str
    why: str

    @property
    def is_plain(self) -> bool:
        """Whether name and cells agree without doubt."""
        return self.agreement is Match.YES and self.rank <= BY_NAME


class AccountFieldIndex:
    """The account's fields by name; empty if they are not known."""

    def __init__(self, fields: AccountFields | None) -> None:
        self.is_known = fields is not None
        self.fields = {each.schema_name: each for each in fields or () if each.active}
        self.names: dict[str, str] = {}
        for name, each in self.fields.items():
            for alias in (each.display_name, name.rpartition(".")[2]):
                self.names.setdefault(vocabulary.normalized(alias), name)

    @property
    def demanded(self) -> Iterator[AccountField]:
        """The fields that every ticket needs."""
        return (each for each in self.fields.values() if each.is_required and not is_lead_field(each.schema_name))

    @property
    def texts(self) -> tuple[str, ...]:
        """The custom fields of type text."""
        custom = (each for name, each in self.fields.items() if is_custom_field(name))
        return tuple(each.schema_name for each in custom if each.data_type.casefold() == "text")

    def lacks(self, field: str) -> bool:
        """Return whether the account surely has no such field; fields of leads are not known."""
        return self.is_known and not is_lead_field(field) and field not in self.fields


def proposals(at: int, column: str, contents: ColumnProfile, account: AccountFieldIndex) -> Iterator[Proposal]:
    """Yield the fields that a column may be for. ``at``: the column's position."""
    name = vocabulary.normalized(column)
    is_staff = not vocabulary.STAFF.isdisjoint(name.split())
    for field, rank, place in _candidates(name, contents, account, by_cells=not is_staff):
        verdict = match_contents(field, contents, account.fields.get(field))
        if account.lacks(field):
            verdict = ContentMatch(Match.NO, f"the account has no field {field}")
        doubtful = is_staff or (rank == BY_ACCOUNT and _has_another_meaning(name, field))
        agreement = max(verdict.agreement, Match.DOUBT) if doubtful else verdict.agreement
        yield Proposal(agreement=agreement, rank=rank, place=place, at=at, field=field, why=verdict.why)


def _has_another_meaning(name: str, field: str) -> bool:
    """Return whether a name usually means another field, as `Source` often is the channel."""
    tables = (vocabulary.SURE_NAMES, vocabulary.LIKELY_NAMES)
    return any(
        name in known for table in tables for other, known in table.items() if other not in (field, vocabulary.KEY)
    )


def _candidates(
    name: str, contents: ColumnProfile, account: AccountFieldIndex, *, by_cells: bool
) -> Iterator[tuple[str, int, int]]:
    """Yield candidate fields, each with its rank and its position among the known names."""
    own = account.names.get(name)
    if own:
        yield own, BY_ACCOUNT, 0
    for rank, table in ((BY_NAME, vocabulary.SURE_NAMES), (LIKELY, vocabulary.LIKELY_NAMES)):
        for field, known in table.items():
            called = name if name in known else vocabulary.without_ticket_noun(name)
            if field not in (vocabulary.KEY, own) and called in known:
                yield field, rank, known.index(called)
    if by_cells:
        yield from _by_cells(contents, account)


def _by_cells(contents: ColumnProfile, account: AccountFieldIndex) -> Iterator[tuple[str, int, int]]:
    if contents.kind is ContentKind.EMAIL:
        yield EMAIL, BY_CELLS, 0
    if contents.kind is ContentKind.PHONE:
        yield PHONE, BY_CELLS, 0
    # Names of persons are texts too, but of two words.
    if (
        contents.kind is ContentKind.TEXT
        and contents.average_words >= _SENTENCE_WORDS
        and _FULL * contents.rows <= contents.distinct
    ):
        yield TITLE if contents.longest <= _TITLE_CHARS else DESCRIPTION, BY_CELLS, 0
    if contents.is_choice and len(contents.values) > 1 and contents.kind is ContentKind.TEXT:
        for field, each in account.fields.items():
            fitting = sum(value in (each.values or ()) for value, _ in contents.values)
            if fitting >= _FULL * len(contents.values):
                yield field, BY_CELLS, 1
