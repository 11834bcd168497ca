"""The package's source code, parsed once in each process, and only where a test asks for it."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import importer

PACKAGE = Path(importer.__file__).parent
ROOT = PACKAGE.parent


@functools.cache
def sources() -> tuple[Path, ...]:
    """Return every module of the package."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


def source_id(path: Path) -> str:
    """Return a module's path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def text_of(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text("utf-8", errors="replace")


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(text_of(path))))


def all_nodes() -> list[ast.AST]:
    """Return every node of all modules."""
    return [node for path in sources() for node in nodes(path)]
