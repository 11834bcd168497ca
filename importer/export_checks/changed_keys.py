"""Finds out whether unknown keys are known keys in another spelling, such as `HD-123` for `123`. Pure.

A key is unknown if the ledger has no ticket for it. Spellings are compared without surrounding blanks, case, leading
zeros and a final `.0`, and with or without one prefix without digits that all keys share.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_COMPARED = 20_000  # unknown keys; of more, a random sample is compared
_EXAMPLES = 3
_MOST_PREFIX_CHARS = 40
_FRACTION = re.compile(r"^([^0-9]*[0-9]+)\.0+$")
_ZEROS = re.compile(r"^(?:([^0-9]+)0+(?=[0-9])|0+(?=[0-9a-z]))")  # leading zeros, also after a prefix
_NO_DIGITS = re.compile(r"^[^0-9]*")
_NUMBER = re.compile(r"[^0-9]*0*([0-9]+)")  # a number after any prefix; its digits are the key's core

# A key in its compared spelling: a part for each key column.
_Parts = tuple[str, ...]
# A prefix: whether the new keys have it (else the known ones do), in which part, and its text.
_Prefix = tuple[bool, int, str]


@dataclass(frozen=True, kw_only=True)
class KeyResemblance:
    """How many of the ``compared`` unknown keys resemble known ones, with examples (unknown, known)."""

    compared: int
    alike: int
    examples: tuple[tuple[str, str], ...] = ()
    difference: str = ""


def may_be_alike(unknown: Sequence[str], known: int, *, compound: bool) -> bool:
    """Return whether ``known`` known keys are enough to resemble more than half of the unknown ones.

    A known key resembles only unknown keys with the same core.
    """
    cores = Counter(_core(_parts(key, compound=compound)) for key in unknown)
    return 2 * sum(size for _, size in cores.most_common(known)) > len(unknown)


class KeyMatches:
    """Unknown keys of an export, each with the known key of its source that it resembles.

    ``unknown``: distinct keys, at most ``MOST_COMPARED``. ``compound``: keys are JSON lists of the cells of several
    columns.
    """

    def __init__(self, unknown: Sequence[str], *, compound: bool) -> None:
        self._unknown = unknown
        self._compound = compound
        self._same: dict[_Parts, list[int]] = defaultdict(list)
        self._without_prefix: dict[_Parts, list[tuple[int, _Prefix]]] = defaultdict(list)
        self._cores: set[_Parts] = set()
        # Position of an unknown key -> known key: with the same spelling, and by each prefix.
        self._spelled: dict[int, str] = {}
        self._prefixed: dict[_Prefix, dict[int, str]] = defaultdict(dict)
        for position, key in enumerate(unknown):
            parts = _parts(key, compound=compound)
            self._same[parts].append(position)
            self._cores.add(_core(parts))
            for at, prefix, rest in _splits(parts):
                self._without_prefix[rest].append((position, (True, at, prefix)))

        # A key ends with its core. The ends of the cores, all of one length, tell most known keys apart quickly.
        self._end_chars = 0 if compound else min((len(core[0]) for core in self._cores), default=0)
        self._ends = {core[0][-self._end_chars :] for core in self._cores} if self._end_chars else set()

    def candidates(self, known: list[str]) -> list[str]:
        """Return the known keys that any unknown key could resemble: usually few."""
        if end := self._end_chars:
            known = [
                key
                for key in known
                if (plain := key.strip().casefold())[-end:] in self._ends or ("." in plain and plain.endswith("0"))
            ]
        return [key for key in known if self._may_match(key)]

    def _may_match(self, key: str) -> bool:
        number = None if self._compound else _NUMBER.fullmatch(key)  # a fast way for the most frequent form of keys
        return ((number[1],) if number else _core(_parts(key, compound=self._compound))) in self._cores

    def add(self, key: str) -> None:
        """Add the unknown keys that resemble a known key."""
        parts = _parts(key, compound=self._compound)
        for position in self._same.get(parts, ()):
            self._spelled.setdefault(position, key)
        for position, prefix in self._without_prefix.get(parts, ()):
            self._prefixed[prefix].setdefault(position, key)
        for at, prefix_text, rest in _splits(parts):
            for position in self._same.get(rest, ()):
                self._prefixed[False, at, prefix_text].setdefault(position, key)

    def best(self) -> KeyResemblance:
        """Return the result for the one prefix that explains most keys, besides those with the same spelling."""
        pairs, prefix = self._spelled, None
        for each, found in self._prefixed.items():
            both = {**found, **self._spelled}
            if len(both) > len(pairs):
                pairs, prefix = both, each
        shown = [(self._unknown[at], pairs[at]) for at in sorted(pairs)]
        difference = (
            _prefix_text(prefix) if prefix and len(self._spelled) < len(pairs) / 2 else _most_common_difference(shown)
        )
        return KeyResemblance(
            compared=len(self._unknown), alike=len(pairs), examples=tuple(shown[:_EXAMPLES]), difference=difference
        )


def _parts(key: str, *, compound: bool) -> _Parts:
    if not compound:
        return (_plain(key),)
    try:
        cells = json.loads(key)
    except ValueError:  # from a mapping with a key of one column
        cells = None
    return tuple(_plain(str(cell)) for cell in cells) if isinstance(cells, list) else (_plain(key),)


def _plain(cell: str) -> str:
    return _ZEROS.sub(r"\1", _FRACTION.sub(r"\1", cell.strip().casefold()))


def _core(parts: _Parts) -> _Parts:
    """Return the part of a key that does not change when a prefix without digits is added or removed."""
    return tuple(_ZEROS.sub(r"\1", _NO_DIGITS.sub("", part)) for part in parts)


def _splits(parts: _Parts) -> Iterator[tuple[int, str, _Parts]]:
    """Yield each prefix without digits of each part: position, prefix, and the parts without it."""
    for at, part in enumerate(parts):
        match = _NO_DIGITS.match(part)
        longest = min(match.end() if match else 0, len(part) - 1, _MOST_PREFIX_CHARS)
        for end in range(1, longest + 1):
            rest = _ZEROS.sub(r"\1", part[end:].strip())
            yield at, part[:end], (*parts[:at], rest, *parts[at + 1 :])


def _prefix_text(prefix: _Prefix) -> str:
    is_new, _, text = prefix
    return f"the prefix {text!r} was added to the keys" if is_new else f"the prefix {text!r} is missing from the keys"


def _most_common_difference(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the difference that most pairs have."""
    found = Counter(_difference(new, old) for new, old in pairs).most_common(1)
    return found[0][0] if found else ""


def _difference(new: str, old: str) -> str:
    if new.strip() == old.strip():
        return "blanks around the keys"
    if new.strip().casefold() == old.strip().casefold():
        return "upper and lower case"
    if _FRACTION.sub(r"\1", new.strip()) == _FRACTION.sub(r"\1", old.strip()):
        return "whole numbers became decimal ones such as 1.0, or the other way round"
    return "leading zeros were lost or added, as a spreadsheet does"
