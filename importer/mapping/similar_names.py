"""Finds the known name that a wrong name probably means, and names differences that the eye can't see.

A header that went through a spreadsheet or a web page may hold non-breaking blanks, characters of no width, or letters
of another script that look like Latin ones.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator

# Letters that most typefaces draw like Latin ones.
_CYRILLIC = dict(zip("аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅ", "aeopcyxijshdqwlABEKMHOPCTYXIJS", strict=True))
_GREEK = dict(zip("οανιρυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oavipuABEZHIKMNOPTYX", strict=True))
_OTHERS = dict(zip("ıɡɑ‐‑–−’‘“”", "iga----''\"\"", strict=True))
_LOOK_ALIKES = str.maketrans({**_CYRILLIC, **_GREEK, **_OTHERS})
_MISREAD_BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf"  # UTF-8's, decoded as Latin-1
_CHARACTER_NAMES = {
    "\t": "tab",
    "\n": "line break",
    "\r": "line break",
    "\u00a0": "non-breaking blank",
    "\u202f": "narrow non-breaking blank",
    "\u00ad": "soft hyphen",
    "\u200b": "blank of no width",
    "\ufeff": "byte order mark",
}


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `` (did you mean 'x'?)`` for the most similar known word, or an empty text.

    A difference that can't be seen is named: ``(did you mean 'x', which has a non-breaking blank (U+00A0)?)``.
    """
    best = closest_name(word, known, cutoff)
    if best is None:
        return ""
    hidden = invisible_difference(word, best)
    return f" (did you mean {best!r}, {hidden}?)" if hidden else f" (did you mean {best!r}?)"


def closest_name(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that is most similar to ``word``; one that looks the same comes first.

    ``cutoff``: the least similarity of any other, from 0 (any word) to 1 (the same word), as in ``difflib``.
    """
    candidates = list(known)
    for simplify in (_folded, visual_skeleton):
        simple = simplify(word)
        for candidate in candidates:
            if simplify(candidate) == simple:
                return candidate
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=cutoff)
    return found[0] if found else None


def visual_skeleton(text: str) -> str:
    """Return a text without everything that the eye misses; two texts that look alike have the same one."""
    plain = unicodedata.normalize("NFKC", text.removeprefix(_MISREAD_BYTE_ORDER_MARK))
    seen = "".join(letter for letter in plain if unicodedata.category(letter) not in ("Cf", "Cc") or letter.isspace())
    return " ".join(seen.translate(_LOOK_ALIKES).casefold().split())


def invisible_difference(word: str, other: str) -> str:
    """Return what ``other`` has or lacks that can't be seen: ``which has a non-breaking blank (U+00A0)``.

    Empty if the two do not look alike, or if the difference can be seen.
    """
    if visual_skeleton(word) != visual_skeleton(other) or word.casefold() == other.casefold():
        return ""
    in_word, in_other = list(_hidden_features(word)), list(_hidden_features(other))
    added = [feature for feature in in_other if feature not in in_word]
    missing = [feature for feature in in_word if feature not in in_other]
    clauses = [f"has {' and '.join(map(_with_article, added))}"] if added else []
    clauses += [f"has no {' and no '.join(missing)}"] if missing else []
    return f"which {' and '.join(clauses)}" if clauses else ""


def _folded(text: str) -> str:
    return text.strip().casefold()


def _hidden_features(text: str) -> Iterator[str]:
    """Yield everything in a text that the eye may miss."""
    if text.startswith(_MISREAD_BYTE_ORDER_MARK):
        yield "byte order mark that was read in the wrong encoding"
    if text[:1] == " ":
        yield "blank at its beginning"
    if text[-1:] == " ":
        yield "blank at its end"
    if re.search(r"\S {2,}\S", text):
        yield "double blank"
    for letter in dict.fromkeys(text):
        if name := _hidden_character(letter):
            yield f"{name} (U+{ord(letter):04X})"


def _hidden_character(letter: str) -> str:
    """Return the name of a character that can't be seen or looks like another; empty for an ordinary one."""
    kind = unicodedata.category(letter)
    name = _CHARACTER_NAMES.get(letter, "")
    if name or letter == " ":
        return name
    if kind in ("Zs", "Cf", "Cc"):
        return unicodedata.name(letter, "control character").lower()
    if kind == "Mn":
        return "separate accent"
    for script, letters in {"Cyrillic letter": _CYRILLIC, "Greek letter": _GREEK, "character": _OTHERS}.items():
        if letter in letters:
            return f"{script} {letter}"
    return f"character {letter}" if unicodedata.normalize("NFKC", letter) != letter else ""


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
