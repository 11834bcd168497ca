"""Which encodings a text that is not UTF-8 may have, judged by its words."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from importer.manifest.delimited.undecodable import blocks

_GUESS_BYTES = 1 << 15
_GUESS_BYTES_PER_BLOCK = 1 << 12

# What exports are really written in; a guess among all of Python's codecs finds exotic ones for every short text.
_PLAUSIBLE = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp437", "cp850", "cp852", "cp866", "mac_roman"),
]
_MOST_LIKELY = "cp1252"
_EASTERN = frozenset({"cp932", "euc_jp", "gb18030", "big5", "cp949"})

# Letters beyond ASCII of the languages that share the Latin code pages, which differ in nothing else.
_WESTERN = ("äöüß", "àâæçéèêëîïôœùûü", "áéíóúñü¿¡ºª", "àáâãçéêíóôõúü", "àèéìòù", "åäöæøé", "éëïóöüè", "áéíóúýðþæö")
_ALPHABETS = {
    "cp1252": _WESTERN,
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıöşü\u0307âî",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž"),
}
_ALPHABETS["iso8859_2"] = _ALPHABETS["cp852"] = _ALPHABETS["cp1250"]
_ALPHABETS["cp850"] = _ALPHABETS["cp437"] = _ALPHABETS["mac_roman"] = _WESTERN
_TYPOGRAPHY = "€–—‘’“”„‚«»…•·°§©®™£²³¹µ½¼¾±×÷¢¥¬¶\u00a0"
# Signs between two letters, some before one or behind a word, and a letter that no word begins with: of these the words
# are another encoding's.
_MISSPELT = re.compile(
    r"(?<=[^\W\d_])[“”„‚«»•§©®™£](?=[^\W\d_])|[£²³¹½¼¾±÷¢¥¬¶](?=[^\W\d_])|(?<=[^\W\d_]{3})[£²³¹½¼¾¥]|\bð"
)

_LIKELY_COHERENCE = 0.5
_LIKELY_LETTERS = 8
_LEAST_READABLE = 0.5  # of the cells, in an encoding that is the right one for them
_LEAST_READABLE_OF_SCRIPTS = 0.9
_TIE = 0.02  # of charset-normalizer's measure of disorder, where 0.2 is rubbish

# Cells are cut out at bytes that no multi-byte encoding uses as the second half of a character.
# A search begins where a cell does, and nowhere within one: else a long cell takes its length squared.
_CELL = re.compile(rb"(?<![^\n\r,;\t\"])[^\n\r,;\t\"\x80-\xff]*+[\x80-\xff][^\n\r,;\t\"]*+")

_HIGH = re.compile(rb"[\x80-\xff]")
_EXAMPLE_BYTES = 40

# Scripts other than Latin are written beyond ASCII throughout, in Latin ones such letters stand alone or in pairs.
_LONG_RUN = re.compile(rb"[\x80-\xff]{3}")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An encoding that the words speak for; ``likely``: clearly so, and not only for want of a better one."""

    codec: str
    likely: bool


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Cells with bytes beyond ASCII from all over a file: accents may come first in its last row.

    ``cells``: how often each was seen; each counts once for its words.
    """

    cells: dict[bytes, int]

    @functools.cached_property
    def content(self) -> bytes:
        """All cells, a line each."""
        return b"\n".join(self.cells)

    def readable(self, codec: str) -> Sample:
        """The cells that are text in the encoding."""
        return Sample(cells={cell: seen for cell, seen in self.cells.items() if _is_text(cell, codec)})

    @classmethod
    def of(cls, path: Path) -> Sample:
        """Gather cells of the whole file, no more of each megabyte than the size of the sample allows."""
        cells: dict[bytes, int] = {}  # keeps its order, so that the same file gives the same answer
        size_bytes = 0
        for block in blocks(path):
            taken_bytes = 0
            for match in _CELL.finditer(block):
                cell = match.group()
                if len(cell) > _GUESS_BYTES_PER_BLOCK:
                    continue
                cells[cell] = cells.get(cell, 0) + 1
                if cells[cell] > 1:
                    continue
                taken_bytes += len(cell)
                if taken_bytes > _GUESS_BYTES_PER_BLOCK and size_bytes + taken_bytes > _GUESS_BYTES:
                    break
            size_bytes += taken_bytes
        return cls(cells=cells)

    def example(self, codec: str) -> str:
        """A short cell as the encoding reads it, for a person to judge by."""

        def rank(cell: bytes) -> tuple[bool, bool, int]:
            # One that is the same in the most likely encoding would say nothing.
            is_same = codec != _MOST_LIKELY and cell.decode(codec, "replace") == cell.decode(_MOST_LIKELY, "replace")
            return is_same, len(cell.strip()) > _EXAMPLE_BYTES, -len(_HIGH.findall(cell))

        cells = sorted(self.cells, key=rank)
        text = " ".join(cells[0].decode(codec, "replace").split()) if cells else ""
        return text if len(text) <= _EXAMPLE_BYTES else f"{text[: _EXAMPLE_BYTES - 1]}…"


def _is_text(cell: bytes, codec: str) -> bool:
    try:
        cell.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def candidates(sample: Sample) -> list[Candidate]:
    """Order the plausible encodings, best first. A tie goes to Windows-1252, by far the most frequent of them.

    One in which a few cells are no text comes first if the words of the others speak for it: a stray byte must not turn
    all of them into those of an encoding that happens to have a sign for it.
    """
    fitting = _ranked(sample)
    if fitting and fitting[0].codec in _ALPHABETS and _spelling(sample, fitting[0].codec) == 1:
        return fitting  # all of it is text, and spelled well
    is_clear = any(candidate.likely for candidate in fitting)
    spoiled = (_spoiled(sample, codec, is_clear=is_clear) for codec in _PLAUSIBLE)
    best = next((candidate for candidate in spoiled if candidate is not None), None)
    return fitting if best is None else [best, *fitting]


def _spoiled(sample: Sample, codec: str, *, is_clear: bool) -> Candidate | None:
    """The encoding, if it is the best for the cells that are text in it, and the others are few.

    ``is_clear``: whether there is a likely one in which all are text.
    """
    readable = sample.readable(codec)
    share = sum(readable.cells.values()) / max(sum(sample.cells.values()), 1)
    if not _LEAST_READABLE <= share < 1:
        return None
    best = next(iter(_ranked(readable)), None)
    if best is None or best.codec != codec:
        return None
    # Of the letters of Latin languages few are enough; what fits other scripts by accident must fit nearly throughout.
    is_sure = share >= _LEAST_READABLE_OF_SCRIPTS and (best.likely or not is_clear)
    return best if codec in _ALPHABETS or is_sure else None


def _matches(content: bytes) -> list[charset_normalizer.CharsetMatch]:
    matches = list(charset_normalizer.from_bytes(content, cp_isolation=_PLAUSIBLE))
    if not matches:  # it passes over encodings that are like one that it refused, and one of these may be right
        alone = (charset_normalizer.from_bytes(content, cp_isolation=[codec]) for codec in _PLAUSIBLE)
        matches = sorted(itertools.chain.from_iterable(alone))
    return matches


def _ranked(sample: Sample) -> list[Candidate]:
    matches = _matches(sample.content)
    coherence = {match.encoding: match.coherence for match in matches}
    tied: dict[str, float] = {}  # with their coherence
    for match in matches:
        if match.chaos <= matches[0].chaos + _TIE:
            alike = (codec for codec in match.could_be_from_charset if codec in _PLAUSIBLE)
            tied |= dict.fromkeys([match.encoding, *alike], match.coherence)
    has_runs = _LONG_RUN.search(sample.content) is not None
    # A few lone accents speak for no language, and charset-normalizer then has no preference, not even an opinion.
    if not has_runs and not any(coherence.values()):
        tied = {_MOST_LIKELY: 0.0} | tied
    # Eastern words have such runs, and characters of two bytes; else it is accents that are taken for some.
    order = sorted(tied, key=lambda codec: codec in _EASTERN and not (has_runs and _doubles(sample, codec)))
    if order and order[0] in _ALPHABETS:
        spelling = {codec: _spelling(sample, codec) for codec in order}
        # Where there are signs and no letters, no words speak for a language that would have letters there.
        signs = not _letters(sample, _MOST_LIKELY)
        order.sort(
            key=lambda codec: (-spelling[codec], signs and codec != _MOST_LIKELY, -tied[codec], codec != _MOST_LIKELY)
        )
        is_clear = spelling[order[0]] == 1 and len(_HIGH.findall(sample.content)) >= _LIKELY_LETTERS
    else:
        is_clear = bool(order) and _is_clear(order[0], coherence, sample)
    ranked = dict.fromkeys([*order, *coherence])
    return [Candidate(codec=codec, likely=is_clear and not at) for at, codec in enumerate(ranked)]


def _is_clear(codec: str, coherence: dict[str, float], sample: Sample) -> bool:
    """Whether words are known in it, or many characters fit their double bytes, as they do by accident only."""
    if codec in _EASTERN:
        others = (
            other for other in _EASTERN if other != codec and len(sample.readable(other).cells) == len(sample.cells)
        )
        return _doubles(sample, codec) >= _LIKELY_LETTERS and (
            coherence.get(codec, 0.0) >= _LIKELY_COHERENCE or next(others, None) is None
        )
    return coherence.get(codec, 0.0) >= _LIKELY_COHERENCE


def _doubles(sample: Sample, codec: str) -> int:
    """How many bytes are the second of a character; those of half-width katakana are one each, and fit any bytes."""
    return len(sample.content) - len(sample.content.decode(codec, "replace"))


def _letters(sample: Sample, codec: str) -> list[str]:
    text = sample.content.decode(codec, "replace").lower()
    return [character for character in text if not character.isascii() and character not in _TYPOGRAPHY]


def _spelling(sample: Sample, codec: str) -> float:
    """The share of the letters beyond ASCII that the best of the code page's languages has."""
    letters = _letters(sample, codec)
    wrong = len(_MISSPELT.findall(sample.content.decode(codec, "replace").lower()))
    if not letters and not wrong:
        return 1.0 if codec == _MOST_LIKELY else 0.0
    alphabets = _ALPHABETS.get(codec, ("",))
    return max(sum(letter in alphabet for letter in letters) for alphabet in alphabets) / (len(letters) + wrong)
