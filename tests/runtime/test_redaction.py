"""No spelling of a key gets through."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from importer.runtime.redaction import HIDDEN, Redactor

KEYS = ("access-key-0815", "aB3+/x=\"q'uote\\back&amp<tag>", "clé/ключ-密钥-😀-x", "a/b+c d:e f?#%")


def spellings(key: str) -> Iterator[str]:
    """The key as servers write it."""
    units = key.encode("utf-16-be")
    yield key
    yield json.dumps(key)
    yield json.dumps(key).replace("/", "\\/")
    yield json.dumps(json.dumps(key))
    yield "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))
    yield quote(key)
    yield quote(key, safe="")
    yield quote(quote(key, safe=""), safe="")
    yield quote_plus(key)
    yield "".join(f"%{octet:02x}" for octet in key.encode())
    yield html.escape(key)
    yield "".join(f"&#{ord(character)};" for character in key)
    yield "".join(f"&#x{ord(character):X};" for character in key)
    yield repr(key)
    yield repr(key.encode())
    yield ascii(key)


@pytest.mark.parametrize("key", KEYS)
def test_every_spelling_of_a_key_is_hidden(key: str) -> None:
    """As it is, escaped for JSON, HTML, an address or Python, with quotes, slashes, pluses and other alphabets."""
    redactor = Redactor([key])
    for text in spellings(key):
        hidden = redactor.text(f"before: {text}; after")
        assert hidden.startswith("before: ")
        assert hidden.endswith("; after")
        assert HIDDEN in hidden
        assert len(hidden) <= len("before: ; after") + len(HIDDEN) + 6, text


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("after", ["", ":other", "x"])
def test_a_key_in_base64_is_hidden(key: str, before: str, after: str) -> None:
    """Wherever it begins in what is encoded, as a login of HTTP is; a character at either edge may be left."""
    for coded in (base64.b64encode, base64.urlsafe_b64encode):
        text = coded(f"{before}{key}{after}".encode()).decode()
        hidden = Redactor([key]).text(text)
        assert HIDDEN in hidden
        assert len(hidden.replace(HIDDEN, "")) <= len(before) * 2 + len(after) * 2 + 8


def test_a_key_that_was_cut_off_is_hidden() -> None:
    """An error that shows the first 100 characters may show the first half of a key."""
    redactor = Redactor(["access-key-0815"])
    assert redactor.text("error: access-key-0") == f"error: {HIDDEN}"
    assert redactor.text('{"key": "access-key…"}') == f'{{"key": "{HIDDEN}…"}}'


def test_a_word_that_only_begins_like_a_key_stays() -> None:
    """An account's name may begin as its key does."""
    assert Redactor(["sandbox-access-key"]).text("sandbox-tenant@127.0.0.1") == "sandbox-tenant@127.0.0.1"


def test_other_texts_stay_as_they_are() -> None:
    """Nothing is hidden without a key in it, and a secret of three characters hides nothing."""
    text = "refused: 400 Bad Request: a/b%20c \\u0041 YWJj"
    assert Redactor(["access-key-0815", "abc", ""]).text(text) == text
    assert Redactor().text(text) == text
    assert Redactor(["long-enough"]).value({"a": ["long-enough", 1, None]}) == {"a": [HIDDEN, 1, None]}


@pytest.mark.parametrize("text", ["x", "\\", "access-k", "%25", "&#0", "&amp;", "\\u00"])
def test_no_text_takes_long(text: str) -> None:
    """A text that nearly is a key over and over takes time by its length alone."""
    redactor = Redactor(["access-key-0815-abcdefghijklmnop", "secret-0815-abcdefghijklmnopqrst"])
    began = time.process_time()
    redactor.text(text * (200_000 // len(text)))
    assert time.process_time() - began < 5
