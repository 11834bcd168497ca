"""The words that are a yes or a no where a rule names no others; they are compared whatever their capital letters."""

from __future__ import annotations

TRUE_WORDS = frozenset({"true", "yes", "y", "1", "on"})
FALSE_WORDS = frozenset({"false", "no", "n", "0", "off"})
