"""The record of administration: what was changed by whom, and that nobody overwrites unseen.

What can be changed has a state: its fields as JSON-ready values. Two states give the record's
"from … to …"; one gives the version that a form was opened with.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.db.models import AdminChange, Staff
from queueapp.domain.actor import Actor, ActorKind, kind_and_id
from queueapp.domain.events import Kind
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import conflict, invalid

State = Mapping[str, Any]
_VERSION_LENGTH = 16


def version_of(state: State) -> str:
    """What a form carries to know later whether the state is still the one it showed."""
    text = json.dumps(state, sort_keys=True, default=base.plain)
    return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_LENGTH]


def check_version(
    session: Session, now_is: State, seen: str, *, subject: str, subject_id: int | None, zone: str
) -> None:
    """Raise Refused (conflict `changed_meanwhile`) unless `seen` is the version of `now_is`.

    The refusal names who changed what since; its `version` is the one to save on top of.
    """
    version = version_of(now_is)
    if seen == version:
        return
    last = last_change(session, subject, subject_id)
    who, what = "Someone", ""
    if last is not None:
        who = f"{actor_name(session, last.actor)} changed this at "
        who += f"{to_local(zone, last.changed_at):%H:%M on %d.%m.%Y}"
        what = f" ({', '.join(words(name) for name in last.changes)})" if last.changes else ""
    else:
        who += " changed this"
    raise conflict(
        "changed_meanwhile",
        f"{who}{what} while you had it open. What you entered is below and not saved: "
        "compare, then save again to put yours in its place.",
        version=version,
    )


def last_change(session: Session, subject: str, subject_id: int | None) -> AdminChange | None:
    """The newest change of that one."""
    return session.scalars(
        sa.select(AdminChange)
        .where(AdminChange.subject == subject, AdminChange.subject_id == subject_id)
        .order_by(AdminChange.id.desc())
        .limit(1)
    ).one_or_none()


def actor_name(session: Session, key: str) -> str:
    """What colleagues call the actor of that key."""
    kind, number = kind_and_id(key)
    if kind == ActorKind.STAFF and number:
        staff = session.get(Staff, number)
        return staff.name if staff else key
    return "queueapp" if kind == ActorKind.SYSTEM else key


def words(name: str) -> str:
    """A field's name as people read it: `buffer_after` is "Buffer after"."""
    return name.replace("_", " ").capitalize()


def record_change(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    verb: str,
    subject: str,
    subject_id: int | None,
    name: str,
    before: State | None = None,
    after: State | None = None,
) -> bool:
    """Write the change down and raise the site's seq; False for a `changed` that changed nothing.

    Only fields that differ are kept, as `[from, to]`. Give no secrets.
    """
    was, became = before or {}, after or {}
    changes = {
        field: [base.plain(was.get(field)), base.plain(became.get(field))]
        for field in {**was, **became}
        if base.plain(was.get(field)) != base.plain(became.get(field))
    }
    if verb == "changed" and not changes:
        return False
    session.add(
        AdminChange(
            site_id=site_id,
            actor=actor.key,
            changed_at=now,
            verb=verb,
            subject=subject,
            subject_id=subject_id,
            name=name,
            changes=changes,
        )
    )
    base.note(
        session,
        actor,
        now,
        Kind.SETTINGS_CHANGED,
        site_id=site_id,
        why=f"{subject}_{verb}",
        data={"subject": subject, "id": subject_id},
    )
    session.flush()
    return True


def named(value: str, longest: int, field: str, message: str) -> str:
    """The words without stray blanks. Raises Refused (invalid `field`) when none or too many."""
    value = " ".join(value.split())
    if not 0 < len(value) <= longest:
        raise invalid(field, f"{message} Use 1 to {longest} characters.")
    return value


def listed(values: list[str], longest: int = 60) -> list[str]:
    """Words of a list, each once, in the order given."""
    tidy = [" ".join(value.split())[:longest] for value in values]
    return list(dict.fromkeys(value for value in tidy if value))


def slug_of(name: str, otherwise: str = "clinic") -> str:
    """The address a name suggests: "Harbour Street" is `harbour-street`; at most 36 letters."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:36].strip("-") or otherwise
