"""People as they become known to the clinic."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from queueapp.db.models import Patient
from queueapp.domain.contact import LONGEST_PHONE
from queueapp.domain.languages import WRITTEN_IN
from queueapp.domain.refusal import invalid

LONGEST_NAME = 120


def new_patient(
    session: Session,
    now: datetime,
    *,
    name: str,
    birth_date: date | None = None,
    phone: str = "",
    language: str = WRITTEN_IN,
) -> Patient:
    """A person, always a new one: name and birth date are never a key.

    Raises Refused (invalid `name`, `birth_date`, `phone`).
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise invalid("name", f"Give a name, in at most {LONGEST_NAME} characters.")
    if birth_date is not None and not date(1880, 1, 1) <= birth_date <= now.date():
        raise invalid("birth_date", "Give a birth date that is not in the future.")
    if len(phone) > LONGEST_PHONE:
        raise invalid("phone", f"Use at most {LONGEST_PHONE} characters.")
    patient = Patient(
        name=name, birth_date=birth_date, phone=phone, language=language, created_at=now
    )
    session.add(patient)
    session.flush()
    return patient
