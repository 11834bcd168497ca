"""What the binary workbooks have in common: how they write numbers, and codes of errors."""

from __future__ import annotations

import struct

ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}


def error_text(code: int) -> str:
    """What a cell with an error shows; errors newer than this list have no name here."""
    return ERRORS.get(code, "#ERROR!")


def short_number(packed: int) -> float:
    """Read a number of 32 bits (RK): a whole number or the upper half of a float, perhaps a hundredth of it."""
    if packed & 2:
        number = float((packed - (1 << 32) if packed >> 31 else packed) >> 2)
    else:
        number = struct.unpack("<d", struct.pack("<II", 0, packed & 0xFFFFFFFC))[0]
    return number / 100 if packed & 1 else number
