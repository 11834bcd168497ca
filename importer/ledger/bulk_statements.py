"""Statements that are compiled once, and executed for many rows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler


def parameter(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.BindParameter[Any]:
    """Return a parameter; the prefix distinguishes its name from the columns' names."""
    return sa.bindparam(f"p_{name}", type_=kind())


class BulkStatement:
    """A compiled statement that is executed for many rows at once.

    Compiling a statement, or only finding it in SQLAlchemy's cache, takes as long as the database needs for ten rows.
    """

    def __init__(self, statement: sa.UpdateBase, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._in_order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None

    def __call__(self, db: sa.Connection, rows: list[dict[str, Any]]) -> Callable[[], int]:
        """Execute the statement for each of the rows; the function returns how many were changed.

        On a server, call it after the block of ``database.pipelined``.
        """
        if self._in_order is None:
            connection: Any = db.connection.dbapi_connection
            cursors = [connection.execute(self._text, row) for row in rows]
            return lambda: sum(cursor.rowcount for cursor in cursors)
        values = [tuple([row[name] for name in self._in_order]) for row in rows]
        count = db.exec_driver_sql(self._text, values).rowcount
        return lambda: count


class NumberQuery:
    """A compiled query of one number, which a server can be asked in a pipeline."""

    def __init__(self, statement: sa.Select[Any], dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._in_order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None

    def __call__(self, db: sa.Connection, values: dict[str, Any]) -> Callable[[], int]:
        """Execute the query; the function returns the number, 0 if there is none; see ``BulkStatement``."""
        connection: Any = db.connection.dbapi_connection
        if self._in_order is None:
            cursor = connection.execute(self._text, values)
        else:
            cursor = connection.execute(self._text, tuple([values[name] for name in self._in_order]))
        return lambda: (cursor.fetchone() or (0,))[0]
