"""Finished visits from a log into the tables, many at a time, with the record of what happened."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.tickets import new_nonce, token_hash, visit_token
from queueapp.commands.history_bookings import add_kept_bookings, add_missed_bookings
from queueapp.commands.history_names import Names, visit_key
from queueapp.commands.history_tickets import Tickets
from queueapp.db.models import (
    Call,
    Promise,
    QueueEntry,
    Site,
    Visit,
    VisitEvent,
)
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.targets import Due, booked_reference
from queueapp.domain.visit import (
    CallOutcome,
    EntryClass,
    EntryState,
    PreferenceKind,
    Presence,
    Resolution,
)
from queueapp.integrations.visit_log import LogRow

_STATES = {
    "finished": EntryState.FINISHED,
    "transferred": EntryState.TRANSFERRED,
    "left_without_being_seen": EntryState.LEFT,
    "not_reached": EntryState.NOT_REACHED,
    "cancelled": EntryState.CANCELLED,
}
_LAST_FACT = {
    "finished": Kind.FINISHED,
    "transferred": Kind.TRANSFERRED,
    "left_without_being_seen": Kind.LEFT,
    "not_reached": Kind.NOT_REACHED,
    "cancelled": Kind.CANCELLED,
}
_LINK_LIVED = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Written:
    """How many were taken, how many had been taken before, what the site now knows besides."""

    entries: int
    bookings: int
    already_there: int
    added: tuple[str, ...] = ()


def write_history(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site: Site,
    rows: Sequence[LogRow],
    live_record: bool = False,
    resolution: Callable[[LogRow], Resolution | None] = lambda row: None,
    advance: Callable[[int], None] = lambda n: None,
) -> Written:
    """Write rows as finished visits of the site, one `seq` for all; repeats are left out.

    What the site does not know by name (service, clinician, room, reason) is added. Events are
    recorded `now`, or with `live_record` when they happened.
    """
    site = lock_site(session, site.id)
    names = Names(session, site)
    legs = _by_visit(site, (r for r in rows if r.arrived_at is not None))
    known = _known_visits(session, site)
    kept = {key: visit for key, visit in legs.items() if not known & {key, visit[0].visit_id}}
    repeated = sum(len(v) for k, v in legs.items() if k not in kept)
    bookings, booked_before = add_missed_bookings(session, site, names, rows, now)
    visit_ids = _visits(session, site, kept, resolution)
    entries = [(visit_ids[key], row) for key, visit in kept.items() for row in visit]
    entries.sort(key=lambda pair: (pair[1].at, pair[0]))
    names.prepare(row for _, row in entries)
    events: list[dict[str, Any]] = []
    for start in range(0, len(entries), 2000):
        part = entries[start : start + 2000]
        events += _entries(session, site, names, part)
        advance(len(part))
    _record(session, site, actor, events, None if live_record else now)
    return Written(len(entries), bookings, repeated + booked_before, tuple(names.added))


def history_is_there(session: Session, site: Site, rows: Sequence[LogRow]) -> bool:
    """Whether all entries among the rows were written before."""
    return _by_visit(site, (r for r in rows if r.arrived_at)).keys() <= _known_visits(session, site)


def _by_visit(site: Site, rows: Iterable[LogRow]) -> dict[str, list[LogRow]]:
    legs: dict[str, list[LogRow]] = {}
    for row in rows:
        legs.setdefault(visit_key(site, row), []).append(row)
    for visit in legs.values():
        visit.sort(key=lambda r: r.at)
    return legs


def _known_visits(session: Session, site: Site) -> set[str]:
    return set(session.scalars(sa.select(Visit.key).where(Visit.site_id == site.id)))


def _visits(
    session: Session,
    site: Site,
    legs: dict[str, list[LogRow]],
    resolution: Callable[[LogRow], Resolution | None],
) -> dict[str, int]:
    tickets = Tickets(session, site)
    made = []
    for key, visit in legs.items():
        first, last = visit[0], visit[-1]
        nonce = new_nonce()
        day = site.day_at(first.at)
        made.append(
            {
                "site_id": site.id,
                "day": day,
                "ticket": tickets.give(day, first.ticket),
                "key": key,
                "nonce": nonce,
                "token_hash": token_hash(visit_token(session.info.get("secret", ""), key, nonce)),
                "token_expires_at": first.at + _LINK_LIVED,
                "presence": Presence.HERE,
                "here_at": first.at,
                "arrived_at": first.at,
                "departed_at": last.ended_at or last.started_at or last.called_at or last.at,
                "resolution": resolution(last) if last.outcome == "finished" else None,
            }
        )
    tickets.remember()
    if not made:
        return {}
    found = session.execute(sa.insert(Visit.__table__).returning(Visit.key, Visit.id), made)
    return dict(found.all())


def _entries(
    session: Session, site: Site, names: Names, pairs: Sequence[tuple[int, LogRow]]
) -> list[dict[str, Any]]:
    values = [_entry(site, names, visit_id, row) for visit_id, row in pairs]
    add_kept_bookings(session, site, names, pairs, values)
    statement = sa.insert(QueueEntry.__table__).returning(
        QueueEntry.id, sort_by_parameter_order=True
    )
    ids = list(session.execute(statement, values).scalars()) if values else []
    calls: list[dict[str, Any]] = []
    promises: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for entry_id, (visit_id, row), value in zip(ids, pairs, values, strict=True):
        shift_id = value["shift_id"]
        if row.called_at and shift_id:
            answered = row.started_at is not None
            calls.append(
                {
                    "site_id": site.id,
                    "entry_id": entry_id,
                    "room_id": value["room_id"] or names.unrecorded_room(),
                    "shift_id": shift_id,
                    "number": 1,
                    "routes": ["lobby", "phone"],
                    "called_at": row.called_at,
                    "outcome": CallOutcome.ANSWERED if answered else CallOutcome.DID_NOT_ANSWER,
                    "ended_at": row.started_at or row.ended_at or row.called_at,
                }
            )
        if row.promised_from and row.promised_to:
            low, high = row.promised_from, row.promised_to
            promises.append(
                {
                    "entry_id": entry_id,
                    "number": 1,
                    "told_at": row.at,
                    "low_at": low,
                    "mid_at": low + (high - low) / 2,
                    "high_at": high,
                    "basis": "forecast",
                    "reason": "",
                }
            )
        events += _facts(site, visit_id, entry_id, value, row)
    for table, found in ((Call, calls), (Promise, promises)):
        if found:
            session.execute(sa.insert(table.__table__), found)
    return events


def _entry(site: Site, names: Names, visit_id: int, row: LogRow) -> dict[str, Any]:
    service_id = names.service(row.service).id
    reference = row.at
    if row.entry_class == EntryClass.BOOKED and row.scheduled_at:
        reference, _ = booked_reference(row.scheduled_at, row.at, timedelta(0), site.rules)
    target = row.target
    if target is None:
        target = names.target(service_id, row.entry_class, reference)
    if row.due_by is not None:
        reference = row.due_by - target
    due = Due(row.entry_class, reference, target)
    return {
        "site_id": site.id,
        "visit_id": visit_id,
        "service_id": service_id,
        "reason_id": names.reason(service_id, row.reason),
        "state": _STATES[row.outcome],
        "entry_class": row.entry_class,
        "band": due.band,
        "arrived_at": row.at,
        "scheduled_at": row.scheduled_at,
        "reference_at": reference,
        "target": target,
        "due_by": due.due_by,
        "preference": PreferenceKind.NONE,
        "wished_attribute": "",
        "needs": [],
        "absences": 0,
        "shift_id": names.shift(row),
        "clinician_id": names.clinician(row.clinician),
        "room_id": names.room(row.room),
        "called_at": row.called_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at or row.started_at or row.called_at or row.at,
        "end_unknown": row.ended_at is None,
        "stepped_out": row.stepped_out or timedelta(0),
        "note": "",
    }


def _facts(
    site: Site, visit_id: int, entry_id: int, entry: dict[str, Any], row: LogRow
) -> Iterable[dict[str, Any]]:
    booked = row.entry_class == EntryClass.BOOKED
    waiting, called, serving = EntryState.WAITING, EntryState.CALLED, EntryState.IN_SERVICE
    steps = [(Kind.CHECKED_IN if booked else Kind.TICKET_TAKEN, row.at, "", waiting)]
    state: EntryState = waiting
    for kind, at, to in (
        (Kind.CALLED, row.called_at, called),
        (Kind.STARTED, row.started_at, serving),
    ):
        if at is not None:
            steps.append((kind, at, state, to))
            state = to
    steps.append((_LAST_FACT[row.outcome], entry["ended_at"], state, entry["state"]))
    for kind, at, before, after in steps:
        in_room = kind not in (Kind.CHECKED_IN, Kind.TICKET_TAKEN)
        yield {
            "site_id": site.id,
            "kind": kind.value,
            "visit_id": visit_id,
            "entry_id": entry_id,
            "shift_id": entry["shift_id"] if in_room else None,
            "room_id": entry["room_id"] if in_room else None,
            "occurred_at": at,
            "from_state": str(before),
            "to_state": str(after),
        }


def _record(
    session: Session,
    site: Site,
    actor: Actor,
    events: list[dict[str, Any]],
    recorded_at: datetime | None,
) -> None:
    if not events:
        return
    events.sort(key=lambda e: e["occurred_at"])
    seq = session.execute(
        sa.update(Site)
        .where(Site.id == site.id)
        .values(seq=Site.seq + 1)
        .returning(Site.seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    same = {"seq": seq, "actor": actor.key, "why": "from_log", "data": {}, "before": {}}
    session.execute(
        sa.insert(VisitEvent.__table__),
        [
            {**same, **event, "n": n, "recorded_at": recorded_at or event["occurred_at"]}
            for n, event in enumerate(events)
        ],
    )
