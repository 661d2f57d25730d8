"""What a lobby tells of the clinic itself: who runs late, and targets beside what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.hits import DAYS, ENOUGH, Hits
from queueapp.actions.revisions import public_reason
from queueapp.db.known import known
from queueapp.db.models import Promise, QueueEntry, Service, Site
from queueapp.db.queries.board import share_for
from queueapp.db.queries.figures import count_in_time
from queueapp.db.queries.queue import QueueView
from queueapp.domain.visit import EntryClass, EntryState
from queueapp.realtime.content.spoken import joined

_TOLD_ANEW = (
    sa.select(QueueEntry.service_id, Promise.reason)
    .join_from(QueueEntry.__table__, Promise.__table__, Promise.entry_id == QueueEntry.id)
    .where(
        QueueEntry.site_id == sa.bindparam("site"),
        QueueEntry.state == EntryState.WAITING,
        Promise.number == 2,
    )
    .order_by(Promise.told_at.desc(), Promise.id.desc())
)
_WORTH_SAYING = timedelta(minutes=5)
_STEP_MIN = 5
_MOST_SAID = 2
_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Goal:
    """Called in time today, in per cent; `got` is None while too few to say."""

    words: str
    got: int | None
    aim: int

    @property
    def met(self) -> bool:
        """Whether the aim is reached so far."""
        return self.got is not None and self.got >= self.aim


def delay_words(view: QueueView, services: Iterable[Service]) -> list[str]:
    """Declared delays as sentences, by what is late; empty while everybody keeps time."""
    found: dict[tuple[bool, int], list[str]] = {}
    for service in services:
        shifts = [s for s in view.shifts if s.is_open and service.id in s.services]
        late = [s.declared_delay for s in shifts if s.declared_delay >= _WORTH_SAYING]
        if late:
            minutes = _STEP_MIN * round(max(late).total_seconds() / 60 / _STEP_MIN)
            name = service.plain_name or service.name
            found.setdefault((len(late) == len(shifts), minutes), []).append(name)
    if len(found) > _MOST_SAID:
        most = max(minutes for _, minutes in found)
        return [f"Some visits run up to {most} minutes late."]
    return [
        f"{_begun(names, all_late)} visits run about {minutes} minutes late."
        for (all_late, minutes), names in found.items()
    ]


def moved_words(session: Session, site: Site, services: Iterable[Service]) -> list[str]:
    """What those who wait were told anew, and why, by service; empty while promises hold."""
    newest: dict[int, str] = {}
    for service_id, reason in session.connection().execute(_TOLD_ANEW, {"site": site.id}):
        newest.setdefault(service_id, public_reason(reason))
    by_reason: dict[str, list[str]] = {}
    for service in services:
        if service.id in newest:
            name = service.plain_name or service.name
            by_reason.setdefault(newest[service.id], []).append(name)
    return [
        f"{joined(names)} visits take longer than we said"
        + (f": {why[0].lower()}{why[1:]}" if why else ".")
        for why, names in list(by_reason.items())[:_MOST_SAID]
    ]


def hit_line(hits: Hits) -> str:
    """How often what is told of a service was right, or that too few were told to say."""
    if hits.share is None:
        return f"Too few promises yet: {hits.told} of {ENOUGH}"
    return f"Right {hits.share:.0%} of {hits.told} in {DAYS} days".replace("%", " %")


def _begun(names: Sequence[str], all_late: bool) -> str:
    if all_late:
        return joined(names)
    # "Some doctor visits", but "Some GP visits".
    inside = [n if n[1:2].isupper() else n[0].lower() + n[1:] for n in names]
    return f"Some {joined(inside)}"


def goals(
    session: Session, site: Site, now: datetime, care: Sequence[int] | set[int]
) -> list[Goal]:
    """Booked patients and the others, over all services that are care, per event."""
    day = site.day_at(now)
    span = site.span_of(day)
    counts = {
        key: pair
        for key, pair in count_in_time(session, site.id, span).items()
        if key[0] in care and pair[1]
    }
    targets = known(session, site.id).targets
    found = []
    for words, booked in (("With appointment", True), ("No appointment", False)):
        part = {k: v for k, v in counts.items() if (k[1] == EntryClass.BOOKED) == booked}
        judged = sum(of for _, of in part.values())
        if not judged:
            continue
        within = sum(hits for hits, _ in part.values())
        # Where aims differ, the one that all of these people's aims come to.
        aim = sum(
            of * share_for(targets.get(service_id, ()), label, day)
            for (service_id, label), (_, of) in part.items()
        )
        got = round(100 * within / judged) if judged >= _ENOUGH else None
        found.append(Goal(words, got, round(100 * aim / judged)))
    return found
