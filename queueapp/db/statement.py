"""Statements that every command sends: compiled once per process, then given to the driver as is.

Through SQLAlchemy's Core each costs ten times what SQLite takes for it, however often it was sent
before. Its types, errors, events and connections stay in force here; what it does for statements
that differ from one time to the next (looking for the compiled one, columns' defaults) is left out.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Dialect
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from queueapp.db.core import core

Values = Mapping[str, Any]
_Process = Callable[[Any], Any]
_NONE: Values = {}
_NEVER: tuple[Any, Any] = (None, None)


class _Parameter(NamedTuple):
    """One as the driver wants it: the value of that name, or `at` which place of its list; with
    `of` None what the statement itself says."""

    name: str
    of: str | None
    at: int | None
    process: _Process | None
    fixed: Any


class _Plan(NamedTuple):
    sql: str
    parameters: tuple[_Parameter, ...]
    is_positional: bool


class _Reading(NamedTuple):
    """How a row is made of what the driver gives, and which of its cells first need what."""

    make: Callable[[Sequence[Any]], Any]
    processes: tuple[tuple[int, _Process], ...]


class Statement:
    """One statement of the Core, sent many times with other values.

    Values go by the names of its bind parameters or of an insert's columns, each time the same
    ones, with lists for expanding parameters. Columns' defaults are the caller's to give, and what
    a session has to write first must be flushed. Rows are named tuples.
    """

    def __init__(self, clause: Any) -> None:
        self._clause = clause
        # By kind of database; a plan by how many each list has, too.
        self._plans: dict[tuple[str, tuple[int, ...]], _Plan] = {}
        self._readings: dict[str, _Reading] = {}

    def all(self, session: Session, values: Values = _NONE) -> list[Any]:
        """All rows."""
        rows: list[Any] = self._sent(session, values, self._rows)
        return rows

    def made(
        self,
        session: Session,
        values: Values,
        make: Callable[[Sequence[Any]], Any],
        kept: dict[Any, tuple[Any, Any]],
    ) -> tuple[list[Any], dict[Any, tuple[Any, Any]]]:
        """What `make` makes of the cells of each row, and what to give as `kept` the next time.

        That has by their first cell the rows as the driver gave them and what was made of them:
        of one that is the same now, that is taken. It is for one database.
        """

        def take(dialect: Dialect, cursor: Any) -> dict[Any, tuple[Any, Any]]:
            rows = cursor.fetchall()
            now = {row[0]: kept.get(row[0], _NEVER) for row in rows}
            changed = [row for row in rows if now[row[0]][0] != row]
            fresh = self._cells(dialect, cursor, changed)
            for row, cells in zip(changed, fresh, strict=True):
                now[row[0]] = (row, make(cells))
            return now

        now = self._sent(session, values, take)
        return [made for _, made in now.values()], now

    def one(self, session: Session, values: Values = _NONE) -> Any:
        """The first row. Raises sqlalchemy.exc.NoResultFound."""
        found = self.all(session, values)
        if not found:
            raise NoResultFound("No row was found when one was required")
        return found[0]

    def one_or_none(self, session: Session, values: Values = _NONE) -> Any:
        """The first row, if there is one."""
        found = self.all(session, values)
        return found[0] if found else None

    def scalar(self, session: Session, values: Values = _NONE) -> Any:
        """The first column of the first row; None without one."""
        found = self.all(session, values)
        return found[0][0] if found else None

    def scalars(self, session: Session, values: Values = _NONE) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.all(session, values)]

    def run(self, session: Session, values: Values = _NONE) -> int:
        """How many rows it has written."""
        count: int = self._sent(session, values, _count)
        return count

    def run_all(self, session: Session, each: Sequence[Values]) -> None:
        """Send it once for each of these values, to the driver together."""
        if each:
            self._sent(session, each[0], _count, each if len(each) > 1 else ())

    def _sent(
        self,
        session: Session,
        values: Values,
        take: Callable[[Dialect, Any], Any],
        each: Sequence[Values] = (),
    ) -> Any:
        """What `take` takes from the driver's cursor after it was sent, `each` instead if given."""
        connection = core(session)
        dialect = connection.dialect
        lengths = tuple([len(one) for one in values.values() if type(one) is list])
        plan = self._plans.get((dialect.name, lengths))
        if plan is None:
            plan = self._plans[dialect.name, lengths] = self._planned(dialect, values)
        sql = plan.sql
        given: Any = [_given(plan, one) for one in each] or _given(plan, values)
        cursor = connection.connection.cursor()
        try:
            if connection._has_events or connection.engine._has_events:
                for tell in connection.dispatch.before_cursor_execute:
                    sql, given = tell(connection, cursor, sql, given, None, bool(each))
            if each:
                cursor.executemany(sql, given)
            else:
                cursor.execute(sql, given)
            found = take(dialect, cursor)
            cursor.close()
        except BaseException as error:
            # Raises, as for any statement of the Core: the driver's errors in SQLAlchemy's words,
            # and a connection that has ended is put away.
            connection._handle_dbapi_exception(error, sql, given, cursor, None)
        return found

    def _rows(self, dialect: Dialect, cursor: Any) -> list[Any]:
        cells = self._cells(dialect, cursor, cursor.fetchall())
        return [self._readings[dialect.name].make(one) for one in cells]

    def _cells(self, dialect: Dialect, cursor: Any, rows: Sequence[Any]) -> Sequence[Any]:
        if not rows:
            return rows
        reading = self._readings.get(dialect.name)
        if reading is None:
            reading = self._readings[dialect.name] = self._reading(dialect, cursor.description)
        if not reading.processes:
            return rows
        found = []
        for row in rows:
            cells = list(row)
            for n, process in reading.processes:
                if cells[n] is not None:
                    cells[n] = process(cells[n])
            found.append(cells)
        return found

    def _planned(self, dialect: Dialect, values: Values) -> _Plan:
        compiled = self._clause.compile(dialect=dialect, column_keys=[*values])
        expanded = compiled.construct_expanded_state(values)
        from_list = {
            name: (of, at)
            for of, members in expanded.parameter_expansion.items()
            for at, name in enumerate(members)
        }
        parameters = []
        for name in expanded.positiontup or expanded.parameters:
            of, at = from_list.get(name, (name, None))
            kind = compiled.binds[of].type
            process = kind.dialect_impl(dialect).bind_processor(dialect)
            if of in values:
                parameters.append(_Parameter(name, of, at, process, None))
            else:
                fixed = expanded.parameters[name]
                fixed = process(fixed) if process else fixed
                parameters.append(_Parameter(name, None, None, None, fixed))
        return _Plan(expanded.statement, tuple(parameters), expanded.positiontup is not None)

    def _reading(self, dialect: Dialect, description: Sequence[Any]) -> _Reading:
        columns = self._clause.exported_columns
        names = [str(column.key) for column in columns]
        processes = [
            column.type.dialect_impl(dialect).result_processor(dialect, told[1])
            for column, told in zip(columns, description, strict=True)
        ]
        row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        return _Reading(row._make, tuple((n, p) for n, p in enumerate(processes) if p is not None))


def _count(_dialect: Dialect, cursor: Any) -> Any:
    return cursor.rowcount


def _given(plan: _Plan, values: Values) -> Any:
    cells = []
    for _, of, at, process, fixed in plan.parameters:
        if of is None:
            cells.append(fixed)
            continue
        value = values[of] if at is None else values[of][at]
        cells.append(value if process is None else process(value))
    if plan.is_positional:
        return tuple(cells)
    return {one.name: cell for one, cell in zip(plan.parameters, cells, strict=True)}
