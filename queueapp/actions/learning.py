"""What a site's history teaches: learned by the worker once an hour, read by every process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import LearnedHistory, Reason, Service, Site
from queueapp.db.queries.history import Known, load_history, load_known
from queueapp.db.session import parsed_once
from queueapp.domain.snapshot import Habits
from queueapp.waits import learned
from queueapp.waits.durations import Durations, learn


def learn_site(session: Session, site: Site, now: datetime) -> tuple[Known, Durations]:
    """Learn from the last 60 days: the work of a second, so the worker's."""
    known = load_known(session, site, now)
    history = load_history(session, site, now)
    return known, _durations(known, history)


def store_learned(
    session: Session, now: datetime, *, site_id: int, habits: Habits, durations: Durations
) -> None:
    """Keep what was learned for the other processes; no screen shows it, so `seq` stays."""
    row = session.get(LearnedHistory, site_id)
    if row is None:
        row = LearnedHistory(site_id=site_id)
        session.add(row)
    row.made_at = now
    row.content = {"habits": _habits_json(habits), "durations": learned.to_json(durations)}
    session.flush()


def usual_arrivals(session: Session, site_id: int) -> Mapping[tuple[int, str, int], float]:
    """How many usually come unannounced, by (service id, class, local hour); perhaps nothing."""
    row = session.get(LearnedHistory, site_id)
    return _parsed(session, row)[0].arrivals_per_hour if row else {}


def usual_lengths(session: Session, site: Site) -> Durations:
    """How long visits take: as the worker learned last, else as planned."""
    row = session.get(LearnedHistory, site.id)
    if row is not None:
        return _parsed(session, row)[1]
    reasons = session.scalars(sa.select(Reason).join(Service).where(Service.site_id == site.id))
    return learn(
        [],
        service_default_s={s.id: s.planned.total_seconds() for s in site.services},
        planned_s={r.id: r.planned.total_seconds() for r in reasons},
    )


def what_is_known(session: Session, site: Site, now: datetime) -> tuple[Known, Durations]:
    """What the worker learned last, parsed once per process; plans alone while it never has."""
    row = session.get(LearnedHistory, site.id)
    if row is None:
        known = load_known(session, site, now, Habits())
        return known, _durations(known, [])
    habits, durations = _parsed(session, row)
    return load_known(session, site, now, habits), durations


def _parsed(session: Session, row: LearnedHistory) -> tuple[Habits, Durations]:
    def parse() -> tuple[Habits, Durations]:
        return _habits(row.content["habits"]), learned.from_json(row.content["durations"])

    return parsed_once(session, ("learned", row.site_id), row.made_at, parse)


def _durations(known: Known, history: list[Any]) -> Durations:
    return learn(history, service_default_s=known.service_default_s, planned_s=known.planned_s)


def _habits_json(habits: Habits) -> dict[str, Any]:
    return {
        "no_show": habits.no_show,
        "lateness_s": list(habits.lateness_s),
        "late_starts_s": list(habits.late_starts_s),
        "patience": [[round(at, 1), round(share, 5)] for at, share in habits.patience],
        "arrivals_per_hour": [
            [*key, round(rate, 4)] for key, rate in habits.arrivals_per_hour.items()
        ],
    }


def _habits(stored: dict[str, Any]) -> Habits:
    mean, sd = stored["lateness_s"]
    return Habits(
        no_show=stored["no_show"],
        lateness_s=(mean, sd),
        arrivals_per_hour={(s, c, h): rate for s, c, h, rate in stored["arrivals_per_hour"]},
        late_starts_s=tuple(stored.get("late_starts_s", ())),
        patience=tuple((at, share) for at, share in stored.get("patience", ())),
    )
