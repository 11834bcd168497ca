"""Checks whether the cells of a column agree with a field that its name suggests. Pure."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass

from importer.account_fields.ticket_fields import AccountField
from importer.leadsquared import documented_fields as api
from importer.suggest import vocabulary
from importer.suggest.column_profile import FEW, ColumnProfile, ContentKind

_HALF = 0.5
_FULL = 0.9
_FEW_LEVELS = 6  # of priorities that are numbers
_OFTEN = 10  # rows per address, on average
_PHONE_DIGITS = range(7, 16)
_MIN_FOR_CHOICE = 10  # in fewer rows, choices and texts look alike
_PHRASE_WORDS = 2


class Match(enum.IntEnum):
    """How well cells and field agree."""

    YES = 0
    FEW = 1  # of the right kind, but few cells are filled or different
    DOUBT = 2
    EMPTY = 3
    NO = 4


@dataclass(frozen=True, slots=True)
class ContentMatch:
    """Result of a comparison. ``why``: the reason if it is not YES."""

    agreement: Match
    why: str = ""


_YES = ContentMatch(Match.YES)
_Check = Callable[[ColumnProfile], ContentMatch]


def match_contents(field: str, contents: ColumnProfile, of_account: AccountField | None) -> ContentMatch:
    """Compare cells with a field. ``of_account``: the account's description of the field, if known."""
    if contents.kind is ContentKind.EMPTY:
        return ContentMatch(Match.EMPTY, "its cells are empty in all rows of the sample")
    if field in api.LEAD_IDENTIFIERS and contents.distinct == 1 and contents.filled >= _MIN_FOR_CHOICE:
        return ContentMatch(Match.NO, f"{_few(contents)}, so it does not identify the lead of a ticket")
    if of_account is not None and of_account.is_select and of_account.values is not None:
        return _configured(field, contents, of_account.values)
    if field in _CHECKS:
        return _CHECKS[field](contents)
    return _of_data_type(contents, of_account) if of_account is not None else ContentMatch(Match.DOUBT)


def _configured(field: str, contents: ColumnProfile, values: tuple[str, ...]) -> ContentMatch:
    if not contents.values:
        return ContentMatch(Match.NO, f"it has {contents.distinct:,} different values, too many for a list of choices")
    found = sum(bool(vocabulary.matching_value(field, value, values)) for value, _ in contents.values)
    if found >= _HALF * len(contents.values):
        return _YES
    return ContentMatch(Match.DOUBT, f"the account knows {found} of its {len(contents.values)} values")


def _title(contents: ColumnProfile) -> ContentMatch:
    if contents.kind is not ContentKind.TEXT:
        return ContentMatch(Match.NO, f"it has {contents.kind}")
    if contents.filled < _FULL * contents.rows:
        agreement = Match.FEW if contents.filled >= _HALF * contents.rows else Match.DOUBT
        return ContentMatch(agreement, f"{contents.rows - contents.filled:,} of {contents.rows:,} cells are empty")
    if contents.is_choice and contents.rows >= _MIN_FOR_CHOICE:
        # Few single words are rather forms of address, such as Mr, or categories.
        return ContentMatch(Match.FEW if contents.average_words >= _PHRASE_WORDS else Match.DOUBT, _few(contents))
    return _YES


def _few(contents: ColumnProfile) -> str:
    if contents.distinct == 1:
        return f"all its {contents.kind} are the same"
    return f"it has only {contents.distinct} different {contents.kind}"


def _description(contents: ColumnProfile) -> ContentMatch:
    if contents.kind is not ContentKind.TEXT:
        return ContentMatch(Match.DOUBT, f"it has {contents.kind}")
    if contents.is_choice and contents.rows >= _MIN_FOR_CHOICE:
        return ContentMatch(Match.FEW, _few(contents))
    return _YES


def _choice(field: str, contents: ColumnProfile) -> ContentMatch:
    if not contents.values or contents.kind not in (ContentKind.TEXT, ContentKind.INTEGER):
        what = f"{contents.distinct:,} different values" if contents.kind is ContentKind.TEXT else contents.kind
        return ContentMatch(Match.NO, f"it has {what}")
    levels = field == api.PRIORITY and contents.kind is ContentKind.INTEGER and contents.distinct <= _FEW_LEVELS
    if levels or vocabulary.share_of_known_values(field, [value for value, _ in contents.values]) >= _HALF:
        return _YES
    return ContentMatch(Match.DOUBT, f"its values are not the usual ones of a {field}")


def _sub_type(contents: ColumnProfile) -> ContentMatch:
    return (
        _YES
        if contents.kind is ContentKind.TEXT and contents.is_choice
        else ContentMatch(Match.DOUBT, "no list of choices")
    )


def _tags(contents: ColumnProfile) -> ContentMatch:
    return _YES if contents.kind is ContentKind.TEXT else ContentMatch(Match.DOUBT, f"it has {contents.kind}")


def _time(contents: ColumnProfile) -> ContentMatch:
    if contents.dates is None:
        return ContentMatch(Match.NO, f"it has {contents.kind}, and no dates in one format")
    if contents.dates.is_ambiguous:
        ways = " or ".join(contents.dates.formats)
        return ContentMatch(Match.NO, f"its dates can be read in two ways ({contents.dates.example}: {ways})")
    if contents.dates.swapped_formats:
        ways = " or ".join((*contents.dates.formats, *contents.dates.swapped_formats))
        return ContentMatch(Match.DOUBT, f"day and month are the same in all its dates, so they may be {ways}")
    return _YES


def _phone(contents: ColumnProfile) -> ContentMatch:
    if contents.kind is ContentKind.PHONE:
        return _YES
    if contents.kind is ContentKind.INTEGER and contents.longest in _PHONE_DIGITS:
        return ContentMatch(Match.DOUBT, "its numbers have neither a + nor a blank")
    return ContentMatch(Match.NO, f"it has {contents.kind}")


def _email(contents: ColumnProfile) -> ContentMatch:
    if contents.kind is not ContentKind.EMAIL:
        return ContentMatch(Match.NO, f"it has {contents.kind}")
    # A few addresses in many rows may be mailboxes of the helpdesk, not requesters.
    if contents.distinct <= FEW and _OFTEN * contents.distinct <= contents.filled:
        return ContentMatch(Match.DOUBT, _few(contents))
    return _YES


def _name(contents: ColumnProfile) -> ContentMatch:
    return _YES if contents.kind is ContentKind.TEXT else ContentMatch(Match.NO, f"it has {contents.kind}")


def _only(*kinds: ContentKind) -> _Check:
    return lambda contents: _YES if contents.kind in kinds else ContentMatch(Match.NO, f"it has {contents.kind}")


def _of_data_type(contents: ColumnProfile, field: AccountField) -> ContentMatch:
    kind = field.data_type.casefold().replace(" ", "")
    if kind in ("date", "datetime"):
        return _time(contents)
    if field.is_number:
        return _only(ContentKind.INTEGER, ContentKind.NUMBER)(contents)
    check = _BY_DATA_TYPE.get(kind)
    return (
        check(contents)
        if check is not None
        else ContentMatch(Match.DOUBT, f"the account's field is a {field.data_type}")
    )


def _any(_contents: ColumnProfile) -> ContentMatch:
    return _YES


_BY_DATA_TYPE: dict[str, _Check] = {
    "boolean": _only(ContentKind.BOOLEAN),
    "email": _only(ContentKind.EMAIL),
    "phone": _phone,
    "text": _any,
}
_CHECKS: dict[str, _Check] = {
    api.TITLE: _title,
    api.DESCRIPTION: _description,
    api.STATUS: functools.partial(_choice, api.STATUS),
    api.PRIORITY: functools.partial(_choice, api.PRIORITY),
    api.CHANNEL: functools.partial(_choice, api.CHANNEL),
    api.TYPE: functools.partial(_choice, api.TYPE),
    api.SUB_TYPE: _sub_type,
    api.TAGS: _tags,
    api.CC: _only(ContentKind.EMAIL, ContentKind.EMAILS),
    api.DUE: _time,
    api.LEAD_ID: _only(ContentKind.GUID),
    api.EMAIL: _email,
    api.PHONE: _phone,
    api.FIRST_NAME: _name,
    api.LAST_NAME: _name,
}
