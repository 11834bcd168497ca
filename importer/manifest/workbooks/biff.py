"""Numbers and error codes that the binary workbooks .xls and .xlsb have in common."""

from __future__ import annotations

import struct

_ERRORS = {
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
    """Return the text of an error code; `#ERROR!` for an unknown one."""
    return _ERRORS.get(code, "#ERROR!")


def rk_number(packed: int) -> float:
    """Decode an RK number: 32 bits, an integer or half of a float, perhaps divided by 100."""
    if packed & 2:
        number = float((packed - (1 << 32) if packed >> 31 else packed) >> 2)
    else:
        number = struct.unpack("<d", struct.pack("<II", 0, packed & 0xFFFFFFFC))[0]
    return number / 100 if packed & 1 else number
