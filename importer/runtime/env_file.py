"""Reads a ``.env`` file: its variables, and warnings about it."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from importer.errors import SettingsError

# With these the author of a folder's `.env` could read the keys of the environment.
REAL_ENVIRONMENT_ONLY = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
_COMMENT = re.compile(r"=\s*[^\s'\"#][^\r\n]*?\s#(?P<comment>[^\r\n]*)")
_OTHERS_MAY_READ = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, kw_only=True)
class EnvFile:
    """The variables of a ``.env`` file, none if there is no file. ``warnings``: one text each."""

    values: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_env_file(path: Path, is_secret: Callable[[str, str], bool]) -> EnvFile:
    """Read a file, if it exists. Raises SettingsError if it can't be read.

    ``is_secret`` says which variables and values are a key: only of a file that has one it matters who may read it.
    """
    if not path.is_file():
        return EnvFile()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "let this user read it, or start from another folder"
        raise SettingsError(f"{path} can't be read: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} can't be read: it is not UTF-8 text", hint="save it as UTF-8 text") from error
    bindings = list(parse_stream(io.StringIO(text)))
    values = {binding.key: binding.value or "" for binding in bindings if binding.key is not None}
    warnings = list(_line_warnings(path, bindings, is_secret))
    if any(value and is_secret(name, value) for name, value in values.items()) and (loose := others_may_read(path)):
        warnings.append(loose)
    kept = {name: value for name, value in values.items() if name not in REAL_ENVIRONMENT_ONLY}
    return EnvFile(values=kept, warnings=tuple(warnings))


def others_may_read(path: Path) -> str:
    """Return a warning if other users can read a file with a key, otherwise an empty text."""
    if os.name != "posix":
        return ""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    if not mode & _OTHERS_MAY_READ:
        return ""
    return f"{path} holds a key and can be read by other users (mode {mode & 0o777:04o}); run: chmod 600 {path}"


def _line_warnings(path: Path, bindings: list[Binding], is_secret: Callable[[str, str], bool]) -> Iterator[str]:
    for binding in bindings:
        place = f"{path}, line {binding.original.line + _blank_lines(binding.original.string)}"
        name = binding.key
        if binding.error:
            yield f"{place} can't be read and is ignored; write NAME=VALUE, or NAME='VALUE'"
        elif name in REAL_ENVIRONMENT_ONLY:
            yield (
                f"{place}: {name} is ignored; a proxy and certificates are taken only from the environment, because "
                "the author of this file could read the keys with them"
            )
        elif name is not None and _may_be_cut(binding, is_secret(name, binding.value or "")):
            yield (
                f"{place}: the value of {name} ends before ` #`, which begins a comment; "
                f"if that belongs to the value, put it in quotes: {name}='...'"
            )


def _may_be_cut(binding: Binding, secret: bool) -> bool:  # noqa: FBT001 - of one caller
    """Return whether a comment may belong to the value: always in a key, otherwise if no blank follows the `#`."""
    comment = _COMMENT.search(binding.original.string)
    return comment is not None and (secret or bool(comment["comment"][:1].strip()))


def _blank_lines(text: str) -> int:
    """Return the blank lines before a statement: the parser counts from the end of the previous one."""
    return text[: len(text) - len(text.lstrip())].count("\n")
