"""Ranks the encodings that a text may have if it is not UTF-8, by the words in it."""

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

# Encodings that exports really have: among all of Python's codecs, a short text would fit exotic ones.
_PLAUSIBLE = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp437", "cp850", "cp852", "cp866", "mac_roman"),
]
_MOST_LIKELY = "cp1252"
_EAST_ASIAN = frozenset({"cp932", "euc_jp", "gb18030", "big5", "cp949"})

# Non-ASCII letters of the languages with Latin code pages: only these letters tell the code pages apart.
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
# Signs between two letters, before a letter or after a word, and a letter that no word begins with: words with these
# are in another encoding.
_MISSPELT = re.compile(
    r"(?<=[^\W\d_])[“”„‚«»•§©®™£](?=[^\W\d_])|[£²³¹½¼¾±÷¢¥¬¶](?=[^\W\d_])|(?<=[^\W\d_]{3})[£²³¹½¼¾¥]|\bð"
)

_LIKELY_COHERENCE = 0.5
_LIKELY_LETTERS = 8
_LEAST_READABLE = 0.5  # of the cells, for the encoding to be right in spite of stray bytes
_LEAST_READABLE_OF_SCRIPTS = 0.9
_TIE = 0.02  # a difference in charset-normalizer's measure of disorder; 0.2 is rubbish

# Cells end at bytes that are never the second byte of a character.
# A search only begins where a cell does: else a long cell takes time by the square of its length.
_CELL = re.compile(rb"(?<![^\n\r,;\t\"])[^\n\r,;\t\"\x80-\xff]*+[\x80-\xff][^\n\r,;\t\"]*+")

_HIGH = re.compile(rb"[\x80-\xff]")
_EXAMPLE_BYTES = 40

# Scripts other than Latin have runs of non-ASCII letters; in Latin ones they come alone or in pairs.
_LONG_RUN = re.compile(rb"[\x80-\xff]{3}")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A possible encoding; ``likely``: the words clearly speak for it."""

    codec: str
    likely: bool


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Cells with non-ASCII bytes of the whole file: accents may first appear in its last row.

    ``cells``: how often each cell occurs; each counts once for its words.
    """

    cells: dict[bytes, int]

    @functools.cached_property
    def content(self) -> bytes:
        """Return all cells, one per line."""
        return b"\n".join(self.cells)

    def readable(self, codec: str) -> Sample:
        """Return the cells that can be decoded."""
        return Sample(cells={cell: seen for cell, seen in self.cells.items() if _is_text(cell, codec)})

    @classmethod
    def of(cls, path: Path) -> Sample:
        """Take cells from the whole file, with a limit for each megabyte."""
        cells: dict[bytes, int] = {}  # in order of the file, so that the same file gives the same guess
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
        """Return a short cell as the encoding reads it, for the user to judge."""

        def rank(cell: bytes) -> tuple[bool, bool, int]:
            # A cell that is the same in the most likely encoding shows no difference.
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
    """Return the possible encodings, best first.

    A tie goes to the most frequent: Windows-1252.

    An encoding in which a few cells can't be decoded comes first if the words of the other cells speak for it: a stray
    byte must not turn all words into those of an encoding that happens to have a sign for that byte.
    """
    fitting = _ranked(sample)
    if fitting and fitting[0].codec in _ALPHABETS and _spelling(sample, fitting[0].codec) == 1:
        return fitting  # all cells can be decoded, and all words are spelled well
    is_clear = any(candidate.likely for candidate in fitting)
    with_stray_bytes = (_with_stray_bytes(sample, codec, is_clear=is_clear) for codec in _PLAUSIBLE)
    best = next((candidate for candidate in with_stray_bytes if candidate is not None), None)
    return fitting if best is None else [best, *fitting]


def _with_stray_bytes(sample: Sample, codec: str, *, is_clear: bool) -> Candidate | None:
    """Return the encoding if it is best for the cells it can decode, and others are few.

    ``is_clear``: whether there is a likely encoding for all cells.
    """
    readable = sample.readable(codec)
    share = sum(readable.cells.values()) / max(sum(sample.cells.values()), 1)
    if not _LEAST_READABLE <= share < 1:
        return None
    best = next(iter(_ranked(readable)), None)
    if best is None or best.codec != codec:
        return None
    # A few letters are enough in Latin languages; other scripts may fit by accident, so nearly all cells must fit.
    is_sure = share >= _LEAST_READABLE_OF_SCRIPTS and (best.likely or not is_clear)
    return best if codec in _ALPHABETS or is_sure else None


def _matches(content: bytes) -> list[charset_normalizer.CharsetMatch]:
    matches = list(charset_normalizer.from_bytes(content, cp_isolation=_PLAUSIBLE))
    if not matches:  # it skips encodings similar to one that it refused, and one of these may be right
        alone = (charset_normalizer.from_bytes(content, cp_isolation=[codec]) for codec in _PLAUSIBLE)
        matches = sorted(itertools.chain.from_iterable(alone))
    return matches


def _ranked(sample: Sample) -> list[Candidate]:
    matches = _matches(sample.content)
    coherence = {match.encoding: match.coherence for match in matches}
    tied: dict[str, float] = {}  # with their coherence
    for match in matches:
        if match.chaos <= matches[0].chaos + _TIE:
            similar = (codec for codec in match.could_be_from_charset if codec in _PLAUSIBLE)
            tied |= dict.fromkeys([match.encoding, *similar], match.coherence)
    has_runs = _LONG_RUN.search(sample.content) is not None
    # A few single accents speak for no language, and charset-normalizer then has no preference.
    if not has_runs and not any(coherence.values()):
        tied = {_MOST_LIKELY: 0.0} | tied
    # East Asian words have runs of characters of two bytes; else accents are mistaken for them.
    order = sorted(tied, key=lambda codec: codec in _EAST_ASIAN and not (has_runs and _doubles(sample, codec)))
    if order and order[0] in _ALPHABETS:
        spelling = {codec: _spelling(sample, codec) for codec in order}
        # Signs without letters speak for no language that would have letters in their place.
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
    """Return whether words are known in the encoding, or many characters fit its double bytes."""
    if codec in _EAST_ASIAN:
        others = (
            other for other in _EAST_ASIAN if other != codec and len(sample.readable(other).cells) == len(sample.cells)
        )
        return _doubles(sample, codec) >= _LIKELY_LETTERS and (
            coherence.get(codec, 0.0) >= _LIKELY_COHERENCE or next(others, None) is None
        )
    return coherence.get(codec, 0.0) >= _LIKELY_COHERENCE


def _doubles(sample: Sample, codec: str) -> int:
    """Return how many bytes are the second of a character.

    Half-width katakana are one byte each, and fit any bytes.
    """
    return len(sample.content) - len(sample.content.decode(codec, "replace"))


def _letters(sample: Sample, codec: str) -> list[str]:
    text = sample.content.decode(codec, "replace").lower()
    return [character for character in text if not character.isascii() and character not in _TYPOGRAPHY]


def _spelling(sample: Sample, codec: str) -> float:
    """Return the share of non-ASCII letters that the best of the code page's languages has."""
    letters = _letters(sample, codec)
    wrong = len(_MISSPELT.findall(sample.content.decode(codec, "replace").lower()))
    if not letters and not wrong:
        return 1.0 if codec == _MOST_LIKELY else 0.0
    alphabets = _ALPHABETS.get(codec, ("",))
    return max(sum(letter in alphabet for letter in letters) for alphabet in alphabets) / (len(letters) + wrong)
