"""Decides on a field for each column, how sure that is, and what the user must decide."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as part
from types import MappingProxyType

from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.leadsquared.documented_fields import DESCRIPTION, LEAD_IDENTIFIERS, TITLE
from importer.suggest import vocabulary
from importer.suggest.column_profile import ColumnProfile, ContentKind
from importer.suggest.content_match import Match
from importer.suggest.key_choice import KeyDecision, choose_key
from importer.suggest.proposals import BY_CELLS, LIKELY, AccountFieldIndex, Proposal, proposals
from importer.suggest.rule_options import RuleOptions, suggest_rule


class Confidence(enum.Enum):
    """How sure a decision is."""

    SURE = "sure"
    GUESS = "guess"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, kw_only=True)
class ColumnDecision:
    """The decision for a column. ``field``: empty if not known; ``rule``: the other keys of its rule.

    ``why``: the reason for a guess, or for leaving the column unmapped. ``guess``: the part of the rule that is a guess
    even if the field is sure. ``note``: what the user should check.
    """

    column: str
    confidence: Confidence
    field: str = ""
    rule: RuleOptions = part(default_factory=dict)
    why: str = ""
    guess: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All decisions in the manifest's order. The key's column is left out if it has no field."""

    key: KeyDecision
    decisions: tuple[ColumnDecision, ...]
    unfilled: tuple[AccountField, ...] = ()  # required by the account

    @property
    def has_lead(self) -> bool:
        """Whether a column identifies the lead."""
        mapped = (each.field for each in self.decisions if each.confidence is not Confidence.UNMAPPED)
        return any(field in LEAD_IDENTIFIERS for field in mapped)

    @property
    def counts(self) -> Mapping[Confidence, int]:
        """Number of columns that are sure, that are a guess in any part, and that are unmapped."""
        found = [Confidence.GUESS if each.guess else each.confidence for each in self.decisions]
        return {confidence: found.count(confidence) for confidence in Confidence}


@dataclass(frozen=True, kw_only=True)
class FileColumns:
    """Columns that name files: ``used`` become attachments; the files of ``left`` are not there.

    ``root``: relative to the manifest, empty for its folder. ``why``: what is not certain.
    """

    used: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    root: str = ""
    separator: str = ""
    why: str = ""


Left = Mapping[tuple[str, str], ColumnDecision]  # column and field -> why the column is not for that field


def draft(
    columns: Mapping[str, ColumnProfile], fields: AccountFields | None, left: Left = MappingProxyType({})
) -> Draft:
    """Decide on every column.

    ``fields``: the account's, if they are known. ``left``: decisions to leave a column; with an empty field it is for
    no field at all.
    """
    account = AccountFieldIndex(fields)
    key = choose_key({column: each for column, each in columns.items() if (column, "") not in left}, account)
    found = sorted(
        (
            proposal
            for at, (column, contents) in enumerate(columns.items())
            if column != key.column and (column, "") not in left
            for proposal in proposals(at, column, contents, account)
            if (column, proposal.field) not in left
        ),
        key=lambda proposal: proposal.order,
    )
    chosen: dict[int, Proposal] = {}
    taken = {key.field: key.column} if key.field else {}
    names = list(columns)
    for proposal in found:
        if proposal.agreement is not Match.NO and proposal.at not in chosen and proposal.field not in taken:
            chosen[proposal.at] = proposal
            taken[proposal.field] = names[proposal.at]
    of_column = {column: decision for (column, _), decision in left.items()}
    decisions = []
    for at, (column, contents) in enumerate(columns.items()):
        if column == key.column:
            decisions += _key_decision(key)
        elif at in chosen:
            rivals = _rivals(chosen, at, found, columns)
            decisions.append(_decision(column, contents, chosen[at], rivals, account))
        else:
            own = [proposal for proposal in found if proposal.at == at]
            decisions.append(of_column.get(column) or _left(column, contents, own, taken))
    unfilled = tuple(each for each in account.demanded if each.schema_name not in taken)
    return Draft(key=key, decisions=tuple(decisions), unfilled=unfilled)


def _rivals(
    chosen: Mapping[int, Proposal], at: int, found: Sequence[Proposal], columns: Mapping[str, ColumnProfile]
) -> str:
    """Return text about other columns that could be the field of column ``at``; or empty."""
    field, names, looked = chosen[at].field, list(columns), list(columns.values())
    others = [each for each in found if each.field == field and each.at != at]
    if plain := [names[each.at] for each in others if each.is_plain]:
        return f"{_named(plain)} could be {field} as well"
    for each in others:
        free = each.agreement is Match.YES and each.at not in chosen
        if field in LEAD_IDENTIFIERS and free and looked[each.at].distinct > looked[at].distinct:
            return f"column {names[each.at]!r} has more different {looked[at].kind}"
    return ""


def _named(columns: Sequence[str]) -> str:
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(map(repr, columns))}"


def _decision(
    column: str, contents: ColumnProfile, chosen: Proposal, rivals: str, account: AccountFieldIndex
) -> ColumnDecision:
    further = suggest_rule(chosen.field, contents, account.fields.get(chosen.field))
    why = rivals or _doubt(chosen, contents)
    return ColumnDecision(
        column=column,
        confidence=Confidence.GUESS if why else Confidence.SURE,
        field=chosen.field,
        rule=further.rule,
        why=why,
        guess=further.guess,
        note=further.note,
    )


def _doubt(chosen: Proposal, contents: ColumnProfile) -> str:
    """Return why a choice is a guess; empty if it is not."""
    often = f"a column with this name often is {chosen.field}"
    if chosen.rank == BY_CELLS:
        of_account = chosen.field not in (*LEAD_IDENTIFIERS, TITLE, DESCRIPTION)
        by_cells = f"by its cells: {f'values of {chosen.field}' if of_account else contents.kind}"
        return f"{by_cells}, but {chosen.why}" if chosen.why else by_cells
    if chosen.agreement is not Match.YES:
        return chosen.why or often
    return often if chosen.rank == LIKELY else ""


def _key_decision(key: KeyDecision) -> list[ColumnDecision]:
    if not key.field:
        return []
    why = key.field_why or key.why
    confidence = Confidence.GUESS if why else Confidence.SURE
    return [ColumnDecision(column=key.column, confidence=confidence, field=key.field, why=why)]


def _left(column: str, contents: ColumnProfile, own: Sequence[Proposal], taken: Mapping[str, str]) -> ColumnDecision:
    why = "no field is known for this column"
    if vocabulary.is_conversation(column):
        why = "by its name it is a conversation or notes, and no field is known for them"
    elif contents.kind is ContentKind.TEXT and vocabulary.is_whole_name(column):
        why = "TODO: first and last name; mappings/zendesk.yaml shows how to split them"
    # The name tells the user more than a field that the cells might fit too; any text might be a title.
    own = [each for each in own if each.rank < BY_CELLS or each.field not in (TITLE, DESCRIPTION)]
    best = next((each for each in own if each.rank < BY_CELLS), own[0] if own else None)
    if contents.kind is ContentKind.EMPTY:
        why = "empty in all rows of the sample"
    elif best is not None and best.field in taken and best.agreement is not Match.NO:
        why = f"not used: {best.field} is already filled from column {taken[best.field]!r}"
    elif best is not None and best.why:
        why = f"TODO: by its {'cells' if best.rank == BY_CELLS else 'name'} it is {best.field}, but {best.why}"
    elif contents.kind is ContentKind.URL:
        why = "web addresses: files have to be downloaded before they can be attachments"
    return ColumnDecision(column=column, confidence=Confidence.UNMAPPED, why=why)
