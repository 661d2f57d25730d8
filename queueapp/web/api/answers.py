"""What calls answer with. No names and no reasons for a visit: programs need tickets and ids."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, PlainSerializer

from queueapp.db.models import Appointment, Clinician, QueueEntry, Shift
from queueapp.db.queries.ranges import Range
from queueapp.db.queries.rows import EntryRow, RoomRow
from queueapp.domain.visit import AppointmentState, EntryState, Presence, Resolution
from queueapp.web.api.fields import Output


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


When = Annotated[AwareDatetime, PlainSerializer(_utc)]
Seconds = Annotated[int, Field(ge=0)]


class ServiceOut(Output):
    """A service one can wait for."""

    slug: str
    name: str


class Who(Output):
    """A clinician, by the name on the door."""

    id: int
    name: str

    @classmethod
    def of(cls, clinician: Clinician | None) -> "Who | None":
        """The clinician's part of an answer."""
        return cls(id=clinician.id, name=clinician.shown_name) if clinician else None


class RoomOut(Output):
    """A room; `clinician` is null while nobody works there."""

    id: int
    name: str
    clinician: Who | None


class SiteOut(Output):
    """A clinic."""

    slug: str
    name: str
    timezone: str
    services: list[ServiceOut]
    rooms: list[RoomOut]


class Told(Output):
    """A range as it was told, in seconds from when it was told."""

    low_s: Seconds
    high_s: Seconds


class TicketOut(Output):
    """A wait that has begun. `visit_token` opens the visit's live channel."""

    id: int
    visit: int
    ticket: str
    phone_url: str = ""
    visit_token: str = ""
    promised_wait: Told
    due_by: When

    @classmethod
    def of(cls, entry: QueueEntry) -> "TicketOut":
        """A new entry, with what it was promised."""
        first = entry.promises[0]
        assert first.low_at is not None
        assert first.high_at is not None
        return cls(
            id=entry.id,
            visit=entry.visit_id,
            ticket=entry.visit.ticket,
            promised_wait=Told(
                low_s=_seconds(first.told_at, first.low_at),
                high_s=_seconds(first.told_at, first.high_at),
            ),
            due_by=entry.due_by,
        )


class EntryOut(Output):
    """An entry after what was done to it."""

    id: int
    visit: int
    ticket: str
    service: str
    entry_class: Annotated[str, Field(serialization_alias="class")]
    state: EntryState
    presence: Presence
    due_by: When
    room: int | None
    clinician: Who | None
    called_at: When | None
    started_at: When | None
    ended_at: When | None
    resolution: Resolution | None

    @classmethod
    def of(cls, entry: QueueEntry) -> "EntryOut":
        """An entry as it is now."""
        return cls(
            id=entry.id,
            visit=entry.visit_id,
            ticket=entry.visit.ticket,
            service=entry.service.slug,
            entry_class=entry.entry_class,
            state=entry.state,
            presence=entry.visit.presence,
            due_by=entry.due_by,
            room=entry.room_id,
            clinician=Who.of(entry.clinician),
            called_at=entry.called_at,
            started_at=entry.started_at,
            ended_at=entry.ended_at,
            resolution=entry.visit.resolution,
        )


class SentOn(EntryOut):
    """An entry that was passed on; `next` is the wait it went on to."""

    next: EntryOut

    @classmethod
    def to(cls, entry: QueueEntry, opened: QueueEntry) -> "SentOn":
        """The wait that ended and the one that was opened."""
        return cls(**EntryOut.of(entry).model_dump(), next=EntryOut.of(opened))


class RoomNow(RoomOut):
    """A room now: who works there, until when not, and whom it holds (entry ids)."""

    places: int
    paused: bool
    pause_reason: str | None
    paused_until: When | None
    entries: list[int]

    @classmethod
    def of(cls, row: RoomRow) -> "RoomNow":
        """A room as all screens show it."""
        pause = row.pause
        return cls(
            id=row.room.id,
            name=row.room.name,
            clinician=Who.of(row.shift.clinician) if row.shift else None,
            places=row.room.places,
            paused=pause is not None,
            pause_reason=pause.reason if pause else None,
            paused_until=pause.until if pause else None,
            entries=[one.entry.id for one in row.entries],
        )


class ShiftOut(Output):
    """Who works in a room, and whether a pause is on; `shift` is null when the room is free."""

    room: int
    shift: int | None
    clinician: Who | None
    paused: bool
    pause_reason: str | None = None
    paused_until: When | None = None

    @classmethod
    def of(cls, room_id: int, shift: Shift | None) -> "ShiftOut":
        """The shift as it is now."""
        pauses = [p for p in shift.pauses if p.ended_at is None] if shift else []
        return cls(
            room=room_id,
            shift=shift.id if shift else None,
            clinician=Who.of(shift.clinician) if shift else None,
            paused=bool(pauses),
            pause_reason=pauses[-1].reason if pauses else None,
            paused_until=pauses[-1].until if pauses else None,
        )


class Estimate(Output):
    """The wait from now; null where the end of the day may come first."""

    low_s: Seconds
    mid_s: Seconds | None
    high_s: Seconds | None

    @classmethod
    def of(cls, told: Range | None, now: datetime) -> "Estimate | None":
        """Seconds from now; never below 0."""
        if told is None:
            return None
        mid, high = (_seconds(now, at) if at else None for at in (told.mid_at, told.high_at))
        return cls(low_s=_seconds(now, told.low_at), mid_s=mid, high_s=high)


class StateEntry(Output):
    """An open entry; `position` is its place in the calling order, null once it is called."""

    id: int
    visit: int
    ticket: str
    service: str
    entry_class: Annotated[str, Field(serialization_alias="class")]
    state: EntryState
    presence: Presence
    room: int | None
    arrived_at: When
    due_by: When
    position: int | None
    reason: str
    estimated_wait: Estimate | None

    @classmethod
    def of(cls, row: EntryRow, now: datetime) -> "StateEntry":
        """An entry as all screens show it."""
        entry = row.entry
        return cls(
            id=entry.id,
            visit=entry.visit_id,
            ticket=row.visit.ticket,
            service=entry.service.slug,
            entry_class=entry.entry_class,
            state=entry.state,
            presence=row.visit.presence,
            room=entry.room_id,
            arrived_at=entry.arrived_at,
            due_by=entry.due_by,
            position=row.place,
            reason=row.why,
            estimated_wait=Estimate.of(row.estimate, now),
        )


class StateOut(Output):
    """A site's queue, all of it true as of `seq`; waiting entries first, in calling order."""

    seq: int
    entries: list[StateEntry]
    rooms: list[RoomNow]


class SlotOut(Output):
    """A time to book: with a clinician, or (`clinician` null) with one of a pool's places."""

    starts_at: When
    ends_at: When
    clinician: Who | None
    places: int


class AppointmentOut(Output):
    """A booked time; `code` is what the patient checks in with."""

    id: int
    code: str
    state: AppointmentState
    service: str
    clinician: Who | None
    starts_at: When
    ends_at: When

    @classmethod
    def of(cls, one: Appointment) -> "AppointmentOut":
        """A booking as it is now."""
        return cls(
            id=one.id,
            code=one.code,
            state=one.state,
            service=one.service.slug,
            clinician=Who.of(one.clinician),
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds()))
