"""Detects UTF-16 and UTF-32 without a byte order mark, by the positions of zeros."""

from __future__ import annotations

import unicodedata

SAMPLE_BYTES = 1 << 16  # so much of a file's beginning is enough
_UNIT_BYTES = 4
_LAST_PLANE = 0x10
_LINE_ENDS = ("\n", "\r")
# Unassigned, private, half surrogate pairs: common in text that is read in the wrong byte order, else rare.
_ODD_CATEGORIES = frozenset({"Cn", "Co", "Cs"})
_ODD_SHARE = 0.02


def detect_utf_without_bom(sample: bytes) -> str | None:
    """Return the codec of a text in UTF-16 or UTF-32 without a byte order mark, else None.

    Each line end and delimiter of such a text has a zero byte; a text in another encoding has none.
    """
    if b"\0" not in sample:
        return None
    whole = sample[: len(sample) // _UNIT_BYTES * _UNIT_BYTES]
    if whole and not any(whole[3::4]) and max(whole[2::4]) <= _LAST_PLANE:
        candidates = ["utf-32-le"]
    elif whole and not any(whole[0::4]) and max(whole[1::4]) <= _LAST_PLANE:
        candidates = ["utf-32-be"]
    else:
        zeros_first, zeros_second = sample[0::2].count(0), sample[1::2].count(0)
        # ASCII characters all have their zero on the same side; a binary file has zeros on both.
        if zeros_first == zeros_second:
            return None
        candidates = ["utf-16-le" if zeros_second > zeros_first else "utf-16-be"]
    return next((codec for codec in candidates if _is_text(sample, codec)), None)


def _is_text(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, "replace")
    # A sample may end within a character; only there may text in the right encoding have a replacement.
    if "\ufffd" in text[:-1] and b"\xff\xfd" not in sample and b"\xfd\xff" not in sample:
        return False
    controls = sum(character < " " and character not in "\t\n\v\f\r\x1a\x1b" for character in text)
    odd = sum(unicodedata.category(character) in _ODD_CATEGORIES for character in text)
    lines = any(end in text for end in _LINE_ENDS)
    return lines and (controls + odd) <= len(text) * _ODD_SHARE
