"""Which of several names was probably meant, and what tells two apart that look alike.

A header that went through a spreadsheet, a web page or a translator's keyboard may differ from what people read in it:
by blanks that don't break, characters of no width, letters of another script. Such a name is told as what it is.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator

# Letters that most typefaces draw as Latin ones, and what they look like; capitals by their small letters.
_CYRILLIC = dict(zip("аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅ", "aeopcyxijshdqwlABEKMHOPCTYXIJS", strict=True))
_GREEK = dict(zip("οανιρυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oavipuABEZHIKMNOPTYX", strict=True))
_OTHERS = dict(zip("ıɡɑ‐‑–−’‘“”", "iga----''\"\"", strict=True))
_LOOK_ALIKES = str.maketrans({**_CYRILLIC, **_GREEK, **_OTHERS})
_SPOILED_MARK = "\u00ef\u00bb\u00bf"  # a byte order mark of UTF-8 that a program took for three letters
_OUR_NAMES = {
    "\t": "tab",
    "\n": "line break",
    "\r": "line break",
    "\u00a0": "non-breaking blank",
    "\u202f": "narrow non-breaking blank",
    "\u00ad": "soft hyphen",
    "\u200b": "blank of no width",
    "\ufeff": "byte order mark",
}


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like ``word``; one that differs only in what hardly shows is the best of all.

    ``cutoff``: how like it has to be otherwise, from 0 (anything is) to 1.
    """
    candidates = list(known)
    for fold in (_folded, skeleton):
        folded = fold(word)
        for candidate in candidates:
            if fold(candidate) == folded:
                return candidate
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=cutoff)
    return found[0] if found else None


def skeleton(text: str) -> str:
    """What is left of a text for an eye that looks once: two that look alike have the same."""
    plain = unicodedata.normalize("NFKC", text.removeprefix(_SPOILED_MARK))
    seen = "".join(letter for letter in plain if unicodedata.category(letter) not in ("Cf", "Cc") or letter.isspace())
    return " ".join(seen.translate(_LOOK_ALIKES).casefold().split())


def difference(word: str, other: str) -> str:
    """What ``other`` has or lacks that can't be seen, as a clause: ``which has a non-breaking blank (U+00A0)``.

    Empty where the two don't look alike, or differ in what everyone sees, such as capital letters.
    """
    if skeleton(word) != skeleton(other) or word.casefold() == other.casefold():
        return ""
    ours, theirs = list(_oddities(word)), list(_oddities(other))
    has = [oddity for oddity in theirs if oddity not in ours]
    lacks = [oddity for oddity in ours if oddity not in theirs]
    told = [f"has {' and '.join(map(_with_article, has))}"] if has else []
    told += [f"has no {' and no '.join(lacks)}"] if lacks else []
    return f"which {' and '.join(told)}" if told else ""


def _folded(text: str) -> str:
    return text.strip().casefold()


def _oddities(text: str) -> Iterator[str]:
    """Everything about a text that an eye may miss, each only once."""
    if text.startswith(_SPOILED_MARK):
        yield "byte order mark that was read in the wrong encoding"
    if text[:1] == " ":
        yield "blank at its beginning"
    if text[-1:] == " ":
        yield "blank at its end"
    if re.search(r"\S {2,}\S", text):
        yield "double blank"
    for letter in dict.fromkeys(text):
        if name := _odd(letter):
            yield f"{name} (U+{ord(letter):04X})"


def _odd(letter: str) -> str:
    """What a character is, if it is not what it seems; empty for an ordinary one."""
    kind = unicodedata.category(letter)
    name = _OUR_NAMES.get(letter, "")
    if name or letter == " ":
        return name
    if kind in ("Zs", "Cf", "Cc"):
        return unicodedata.name(letter, "control character").lower()
    if kind == "Mn":
        return "accent that is a character of its own"
    for script, letters in {"Cyrillic letter": _CYRILLIC, "Greek letter": _GREEK, "character": _OTHERS}.items():
        if letter in letters:
            return f"{script} {letter}"
    return f"character {letter}" if unicodedata.normalize("NFKC", letter) != letter else ""


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
