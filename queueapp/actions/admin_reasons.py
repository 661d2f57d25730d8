"""Reasons of a service: added, reworded, retired; never deleted, as visits name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from queueapp.actions.admin_record import named
from queueapp.db.models import Reason, Service
from queueapp.domain.refusal import invalid

_MOST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class GivenReason:
    """A reason in plain words with its planned time; `reason_id` None for a new one."""

    words: str
    planned: timedelta
    reason_id: int | None = None
    retired: bool = False


def set_reasons(session: Session, service: Service, given: Sequence[GivenReason]) -> None:
    """Bring a service's reasons to what was given; those left out are retired.

    Raises Refused (invalid `reasons.<n>.words`, `reasons.<n>.planned`).
    """
    known = {reason.id: reason for reason in service.reasons}
    kept: set[int] = set()
    said: set[str] = set()
    for n, one in enumerate(given):
        words = named(one.words, 120, f"reasons.{n}.words", "Say why one comes.")
        if words.lower() in said:
            raise invalid(f"reasons.{n}.words", f"“{words}” stands here twice. Keep one.")
        said.add(words.lower())
        if not timedelta(minutes=1) <= one.planned <= _MOST:
            raise invalid(f"reasons.{n}.planned", "Give 1 to 720 minutes.")
        reason = known.get(one.reason_id or 0)
        if reason is None:
            reason = Reason(service_id=service.id)
            service.reasons.append(reason)
        else:
            kept.add(reason.id)
        reason.words, reason.planned, reason.retired = words, one.planned, one.retired
    for reason_id, reason in known.items():
        if reason_id not in kept:
            reason.retired = True
    session.flush()
