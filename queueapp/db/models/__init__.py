"""All tables, by the vocabulary's names."""

from queueapp.db.models.access import SignIn
from queueapp.db.models.admin import AdminChange, Pairing, SetupCode, StaffLink
from queueapp.db.models.base import Base
from queueapp.db.models.booking import LANES, Appointment, AppointmentOverride, Pool
from queueapp.db.models.desk import LONGEST_NOTE, DraftBooking, Note, PatientChange
from queueapp.db.models.online import BookingLink
from queueapp.db.models.ops import (
    IdempotencyKey,
    LearnedHistory,
    Lease,
    Look,
    OutboxMessage,
    StoredForecast,
)
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
    VisitStep,
)
from queueapp.db.models.record import TURNED_AWAY, VisitEvent
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
from queueapp.db.models.told import LONGEST_WORDS, Feedback, VainLookup

__all__ = [
    "LANES",
    "LONGEST_NOTE",
    "LONGEST_WORDS",
    "TURNED_AWAY",
    "AdminChange",
    "ApiToken",
    "Appointment",
    "AppointmentOverride",
    "Base",
    "BookingLink",
    "Call",
    "Clinician",
    "ClinicianService",
    "DeskItem",
    "Device",
    "DraftBooking",
    "Feedback",
    "IdempotencyKey",
    "LearnedHistory",
    "Lease",
    "Look",
    "Membership",
    "Note",
    "OpeningException",
    "OpeningHour",
    "OrderMove",
    "OutboxMessage",
    "Pairing",
    "Party",
    "Patient",
    "PatientChange",
    "Pause",
    "Pool",
    "Promise",
    "QueueEntry",
    "Reason",
    "Room",
    "Service",
    "ServiceTarget",
    "SetupCode",
    "Shift",
    "ShiftBreak",
    "ShiftPattern",
    "ShiftService",
    "SignIn",
    "Site",
    "Staff",
    "StaffLink",
    "StoredForecast",
    "TicketCounter",
    "VainLookup",
    "Visit",
    "VisitEvent",
    "VisitStep",
]
