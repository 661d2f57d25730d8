"""What happens inside one write transaction: facts are gathered, then written with the site's seq.

`seq` is taken as the last lock of the transaction, so that a site's row is held as briefly as can
be; call-next and move take it first (`lock_site`) since they decide over the whole queue.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, UOWTransaction

from queueapp.db.known import SETTINGS, forget, hold
from queueapp.db.models import (
    ApiToken,
    Device,
    Membership,
    QueueEntry,
    Room,
    SignIn,
    Site,
    Staff,
    Visit,
    VisitEvent,
)
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns
from queueapp.domain.actor import Actor
from queueapp.domain.events import Fact
from queueapp.domain.refusal import not_found

_SITE: Any = Site.__table__
_RAISE_SEQ = Statement(
    sa.update(_SITE)
    .where(_SITE.c.id == sa.bindparam("site"))
    .values(seq=_SITE.c.seq + 1)
    .returning(_SITE.c.seq)
)
_LOCK = {
    what: Rows(
        (Site,),
        sa.select(*columns(Site)).where(Site.id == which).with_for_update(key_share=True),
    )
    for what, which in (
        ("site", sa.bindparam("site")),
        *(
            (name, sa.select(row.site_id).where(row.id == sa.bindparam(name)).scalar_subquery())
            for name, row in (("room", Room), ("entry", QueueEntry), ("visit", Visit))
        ),
    )
}
_EVENT = Statement(sa.insert(VisitEvent))
STAGED = "queueapp.staged_facts"
ACCESS = "queueapp.access_changed"
# Rows that say who may do what: with a change of one, somebody who listens may have to go.
_ACCESS_ROWS = (SignIn, Staff, Membership, Device, ApiToken)


@dataclass(frozen=True, slots=True)
class Committed:
    """A site's change as it was committed: its new `seq` and what happened, in order."""

    site_id: int
    seq: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class _Staged:
    site_id: int
    actor: Actor
    recorded_at: datetime
    fact: Fact


def record(session: Session, site_id: int, actor: Actor, now: datetime, fact: Fact) -> None:
    """Stage a fact; it becomes a VisitEvent when the transaction ends."""
    session.info.setdefault(STAGED, []).append(_Staged(site_id, actor, now, fact))


def lock_site(session: Session, site_id: int) -> Site:
    """The site's row, held until the transaction ends. Raises Refused when there is none."""
    site = find_locked_site(session, {"site": site_id})
    if site is None:
        raise not_found("The site")
    return site


def find_locked_site(session: Session, of: Mapping[str, int]) -> Site | None:
    """The row of `lock_site`, if there is one: of a site, room, entry or visit by number."""
    (what,) = of
    found = _LOCK[what].one_or_none(session, of)
    if found is None:
        return None
    site: Site = found[0]
    hold(session, site)
    return site


def note_access(session: Session, _context: UOWTransaction) -> None:
    """After a flush: remember that somebody's access was changed or ended by it."""
    gained = (row for row in session.new if isinstance(row, Membership))
    changed = chain(session.dirty, session.deleted)
    if any(isinstance(row, _ACCESS_ROWS) for row in chain(gained, changed)):
        session.info[ACCESS] = True


def note_settings(session: Session, _context: UOWTransaction) -> None:
    """After a flush: what a transaction has changed of the settings it reads anew."""
    if any(isinstance(r, SETTINGS) for r in chain(session.new, session.dirty, session.deleted)):
        forget(session)


def finalise(session: Session) -> list[Committed]:
    """Write the staged facts as events `(seq, n)` and raise each touched site's seq by one."""
    session.flush()
    staged: list[_Staged] = session.info.pop(STAGED, [])
    by_site: dict[int, list[_Staged]] = defaultdict(list)
    for item in staged:
        by_site[item.site_id].append(item)
    committed, events = [], []
    for site_id in sorted(by_site):
        seq = _RAISE_SEQ.one(session, {"site": site_id})[0]
        items = by_site[site_id]
        events += [_event(item, seq, n) for n, item in enumerate(items)]
        committed.append(Committed(site_id, seq, tuple(item.fact for item in items)))
    _EVENT.run_all(session, events)
    return committed


def _event(item: _Staged, seq: int, n: int) -> dict[str, Any]:
    fact = item.fact
    return {
        "site_id": item.site_id,
        "seq": seq,
        "n": n,
        "kind": fact.kind.value,
        "visit_id": fact.visit_id,
        "entry_id": fact.entry_id,
        "appointment_id": fact.appointment_id,
        "shift_id": fact.shift_id,
        "room_id": fact.room_id,
        "actor": item.actor.key,
        "occurred_at": fact.occurred_at,
        "recorded_at": item.recorded_at,
        "from_state": fact.from_state,
        "to_state": fact.to_state,
        "why": fact.why,
        "data": dict(fact.data),
        "before": dict(fact.before),
        "undoes_id": fact.undoes_id,
    }
