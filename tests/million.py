"""A clinic with a long past: as many ended visits as wanted, written by the database itself."""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from queueapp.db.models import (
    Base,
    Call,
    Patient,
    Promise,
    QueueEntry,
    Visit,
    VisitEvent,
)
from queueapp.db.session import Database
from tests import factories

A_DAY = 400
FIRST = date(2000, 1, 3)
_TICKETS = A_DAY
EVENTS = ("ticket_taken", "called", "started", "finished")


def fill(database: Database, entries: int) -> int:
    """Add `entries` finished waits, 400 a day from 2000 on, each with its person, call and record.

    Returns the new site's id. Nine rows per entry.
    """
    with database.write() as session:
        site = factories.make_site(session, timezone="UTC")
        service = factories.make_service(session, site)
        room = factories.make_room(session, site)
        clinician = factories.make_clinician(session, [service])
        shift = factories.make_shift(session, site, clinician, room)
        ids = {"site_id": site.id, "service_id": service.id, "room_id": room.id}
        ids |= {"clinician_id": clinician.id, "shift_id": shift.id}
        before = session.scalar(sa.select(sa.func.max(QueueEntry.id))) or 0
        before = max(before, session.scalar(sa.select(sa.func.max(Visit.id))) or 0)
        before = max(before, session.scalar(sa.select(sa.func.max(Patient.id))) or 0)
        for table, columns in _rows(database.is_sqlite, ids).items():
            _insert(session, table, columns, before, entries)
        site.seq = 4 * entries
        if not database.is_sqlite:
            for table in (Patient, Visit, QueueEntry):
                name = table.__tablename__
                serial = f"pg_get_serial_sequence('{name}', 'id')"
                session.execute(sa.text(f"SELECT setval({serial}, max(id)) FROM {name}"))
    return site.id


def _insert(
    session: sa.orm.Session,
    table: type[Base],
    columns: dict[str, str],
    before: int,
    entries: int,
) -> None:
    session.execute(
        sa.text(
            f"INSERT INTO {table.__tablename__} ({', '.join(columns)}) "
            "WITH RECURSIVE counted(n) AS "
            "(SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < :entries) "
            f"SELECT {', '.join(columns.values())} FROM counted"
            + (f", ({_EACH_EVENT}) AS happened" if table is VisitEvent else "")
        ),
        {"entries": entries, "before": before},
    )


_EACH_EVENT = " UNION ALL ".join(
    f"SELECT {n} AS step, '{kind}' AS kind" for n, kind in enumerate(EVENTS)
)


def _rows(is_sqlite: bool, ids: dict[str, int]) -> dict[type[Base], dict[str, str]]:
    """Each table's columns as SQL over `n`, which counts from 0."""
    no, empty = ("0", "'[]'") if is_sqlite else ("false", "CAST('[]' AS JSON)")
    nothing = "'{}'" if is_sqlite else "CAST('{}' AS JSON)"
    nth = "(:before + n + 1)"
    word = f"({nth} || 'x')" if is_sqlite else f"CAST({nth} AS TEXT) || 'x'"
    begins = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(hours=8)

    def at(seconds: int) -> str:
        since = f"{int(begins.timestamp()) + seconds} + n / {A_DAY} * 86400 + n % {A_DAY} * 90"
        if is_sqlite:
            return f"strftime('%Y-%m-%dT%H:%M:%S', {since}, 'unixepoch') || '.000000Z'"
        return f"to_timestamp({since})"

    day = f"date('{FIRST}', '+' || (n / {A_DAY}) || ' days')"
    if not is_sqlite:
        day = f"DATE '{FIRST}' + n / {A_DAY}"
    site, service = str(ids["site_id"]), str(ids["service_id"])
    seen_by = {name: str(ids[name]) for name in ("room_id", "shift_id", "clinician_id")}
    called_by = {name: seen_by[name] for name in ("room_id", "shift_id")}
    return {
        Patient: {
            "id": nth, "name": f"'Person ' || {nth}", "chosen_name": "''", "name_sounds": "''",
            "language": "'en'", "call_routes": empty, "access_needs": empty, "room_needs": empty,
            "phone": f"'+44 20 ' || {nth}", "email": "''", "name_on_lobby": no, "created_at": at(0),
        },
        Visit: {
            "id": nth, "site_id": site, "day": day, "ticket": f"'T' || (n % {_TICKETS})",
            "key": f"'k' || {word}", "nonce": "'00000000000000000000000000000000'",
            "token_hash": f"'{'0' * 48}' || {word}", "token_expires_at": at(86_400),
            "patient_id": nth, "presence": "'here'", "place": "''", "discreet": no,
            "joined_from_afar": no, "arrived_at": at(0), "departed_at": at(1800),
        },
        QueueEntry: {
            "id": nth, "site_id": site, "visit_id": nth, "service_id": service, "state":
            "'finished'", "entry_class": "'walk_in'", "band": "1", "arrived_at": at(0),
            "reference_at": at(0), "target": "1800", "due_by": at(1800), "preference": "'none'",
            "wished_attribute": "''", "needs": empty, "absences": "0", **seen_by,
            "called_at": at(900), "started_at": at(960), "ended_at": at(1800),
            "end_unknown": no, "stepped_out": "0", "note": "'asked for a chair'",
        },
        Call: {
            "site_id": site, "entry_id": nth, **called_by, "number": "1", "routes": empty,
            "called_at": at(900), "outcome": "'answered'", "ended_at": at(960),
        },
        Promise: {
            "entry_id": nth, "number": "1", "told_at": at(0), "low_at": at(600), "mid_at": at(900),
            "high_at": at(1500), "basis": "'forecast'", "reason": "''",
        },
        VisitEvent: {
            "site_id": site, "seq": "n * 4 + step + 1", "n": "0", "kind": "kind", "visit_id": nth,
            "entry_id": nth, "actor": "'system:-'", "occurred_at": at(0), "recorded_at": at(0),
            "from_state": "''", "to_state": "'waiting'", "why": "''", "data": nothing,
            "before": nothing,
        },
    }  # fmt: skip
