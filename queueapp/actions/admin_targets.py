"""Targets of a service by class, dated: what held on a past day is never rewritten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from queueapp.db.models import Service, ServiceTarget
from queueapp.domain.refusal import invalid
from queueapp.domain.rules import SiteRules
from queueapp.domain.targets import target_for
from queueapp.domain.visit import EntryClass

# The classes a manager sets targets for; an emergency is called at once.
CLASSES = (EntryClass.URGENT, EntryClass.BOOKED, EntryClass.WALK_IN, EntryClass.ONWARD)
USUAL_SHARE = 0.8
_MOST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class GivenTarget:
    """A class's target: `within` None leaves it to the site's usual one; `share` is 0-1."""

    entry_class: str
    within: timedelta | None
    share: float = USUAL_SHARE


def in_force(service: Service, day: date) -> dict[str, Any]:
    """Own targets by class as they hold on `day` (or, not yet begun, as they will)."""
    found: dict[str, ServiceTarget] = {}
    for target in sorted(service.targets, key=lambda t: t.valid_from):
        held = found.get(target.entry_class)
        if held is None or target.valid_from <= day:
            found[target.entry_class] = target
    return {
        name: {"within": round(t.within.total_seconds()), "share": t.share}
        for name, t in sorted(found.items())
    }


def usual(entry_class: str, rules: SiteRules) -> timedelta:
    """The target of a class that has none of its own."""
    return target_for((), 0, entry_class, date.min, rules)


def set_targets(
    session: Session,
    service: Service,
    given: Sequence[GivenTarget],
    holds_from: date | None,
    rules: SiteRules,
    today: date,
) -> None:
    """Have the targets hold from `holds_from` (default `today`) on; those that differ alone.

    Raises Refused (invalid `targets.<class>.within`, `targets.<class>.share`, `targets_from`).
    """
    day = holds_from or today
    if day < today:
        raise invalid("targets_from", "Targets cannot change for days that are past.")
    for one in given:
        held = _held(service, one.entry_class, day)
        if one.within is None:
            if held is None:
                continue
            one = GivenTarget(one.entry_class, usual(one.entry_class, rules), one.share)
        assert one.within is not None
        if not timedelta(minutes=1) <= one.within <= _MOST:
            raise invalid(
                f"targets.{one.entry_class}.within",
                "Give 1 to 720 minutes, for example 30; empty for the clinic's usual target.",
            )
        if not 0.01 <= one.share <= 1:
            raise invalid(f"targets.{one.entry_class}.share", "Give 1 to 100 per cent.")
        if held is not None and (held.within, held.share) == (one.within, one.share):
            continue
        if held is None or held.valid_from < day:
            held = ServiceTarget(service_id=service.id, entry_class=one.entry_class, valid_from=day)
            service.targets.append(held)
        held.within, held.share = one.within, one.share
    session.flush()


def _held(service: Service, entry_class: str, day: date) -> ServiceTarget | None:
    own = [t for t in service.targets if t.entry_class == entry_class and t.valid_from <= day]
    return max(own, key=lambda t: t.valid_from, default=None)
