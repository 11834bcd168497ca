"""Hides secrets in texts, in any encoding in which they may appear. Pure.

A server may repeat a key in what it answers: as it is, as JSON, HTML or an address writes it, or in base64. A text is
redacted after it was decoded and before it is cut.
"""

from __future__ import annotations

import base64
import html.entities
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

HIDDEN = "********"
LEAST_CHARS = 4  # a shorter secret is a part of many words
_LEAST_CUT_CHARS = 8  # a shorter beginning of a secret may be a coincidence
_NESTED_CHARS = 48
_NAMED = {character: name for name, character in html.entities.html5.items() if name.endswith(";")}


class Redactor:
    """Hides some secrets in texts. Redactors with the same secrets are equal."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(sorted({each for each in secrets if len(each) >= LEAST_CHARS}, key=len, reverse=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Redactor) and self._secrets == other._secrets

    def __hash__(self) -> int:
        return hash(self._secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def joined(self, other: Redactor) -> Redactor:
        """Return a redactor that hides the secrets of both."""
        return Redactor((*self._secrets, *other._secrets))

    def text(self, text: str) -> str:
        """Return the text without the secrets."""
        return _pattern(self._secrets).sub(HIDDEN, text) if self._secrets and text else text

    def value(self, value: Any) -> Any:
        """Return the value with every text in its lists, tuples and mappings redacted."""
        match value:
            case str():
                return self.text(value)
            case list() | tuple():
                return type(value)(self.value(each) for each in value)
            case dict():
                return {self.value(name): self.value(each) for name, each in value.items()}
            case _:
                return value

    def body(self, body: bytes | None) -> bytes | None:
        """Return an answer's body without the secrets, in the same encoding."""
        if not body or not self._secrets:
            return body
        encoding = json.detect_encoding(body)
        text = body.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")
        redacted = self.text(text)
        return body if redacted == text else redacted.encode(encoding, "surrogateescape")


@lru_cache(maxsize=32)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    # Shared by all redactors of the same secrets: it takes 25 ms to compile, a tenth of a run of a few rows.
    return re.compile("|".join(form for secret in secrets for form in _forms(secret)))


def _forms(secret: str) -> Iterable[str]:
    """Return the patterns of one secret: each character in any spelling, and the whole in base64."""
    spelt = [_spellings(character) for character in secret]
    yield "".join(spelt)
    if len(secret) > _LEAST_CUT_CHARS:
        yield _beginning(spelt)
    # In a longer base64 text, a secret begins at one of three positions of a group.
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        sure = coded[(0, 2, 3)[before] : len(coded) - (1 if (before + len(secret.encode())) % 3 else 0)]
        if len(sure) >= _LEAST_CUT_CHARS:
            yield re.escape(sure).replace(r"\+", r"(?:[+\-]|%2[bB])").replace("/", r"(?:\\?/|_|%2[fF])")


def _beginning(spelt: list[str]) -> str:
    """The pattern of a secret that a server cut off: its first characters, as many more as there are, and no word on.

    A word that goes on in another way, such as a tenant's ID with the same beginning, is no part of the secret.
    """
    more = ""
    for spelling in reversed(spelt[_LEAST_CUT_CHARS:_NESTED_CHARS]):
        more = f"(?:{spelling}{more})?"
    return "".join(spelt[:_LEAST_CUT_CHARS]) + more + r"(?!\w)"


def _spellings(character: str) -> str:
    """Return the pattern of one character: as it is, or as JSON, Python, HTML or a URL may write it.

    Every repetition has a bound: a text of nothing but backslashes would take the square of its length otherwise.
    """
    units = character.encode("utf-16-be", "surrogatepass")
    octets = character.encode("utf-8", "surrogatepass")
    code = f"{ord(character):x}"
    forms = [
        rf"\\{{0,7}}{re.escape(character)}",
        "".join(rf"\\{{1,7}}u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)),
        rf"\\{{1,7}}U(?i:{code:0>8})",
        "".join(rf"%(?:25){{0,3}}(?i:{octet:02x})" for octet in octets),
        "".join(rf"\\{{1,7}}x(?i:{octet:02x})" for octet in octets),
        rf"&(?:amp;){{0,3}}#(?:0{{0,7}}{ord(character)}|[xX]0{{0,7}}(?i:{code}));?",
    ]
    if ord(character) < 0x100:  # noqa: PLR2004 - Latin-1, which Python writes with two digits
        forms.append(rf"\\{{1,7}}x(?i:{code:0>2})")
    if character in _NAMED:
        forms.append(rf"&(?:amp;){{0,3}}{re.escape(_NAMED[character])}")
    if character == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(forms)})"
