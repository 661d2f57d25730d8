"""Rows that every arrival and call writes, by the Core: a third of what a flush of them costs."""

import functools
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.db.core import core
from queueapp.db.models import Base

_Row = TypeVar("_Row", bound=Base)


class _Insertion(NamedTuple):
    statement: sa.Insert
    key: str
    # What a column that was not given is set to, by attribute.
    defaults: dict[str, Callable[[], Any]]


def insert_now(session: Session, row: _Row) -> _Row:
    """Insert a new row, no relationship of which was set; afterwards it is as after a flush."""
    session.flush()
    how, given = _insertion(type(row)), vars(row)
    values = {
        name: given[name] if name in given else default() for name, default in how.defaults.items()
    }
    done = core(session).execute(how.statement, values)
    for name, value in values.items():
        if name not in given:
            set_committed_value(row, name, value)
    assert done.inserted_primary_key is not None
    set_committed_value(row, how.key, done.inserted_primary_key[0])
    make_transient_to_detached(row)
    # A row of the same number that a rolled back savepoint took away again.
    gone = session.identity_map.get(session.identity_key(instance=row))
    if gone is not None:
        session.expunge(gone)
    session.add(row)
    return row


def change_now(
    session: Session, row: Base, *, in_state: Collection[Any] | None = None, **values: Any
) -> bool:
    """Set columns of a row that is there; with `in_state` only while its `state` is one of these.

    Returns whether it was changed; then the row says so too, as after a flush.
    """
    session.flush()
    which: dict[str, Any] = {"of": getattr(row, _key(sa.inspect(type(row))))}
    if in_state is not None:
        which["in_state"] = [*in_state]
    statement = _change(type(row), tuple(sorted(values)), in_state is not None)
    done = core(session).execute(statement, {**values, **which})
    if done.rowcount != 1:
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
def _insertion(model: type[Base]) -> _Insertion:
    mapper: Mapper[Any] = sa.inspect(model)
    key = _key(mapper)
    return _Insertion(
        sa.insert(model.__table__),  # type: ignore[arg-type]
        key,
        {one.key: _default(one.columns[0]) for one in mapper.column_attrs if one.key != key},
    )


@functools.cache
def _change(model: type[Base], names: tuple[str, ...], guarded: bool) -> sa.Update:
    table: Any = model.__table__
    statement = sa.update(table).where(table.c[_key(sa.inspect(model))] == sa.bindparam("of"))
    if guarded:
        statement = statement.where(table.c.state.in_(sa.bindparam("in_state", expanding=True)))
    return statement.values({name: sa.bindparam(name) for name in names})


@functools.cache
def _pointing(model: type[Base]) -> dict[str, tuple[str, ...]]:
    """The relationships of a model by the columns of its own that they follow."""
    found: dict[str, tuple[str, ...]] = {}
    for one in sa.inspect(model).relationships:
        for column in one.local_columns:
            found[str(column.name)] = (*found.get(str(column.name), ()), one.key)
    return found


def _key(mapper: Mapper[Any]) -> str:
    (key,) = mapper.primary_key
    return str(key.name)


def _default(column: Any) -> Callable[[], Any]:
    default = column.default
    if default is None:
        return lambda: None
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg
