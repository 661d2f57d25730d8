"""A promise that will not hold is revised once, with its reason, before it breaks."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.actions import desk_items
from queueapp.actions.base import note
from queueapp.db.models import Promise, QueueEntry, Shift, Site
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.domain.languages import N_
from queueapp.domain.quantiles import Forecast
from queueapp.domain.visit import EntryClass, EntryState
from queueapp.waits.promise import FORECAST, Quote, said_range
from queueapp.waits.revise import Step, next_step

_APOLOGY = N_("We are sorry: it takes longer still. The desk knows.")
URGENT_ONE = "An urgent patient came in."
URGENT_MANY = "%(num)s urgent patients came in."
_YOUR_DELAY = N_("Your clinician is running %(num)s min late.")
_A_DELAY = N_("A clinician is running %(num)s min late.")
_LONGER = N_("Visits before yours take longer than usual.")
# Kept in English with the promise; a person's phone says them in the person's language.
REASONS = (_APOLOGY, URGENT_ONE, URGENT_MANY, _YOUR_DELAY, _A_DELAY, _LONGER)


def public_reason(reason: str) -> str:
    """A reason as everybody may read it; empty where it says no more than that it takes longer."""
    if reason == _LONGER:
        return ""
    return reason.replace("Your clinician", "A clinician", 1)


def revise(
    session: Session,
    now: datetime,
    *,
    site: Site,
    made: Forecast,
    among: Collection[int] | None = None,
) -> list[Promise]:
    """Tell those whose range no longer holds a new one, once; a second slip goes to the desk.

    Of all who wait, or `among` these entries.
    """
    return [
        _tell(session, now, site, entry, last, wait, step)
        for entry, last, wait, step in slipped(session, site.id, made, among)
    ]


def slipped(
    session: Session, site_id: int, made: Forecast, among: Collection[int] | None = None
) -> list[tuple[QueueEntry, Promise, Quote, Step]]:
    """Whose range the forecast says will not hold: the last one told, the wait now, what to do."""
    entries = session.scalars(
        sa.select(QueueEntry)
        .where(
            QueueEntry.site_id == site_id,
            QueueEntry.state == EntryState.WAITING,
            QueueEntry.called_at.is_(None),
            QueueEntry.id.in_(made.entries if among is None else among),
        )
        .options(selectinload(QueueEntry.promises))
    ).all()
    found: list[tuple[QueueEntry, Promise, Quote, Step]] = []
    for entry in entries:
        quantiles = made.entries.get(entry.id)
        last = entry.promises[-1] if entry.promises else None
        if quantiles is None or last is None:
            continue
        step = next_step(quantiles, made.made_at, last.number, last.high_at)
        if step is not Step.KEEP:
            wait = Quote(quantiles.p10, quantiles.p50, quantiles.p90, FORECAST)
            found.append((entry, last, wait, step))
    return found


def _tell(
    session: Session,
    now: datetime,
    site: Site,
    entry: QueueEntry,
    last: Promise,
    wait: Quote,
    step: Step,
) -> Promise:
    if step is Step.REVISE:
        low, high = said_range(wait)
        new = Promise(
            entry_id=entry.id,
            number=2,
            told_at=now,
            low_at=now + low,
            mid_at=now + timedelta(seconds=wait.mid_s),
            high_at=now + high,
            basis=FORECAST,
            forecast_seq=site.seq,
            forecast_age=timedelta(0),
            reason=_reason(session, site, entry, last),
        )
    else:
        new = Promise(
            entry_id=entry.id, number=last.number + 1, told_at=now, basis=FORECAST, reason=_APOLOGY
        )
        desk_items.open_item(
            session,
            SYSTEM,
            now,
            site_id=site.id,
            kind=desk_items.ItemKind.SLIPPED,
            subject=f"entry:{entry.id}",
            entry_id=entry.id,
            visit_id=entry.visit_id,
        )
    session.add(new)
    session.flush()
    note(session, SYSTEM, now, Kind.PROMISE_REVISED, site_id=site.id, entry=entry)
    return new


def _reason(session: Session, site: Site, entry: QueueEntry, last: Promise) -> str:
    urgent = session.scalar(
        sa.select(sa.func.count())
        .select_from(QueueEntry)
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.entry_class.in_((EntryClass.URGENT, EntryClass.EMERGENCY)),
            QueueEntry.arrived_at >= last.told_at,
            QueueEntry.id != entry.id,
        )
    )
    if urgent:
        return URGENT_ONE if urgent == 1 else URGENT_MANY % {"num": urgent}
    delay = session.scalar(
        sa.select(sa.func.max(Shift.declared_delay)).where(
            Shift.site_id == site.id,
            Shift.actual_to.is_(None),
            Shift.delay_declared_at >= last.told_at,
            *(
                [Shift.clinician_id == entry.wished_clinician_id]
                if entry.wished_clinician_id
                else []
            ),
        )
    )
    if delay:
        words = _YOUR_DELAY if entry.wished_clinician_id else _A_DELAY
        return words % {"num": round(delay.total_seconds() / 60)}
    return _LONGER
