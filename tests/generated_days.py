"""Days of a clinic as chance makes them, through the actions alone, on a clock moved by hand."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, bookings, calls, check_ins, day, presence, service, undo
from queueapp.actions.bookings import Place
from queueapp.actions.day import DayEnd, How
from queueapp.db.models import Appointment, QueueEntry
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import OPEN_STATES, AppointmentState, EntryState, Presence
from tests.db.small_clinic import SmallClinic, minutes
from tests.factories import make_patient, make_shift


class GeneratedDays(SmallClinic):
    """The small clinic on days of its own making; `did` counts what happened."""

    def __init__(self, session: Session, seed: int) -> None:
        super().__init__(session)
        self.dice = random.Random(seed)
        self.did: Counter[str] = Counter()
        for shift in self.shifts:
            shift.actual_to = shift.planned_to = shift.planned_from + minutes(1)
        session.flush()

    def run(self, since: datetime, hours: float, *, close: bool = True) -> None:
        """One day from `since`, closed at its end unless said."""
        self.now = since
        given = [[self.gp], [self.gp], [self.blood]]
        for clinician, room, services in zip(self.clinicians, self.rooms, given, strict=True):
            make_shift(self.session, self.site, clinician, room, services=services, now=since,
                       hours=hours)  # fmt: skip
        for n in range(round(hours)):
            self.attempt("book", bookings.book, site_id=self.site.id, service_id=self.gp.id,
                         place=Place(since + minutes(60 * n + 20), self.clinicians[n % 2].id),
                         patient_id=make_patient(self.session).id)  # fmt: skip
        until = since + timedelta(hours=hours)
        steps: list[tuple[int, Callable[[], None]]] = [
            (5, self._come), (3, self._booked), (9, self._call), (7, self._room), (3, self._wander)
        ]  # fmt: skip
        weights = [weight for weight, _ in steps]
        while self.now < until:
            self.wait(self.dice.expovariate(1 / 1.7))
            self.dice.choices([step for _, step in steps], weights)[0]()
        if close:
            self._close()

    def attempt(self, what: str, action: Callable[..., object], **arguments: object) -> bool:
        """Do it if the rules let one; whether it happened."""
        try:
            self.do(action, **arguments)
        except Refused:
            return False
        self.did[what] += 1
        return True

    def _come(self) -> None:
        one = self.dice.choice([self.gp, self.gp, self.blood])
        entry_class = self.dice.choice(["walk_in", "walk_in", "walk_in", "urgent"])
        self.attempt("walk_in", arrivals.take_ticket, site_id=self.site.id, service_id=one.id,
                     entry_class=entry_class)  # fmt: skip

    def _booked(self) -> None:
        for booking in self.session.scalars(
            sa.select(Appointment).where(Appointment.state == AppointmentState.BOOKED)
        ).all():
            late = (self.now - booking.starts_at).total_seconds() / 60
            if late > 40:
                self.attempt("no_show", bookings.no_show, appointment_id=booking.id)
            elif -15 < late < 30 and self.dice.random() < 0.4:
                self.attempt("check_in", check_ins.check_in, appointment_id=booking.id)
            elif late < -60 and self.dice.random() < 0.05:
                self.attempt("cancel", bookings.cancel_booking, appointment_id=booking.id)

    def _call(self) -> None:
        room = self.dice.choice(self.rooms)
        if not self.attempt("call", calls.call_next, room_id=room.id):
            return
        called = self._of(EntryState.CALLED)
        if called and self.dice.random() < 0.15:
            self.attempt("undo_call", undo.undo_last, entry_id=called[-1].id)

    def _room(self) -> None:
        for entry in self._of(EntryState.CALLED):
            verb = self.dice.choices(
                ["start", "did_not_answer", "recall", "leave", "transfer"], [14, 3, 2, 1, 1]
            )[0]
            if verb == "start":
                started = self.attempt("start", service.start, entry_id=entry.id)
                if started and self.dice.random() < 0.1:
                    self.attempt("wrong_person", service.wrong_person, entry_id=entry.id)
            elif verb == "leave":
                self.attempt("left_called", presence.leave, entry_id=entry.id)
            elif verb == "transfer":
                self._transfer(entry)
            else:
                self.attempt(verb, getattr(calls, verb), entry_id=entry.id)
        for entry in self._of(EntryState.IN_SERVICE):
            chance = self.dice.random()
            if chance < 0.35 and self.attempt("finish", service.finish, entry_id=entry.id):
                if self.dice.random() < 0.1:
                    self.attempt("undo_finish", undo.undo_last, entry_id=entry.id)
            elif chance < 0.4:
                self._transfer(entry)
            elif chance < 0.43:
                self.attempt("set_aside", service.set_aside, entry_id=entry.id)

    def _wander(self) -> None:
        waiting = self._of(EntryState.WAITING)
        for visit in {entry.visit for entry in waiting if entry.visit.presence is Presence.OUT}:
            self.attempt("come_back", presence.come_back, visit_id=visit.id)
        if not waiting:
            return
        entry = self.dice.choice(waiting)
        chance = self.dice.random()
        if chance < 0.4:
            self.attempt("step_out", presence.step_out, visit_id=entry.visit_id,
                         back_by=self.now + minutes(9))  # fmt: skip
        elif chance < 0.6:
            self.attempt("leave", presence.leave, entry_id=entry.id)
        elif chance < 0.75:
            self._transfer(entry)

    def _transfer(self, entry: QueueEntry) -> None:
        other = self.blood if entry.service_id == self.gp.id else self.gp
        passed = self.attempt("transfer", service.transfer, entry_id=entry.id, service_id=other.id)
        if passed and self.dice.random() < 0.4:
            self.attempt("undo_transfer", undo.undo_last, entry_id=entry.id)

    def _close(self) -> None:
        answers = {}
        for entry in self._of(*OPEN_STATES):
            how = self.dice.choice([How.LEFT, How.NOT_REACHED])
            if entry.state is EntryState.IN_SERVICE:
                how = self.dice.choice([How.FINISHED, How.NOT_REACHED])
            answers[entry.id] = DayEnd(how, self.now if how is How.FINISHED else None)
            self.did[how.value] += 1
        self._no_shows()
        self.do(day.close_day, site_id=self.site.id, answers=answers)

    def _no_shows(self) -> None:
        for booking in self.session.scalars(
            sa.select(Appointment).where(Appointment.state == AppointmentState.BOOKED)
        ).all():
            self.attempt("no_show", bookings.no_show, appointment_id=booking.id)

    def _of(self, *states: EntryState) -> list[QueueEntry]:
        query = sa.select(QueueEntry).where(QueueEntry.state.in_(states))
        return list(self.session.scalars(query.order_by(QueueEntry.id)).all())
