"""The text that names a ledger: a file or the address of a database. Pure.

A password may be in it. It is recognised in addresses that can't be parsed, too, so that no message shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

_FORM = "write postgresql+psycopg://USER@HOST/NAME?sslmode=verify-full (with a password: USER:PASSWORD@HOST)"
_LIBPQ = re.compile(r"(?:host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=", re.IGNORECASE)
_NO_SLASHES = re.compile(r"postgres(?:ql)?(?:\+\w+)?:(?!//)", re.IGNORECASE)
_NO_SCHEME = re.compile(r"[^/\\:@]{2,}:(?!//)[^\\]*@[^/\\]+")  # user:password@host; not a drive of Windows
_LOGIN = re.compile(r"(?P<user>[^:/@]*):(?P<password>[^@]*)@")
_SECRET_PARAMETER = re.compile(r"(?<=[?&])(?P<name>password|sslpassword)=(?P<value>[^&]*)", re.IGNORECASE)
_LEAST_CHARS = 12  # a shorter password may be a usual word


def is_address(text: str) -> bool:
    """Return whether a text is the address of a database, not a file."""
    return "://" in text


def find_problem(text: str) -> str:
    """Return what is wrong with the text of a ledger, without its password; empty if nothing is seen."""
    if any(ord(character) < ord(" ") for character in text):
        return "there is a line break or a control character in it; write one file or one address"
    if _LIBPQ.match(text):
        return f"this form (host=… dbname=…) is not supported; {_FORM}"
    if _NO_SLASHES.match(text) or (not is_address(text) and _NO_SCHEME.match(text)):
        return f"the address is not complete; {_FORM}"
    scheme, _, rest = text.partition("://")
    login = _LOGIN.match(rest)
    if not scheme.startswith("sqlite") and "@" in (
        rest[login.end() :] if login else rest.partition("?")[0].partition("/")[2]
    ):
        return (
            f"{without_password(text)}: a password, a user or a name with special characters must be encoded; "
            "write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25"
        )
    return ""


def without_password(text: str, *, parameters: bool = False) -> str:
    """Return the text for messages: without its password and without its parameters.

    ``parameters``: keep those that are no password.
    """
    scheme, separator, rest = ("", "", text) if _NO_SCHEME.match(text) else text.partition("://")
    if not separator and rest != text:
        return "***" if _LIBPQ.match(text) else text
    if scheme.startswith("sqlite"):
        return text if parameters else text.partition("?")[0]
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = _SECRET_PARAMETER.sub(r"\g<name>=***", place) if parameters else place.partition("?")[0]
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{shown}"


def has_password(text: str) -> bool:
    """Return whether there is a password in the text."""
    return any(True for _ in _passwords(text))


def secrets(text: str) -> Iterator[str]:
    """Yield the texts by which a log could show the password: with the signs around it, as it may be a usual word."""
    for password in _passwords(text):
        for form in {password, unquote(password)}:
            yield f":{form}@"
            yield f"={form}"
            if len(form) >= _LEAST_CHARS:
                yield form


def _passwords(text: str) -> Iterator[str]:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.startswith("sqlite"):
        return
    login = rest.rpartition("@")[0].partition(":")[2]
    yield from filter(None, (login, *(found["value"] for found in _SECRET_PARAMETER.finditer(rest))))
