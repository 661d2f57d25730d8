"""The ticket handed over: its code, its link as a QR code, what was promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

import segno
import sqlalchemy as sa
from flask import current_app, url_for
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from sqlalchemy.orm import Session

from queueapp.actions.base import find_site
from queueapp.actions.hits import hits_of
from queueapp.actions.promises import chance_not_reached
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Promise, QueueEntry
from queueapp.domain.quantiles import NOBODY_ON_DUTY
from queueapp.domain.visit import EntryClass
from queueapp.languages import hit_words, not_reached_words
from queueapp.waits.promise import percent_not_reached, spoken_range
from queueapp.web.context import public_url
from queueapp.web.kiosk.start import show
from queueapp.web.security import current_db, current_site, now

_JUST_TOLD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Given:
    """One ticket as it is shown; the range is in whole minutes from now, None when unknown.

    `also_at` are the other times booked today on the same ticket; `is_late` when the first of
    them passed so long ago that the person waits as one without an appointment.
    """

    visit_id: int
    ticket: str
    link: str
    low_at: datetime | None
    high_at: datetime | None
    low_min: int | None
    high_min: int | None
    booked_at: datetime | None
    is_late: bool
    also_at: tuple[datetime, ...] = ()

    @property
    def qr(self) -> Markup:
        """The link as a QR code, drawn in place."""
        drawn = segno.make(self.link, error="m", micro=False)
        return Markup(drawn.svg_inline(border=3, omitsize=True, svgclass="qr", lineclass=None))


def show_given(
    entry_ids: Sequence[int],
    *,
    again: bool = False,
    with_link: bool = True,
    told: bool = False,
    names: Sequence[str] = (),
) -> str:
    """The page that ends it; `again` when the person was in the queue already.

    Without `with_link` it is the ticket alone, for one who has not shown to know a secret;
    `told` when wishes were just told. `names` are what those of a party were just called, in order.
    """
    moment = now()
    with current_db().read() as session:
        site = find_site(session, current_site().slug)
        entries = session.scalars(
            sa.select(QueueEntry).where(QueueEntry.id.in_(entry_ids)).order_by(QueueEntry.id)
        ).all()
        by_visit: dict[int, list[QueueEntry]] = {}
        for entry in entries:
            by_visit.setdefault(entry.visit_id, []).append(entry)
        given = [_given(session, waits, moment) for waits in by_visit.values()]
        missed = max(chance_not_reached(session, site, e, moment) for e in entries)
        sure = hit_words(hits_of(session, site, moment, _first(entries).service_id))
        seq = site.seq
    first, *others = given
    return show(
        "kiosk/given.html",
        seq=seq,
        given=first,
        others=list(zip_longest((one.ticket for one in others), names[1:], fillvalue="")),
        name=names[0] if names else "",
        sure=sure,
        not_reached=not_reached_words(percent_not_reached(missed)),
        again=again,
        with_link=with_link,
        told=told,
        mine=ticket_sealer().dumps(list(entry_ids)) if with_link else "",
    )


def ticket_sealer() -> URLSafeTimedSerializer:
    """Seals which tickets a page shows, so that its forms speak of no others."""
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="kiosk.ticket")


def _given(session: Session, waits: Sequence[QueueEntry], moment: datetime) -> Given:
    entry = _first(waits)
    visit = entry.visit
    token = visit_token(session.info["secret"], visit.key, visit.nonce)
    told = _told(entry.promises)
    low_min = high_min = None
    if told and told.low_at and told.high_at:
        asked = told.told_at if moment - told.told_at < _JUST_TOLD else moment
        low_s, high_s = (max((at - asked).total_seconds(), 0) for at in (told.low_at, told.high_at))
        low_min, high_min = spoken_range(low_s, high_s)
    times = sorted(e.scheduled_at for e in waits if e is not entry and e.scheduled_at)
    return Given(
        visit_id=visit.id,
        ticket=visit.ticket,
        link=public_url(url_for("auth.visit", token=token)),
        low_at=told.low_at if told else None,
        high_at=told.high_at if told else None,
        low_min=low_min,
        high_min=high_min,
        booked_at=entry.scheduled_at,
        is_late=entry.scheduled_at is not None and entry.entry_class == EntryClass.WALK_IN,
        also_at=tuple(times),
    )


def _first(waits: Sequence[QueueEntry]) -> QueueEntry:
    return min(waits, key=lambda e: (e.band, e.due_by, e.id))


def _told(promises: Iterable[Promise]) -> Promise | None:
    told = [p for p in promises if p.low_at is not None and p.basis != NOBODY_ON_DUTY]
    return told[-1] if told else None
