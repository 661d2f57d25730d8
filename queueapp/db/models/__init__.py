"""All tables, by the vocabulary's names."""

from queueapp.db.models.base import Base
from queueapp.db.models.booking import LANES, Appointment, AppointmentOverride, Pool
from queueapp.db.models.ops import IdempotencyKey, Lease, Look, OutboxMessage, StoredForecast
from queueapp.db.models.people import (
    ApiToken,
    Clinician,
    ClinicianService,
    Device,
    Membership,
    Patient,
    Staff,
)
from queueapp.db.models.queue import (
    Call,
    DeskItem,
    OrderMove,
    Party,
    Promise,
    QueueEntry,
    TicketCounter,
    Visit,
    VisitEvent,
    VisitStep,
)
from queueapp.db.models.shift import Pause, Shift, ShiftBreak, ShiftPattern, ShiftService
from queueapp.db.models.site import (
    OpeningException,
    OpeningHour,
    Reason,
    Room,
    Service,
    ServiceTarget,
    Site,
)

__all__ = [
    "LANES",
    "ApiToken",
    "Appointment",
    "AppointmentOverride",
    "Base",
    "Call",
    "Clinician",
    "ClinicianService",
    "DeskItem",
    "Device",
    "IdempotencyKey",
    "Lease",
    "Look",
    "Membership",
    "OpeningException",
    "OpeningHour",
    "OrderMove",
    "OutboxMessage",
    "Party",
    "Patient",
    "Pause",
    "Pool",
    "Promise",
    "QueueEntry",
    "Reason",
    "Room",
    "Service",
    "ServiceTarget",
    "Shift",
    "ShiftBreak",
    "ShiftPattern",
    "ShiftService",
    "Site",
    "Staff",
    "StoredForecast",
    "TicketCounter",
    "Visit",
    "VisitEvent",
    "VisitStep",
]
