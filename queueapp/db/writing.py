"""Rows that every arrival and call reads and writes, without what a flush or a load of them costs.

Each is in the session afterwards as the ORM would have put it there.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import instance_dict, instance_state, set_committed_value

from queueapp.db.models import Base
from queueapp.db.statement import Statement, Values

_Row = TypeVar("_Row", bound=Base)


def adopt(session: Session, model: type[_Row], values: Mapping[str, Any]) -> _Row:
    """The row with all these columns, as if the session had just loaded it.

    One that the session holds already says so too, and what it pointed at is asked for anew.
    """
    mapper, key = _known_as(model)
    identity = mapper.identity_key_from_primary_key((values[key],))
    row: _Row | None = session.identity_map.get(identity)
    if row is not None:
        session.expire(row)
        for name, value in values.items():
            set_committed_value(row, name, value)
        return row
    # As a query's loading does it.
    row = mapper.class_manager.new_instance()
    instance_dict(row).update(values)
    state = instance_state(row)
    state.key, state.session_id = identity, session.hash_key
    session.identity_map.add(state)
    return row


def columns(*models: type[Base]) -> list[Any]:
    """The columns of these models that a load brings, one model after the other."""
    return [table_column for model in models for table_column in _columns(model).values()]


class Rows:
    """A `Statement` that loads rows: it selects `columns(*models)`, and what else it wants.

    They are as the database has them then, whatever the session knew.
    """

    def __init__(self, models: tuple[type[Base], ...], clause: Any) -> None:
        self._statement = Statement(clause)
        self._models = models

    def one_or_none(self, session: Session, values: Values) -> tuple[Any, ...] | None:
        """The first row's, if there is one: of each model its row, None where none was joined;
        then what else is selected."""
        found = self.all(session, values)
        return found[0] if found else None

    def one(self, session: Session, values: Values) -> tuple[Any, ...]:
        """As `one_or_none`. Raises sqlalchemy.exc.NoResultFound."""
        found = self.one_or_none(session, values)
        if found is None:
            raise NoResultFound("No row was found when one was required")
        return found

    def all(self, session: Session, values: Values) -> list[tuple[Any, ...]]:
        """As `one_or_none`, of all rows."""
        session.flush()
        return [self._taken(session, found) for found in self._statement.all(session, values)]

    def _taken(self, session: Session, found: Any) -> tuple[Any, ...]:
        rows, at = [], 0
        for model in self._models:
            names = _columns(model)
            cells = dict(zip(names, found[at : at + len(names)], strict=True))
            is_there = cells[_known_as(model)[1]] is not None
            rows.append(adopt(session, model, cells) if is_there else None)
            at += len(names)
        return (*rows, *found[at:])


def insert_now(session: Session, model: type[_Row], **values: Any) -> _Row:
    """Insert a new row with these columns; afterwards it is as after a flush."""
    session.flush()
    statement, defaults = _insertion(model)
    all_values = {
        name: values[name] if name in values else default() for name, default in defaults.items()
    }
    number = statement.scalar(session, all_values)
    mapper, key = _known_as(model)
    # A row of the same number that a rolled back savepoint took away again.
    gone = session.identity_map.get(mapper.identity_key_from_primary_key((number,)))
    if gone is not None:
        session.expunge(gone)
    return adopt(session, model, {**all_values, key: number})


def change_now(
    session: Session, row: Base, *, in_state: Collection[Any] | None = None, **values: Any
) -> bool:
    """Set columns of a row that is there; with `in_state` only while its `state` is one of these.

    Returns whether it was changed; then the row says so too, as after a flush.
    """
    session.flush()
    which: dict[str, Any] = {"of": getattr(row, _known_as(type(row))[1])}
    if in_state is not None:
        which["in_state"] = [*in_state]
    statement = _change(type(row), tuple(sorted(values)), in_state is not None)
    if statement.run(session, {**values, **which}) != 1:
        return False
    for name, value in values.items():
        set_committed_value(row, name, value)
    # What these columns point at is another row now.
    pointing = _pointing(type(row))
    stale = [one for name in values for one in pointing.get(name, ()) if one in vars(row)]
    if stale:
        session.expire(row, stale)
    return True


def say_changed(session: Session, model: type[Base], numbers: Iterable[int], **values: Any) -> None:
    """Rows that the session holds say what a statement by the Core has set in them."""
    for number in numbers:
        row = session.identity_map.get(session.identity_key(model, number))
        for name, value in values.items() if row is not None else ():
            set_committed_value(row, name, value)


@functools.cache
def _known_as(model: type[Base]) -> tuple[Mapper[Any], str]:
    """The model's mapper, and the name of its number."""
    mapper: Mapper[Any] = sa.inspect(model)
    (key,) = mapper.primary_key
    return mapper, str(key.name)


@functools.cache
def _columns(model: type[Base]) -> dict[str, Any]:
    found = _known_as(model)[0].column_attrs
    return {one.key: one.columns[0] for one in found if not one.deferred}


@functools.cache
def _insertion(model: type[Base]) -> tuple[Statement, dict[str, Callable[[], Any]]]:
    """How to insert one, and what a column that was not given is set to."""
    mapper, key = _known_as(model)
    table: Any = model.__table__
    defaults = {one.key: _default(one.columns[0]) for one in mapper.column_attrs if one.key != key}
    return Statement(sa.insert(table).returning(table.c[key])), defaults


@functools.cache
def _change(model: type[Base], names: tuple[str, ...], guarded: bool) -> Statement:
    table: Any = model.__table__
    statement = sa.update(table).where(table.c[_known_as(model)[1]] == sa.bindparam("of"))
    if guarded:
        statement = statement.where(table.c.state.in_(sa.bindparam("in_state", expanding=True)))
    return Statement(statement.values({name: sa.bindparam(name) for name in names}))


@functools.cache
def _pointing(model: type[Base]) -> dict[str, tuple[str, ...]]:
    """The relationships of a model by the columns of its own that they follow."""
    found: dict[str, tuple[str, ...]] = {}
    for one in sa.inspect(model).relationships:
        for column in one.local_columns:
            found[str(column.name)] = (*found.get(str(column.name), ()), one.key)
    return found


def _default(column: Any) -> Callable[[], Any]:
    default = column.default
    if default is None:
        return lambda: None
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg
