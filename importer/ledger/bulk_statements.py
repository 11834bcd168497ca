"""Statements that are compiled once, and executed for many rows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler


def parameter(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.BindParameter[Any]:
    """Return a parameter; the prefix distinguishes its name from the columns' names."""
    return sa.bindparam(f"p_{name}", type_=kind())


class _Compiled:
    """A compiled statement.

    Compiling a statement, or only finding it in SQLAlchemy's cache, takes as long as the database needs for ten rows.
    """

    def __init__(self, statement: sa.UpdateBase | sa.Select[Any], dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._in_order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None

    def _parameters(self, values: dict[str, Any]) -> Any:
        """Return the parameters as the driver takes them: by name or, for SQLite, in order."""
        return values if self._in_order is None else tuple([values[name] for name in self._in_order])


class BulkStatement(_Compiled):
    """A statement that is executed for many rows at once."""

    def __call__(self, db: sa.Connection, rows: list[dict[str, Any]]) -> Callable[[], int]:
        """Execute the statement for each of the rows; the function returns how many were changed.

        On a server, call it after the block of ``database.pipelined``.
        """
        if self._in_order is None:
            connection: Any = db.connection.dbapi_connection
            cursors = [connection.execute(self._text, row) for row in rows]
            return lambda: sum(cursor.rowcount for cursor in cursors)
        count = db.exec_driver_sql(self._text, [self._parameters(row) for row in rows]).rowcount
        return lambda: count


class NumberQuery(_Compiled):
    """A query of one number, which a server can be asked in a pipeline."""

    def __call__(self, db: sa.Connection, values: dict[str, Any]) -> Callable[[], int]:
        """Execute the query; the function returns the number, 0 if there is none; see ``BulkStatement``."""
        connection: Any = db.connection.dbapi_connection
        cursor = connection.execute(self._text, self._parameters(values))
        return lambda: (cursor.fetchone() or (0,))[0]
