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


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed field for a column. ``distinct``: how many different values the column has."""

    agreement: Match
    rank: int  # how the field was found, the surest way first
    place: int  # among the names
    at: int  # of the column
    field: str
    why: str
    distinct: int

    @property
    def is_plain(self) -> bool:
        """Whether name and cells agree without doubt."""
        return self.agreement is Match.YES and self.rank <= BY_NAME

    @property
    def order(self) -> tuple[int, ...]:
        """Return the key by which proposals sort: the name weighs more than how many of the cells differ."""
        return (self._tier, -self.distinct if self._tier == Match.FEW else 0, self.rank, self.place, self.at)

    @property
    def _tier(self) -> int:
        if self.agreement >= Match.EMPTY:
            return 2 + self.agreement
        if self.rank == BY_CELLS:
            return 4
        if self.rank <= BY_NAME and self.agreement <= Match.FEW:
            return self.agreement
        return 2 if self.agreement is Match.YES else 3


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
    by_cells = not is_staff and not vocabulary.is_conversation(column)
    for field, rank, place in _candidates(name, contents, account, by_cells=by_cells):
        verdict = match_contents(field, contents, account.fields.get(field))
        if account.lacks(field):
            verdict = ContentMatch(Match.NO, f"the account has no field {field}")
        doubtful = is_staff or (
            rank == BY_ACCOUNT and vocabulary.is_field(name, field)
        )  # `Source` often is the channel
        agreement = max(verdict.agreement, Match.DOUBT) if doubtful else verdict.agreement
        yield Proposal(
            agreement=agreement,
            rank=rank,
            place=place,
            at=at,
            field=field,
            why=verdict.why,
            distinct=contents.distinct,
        )


def _candidates(
    name: str, contents: ColumnProfile, account: AccountFieldIndex, *, by_cells: bool
) -> Iterator[tuple[str, int, int]]:
    """Yield candidate fields, each with its rank and its position among the known names."""
    own = account.names.get(name)
    is_named = own is not None
    if own:
        yield own, BY_ACCOUNT, 0
    for rank, table in ((BY_NAME, vocabulary.SURE_NAMES), (LIKELY, vocabulary.LIKELY_NAMES)):
        for field, known in table.items():
            called = name if name in known else vocabulary.without_ticket_noun(name)
            if field not in (vocabulary.KEY, own) and called in known:
                is_named = True
                yield field, rank, known.index(called)
    if by_cells:
        yield from _by_cells(contents, account, is_named=is_named)


def _by_cells(contents: ColumnProfile, account: AccountFieldIndex, *, is_named: bool) -> Iterator[tuple[str, int, int]]:
    if contents.kind is ContentKind.EMAIL:
        yield EMAIL, BY_CELLS, 0
    if contents.kind is ContentKind.PHONE:
        yield PHONE, BY_CELLS, 0
    # Names of persons are texts too, but of two words. A name that stands for another field weighs more than any text.
    if (
        not is_named
        and contents.kind is ContentKind.TEXT
        and contents.average_words >= _SENTENCE_WORDS
        and _FULL * contents.rows <= contents.distinct
    ):
        yield TITLE if contents.longest <= _TITLE_CHARS else DESCRIPTION, BY_CELLS, 0
    if contents.is_choice and len(contents.values) > 1 and contents.kind is ContentKind.TEXT:
        for field, each in account.fields.items():
            fitting = sum(value in (each.values or ()) for value, _ in contents.values)
            if fitting >= _FULL * len(contents.values):
                yield field, BY_CELLS, 1
