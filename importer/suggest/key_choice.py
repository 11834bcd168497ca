"""Chooses the column that identifies rows: by its name first, then by how many of its values differ. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from importer.suggest import vocabulary
from importer.suggest.column_profile import ColumnProfile, ContentKind
from importer.suggest.proposals import AccountFieldIndex

_CHARS = 60
_ROWS = 20  # in fewer rows, many columns have different values by chance
_WORD = re.compile(r"(?:\A| )(?:id|key|nr|no|number|nummer|uuid|guid)\Z")
# The least share of different values in the rows, for names that always, often or perhaps mean the key.
_SURE, _OFTEN, _MAYBE = 0.9, 0.98, 0.99
_ODD = frozenset(
    {
        ContentKind.TIME,
        ContentKind.EMAIL,
        ContentKind.EMAILS,
        ContentKind.PHONE,
        ContentKind.FILE,
        ContentKind.URL,
    }
)


@dataclass(frozen=True, kw_only=True)
class KeyDecision:
    """The column that identifies rows; empty for the whole row. ``why``: the reason, if it is a guess.

    ``field``: the account's field for the key; ``field_why``: the reason, if that is a guess.
    """

    column: str = ""
    field: str = ""
    why: str = ""
    field_why: str = ""


def choose_key(columns: Mapping[str, ColumnProfile], account: AccountFieldIndex) -> KeyDecision:
    """Choose the key among columns that are different in each row, or nearly so if the name is a key's."""
    names = {column: vocabulary.normalized(column) for column in columns}
    sure = sorted(_named(columns, names))
    if sure:
        column = sure[0][-1]
        others = [f"column {each[-1]!r} identifies rows, too" for each in sure[1:2]]
        why = "; ".join([*repeated_values(columns[column]), *others])
    elif likely := _likely(columns, names):
        column = likely[0]
        why = "; ".join(repeated_values(columns[column])) or "it has a different value in each row of the sample"
    else:
        return KeyDecision(why=f"{_no_key(columns, names)}; with this key an edited row is a new row")
    if account.names.get(names[column], "") in (carriers := account.texts):
        return KeyDecision(column=column, field=account.names[names[column]], why=why)
    of_keys = [
        name
        for name in carriers
        if vocabulary.normalized(name.rpartition(".")[2]) in vocabulary.SURE_NAMES[vocabulary.KEY]
    ]
    field_why = "by its name, this field is for keys of another system" if len(of_keys) == 1 else ""
    return KeyDecision(column=column, field=of_keys[0] if field_why else "", why=why, field_why=field_why)


def repeated_values(contents: ColumnProfile) -> list[str]:
    """Return what keeps a column from being different in each row, such as ``'7' is in 2 rows``."""
    found = []
    if repeated := contents.filled - contents.distinct:
        value, count = contents.most_frequent
        example = f", such as {value!r} in {count:,} rows" if value else ""
        duplicates = "1 row is a duplicate" if repeated == 1 else f"{repeated:,} rows are duplicates"
        found.append(f"{contents.distinct:,} of {contents.filled:,} values are different: {duplicates}{example}")
    if empty := contents.rows - contents.filled:
        found.append("1 cell is empty" if empty == 1 else f"{empty:,} cells are empty")
    return found


def _named(columns: Mapping[str, ColumnProfile], names: Mapping[str, str]) -> list[tuple[bool, int, str]]:
    """Return the columns that a name surely means the key of: those that are different in each row sort first."""
    keys = vocabulary.SURE_NAMES[vocabulary.KEY]
    return [
        (not columns[column].is_key, keys.index(name), column)
        for column, name in names.items()
        if name in keys and _share(columns[column]) >= _SURE
    ]


def _likely(columns: Mapping[str, ColumnProfile], names: Mapping[str, str]) -> list[str]:
    """Return the columns that may be the key by their names; if there are none, by their values."""
    often = [column for column, name in names.items() if _share(columns[column]) >= _least_share(name)]
    return often or [
        column
        for column, contents in columns.items()
        if contents.is_key
        and contents.rows >= _ROWS
        and contents.longest <= _CHARS
        and contents.kind not in _ODD
        and contents.average_words == 1
    ]


def _least_share(name: str) -> float:
    """Return the least share of different values with which a column of this name may be the key."""
    if name in vocabulary.LIKELY_NAMES[vocabulary.KEY]:
        return _OFTEN
    if _WORD.search(name) is None:
        return math.inf
    return 1 if vocabulary.is_field(name) else _MAYBE


def _share(contents: ColumnProfile) -> float:
    """Return the share of rows with a value of their own; 0 if too few rows are there to forgive a repeated one."""
    if contents.is_key:
        return 1
    return contents.distinct / contents.rows if contents.rows >= _ROWS / 2 else 0


def _no_key(columns: Mapping[str, ColumnProfile], names: Mapping[str, str]) -> str:
    keys = vocabulary.SURE_NAMES[vocabulary.KEY]
    for column, name in names.items():
        if name in keys and columns[column].filled:
            contents = columns[column]
            return f"column {column!r} has {contents.distinct:,} different values in {contents.rows:,} rows"
    return "no column has a different value in each row"
