"""A caller's booking in one line: who, what for, with whom, which day and time, which phone."""

from datetime import date, time

import pytest

from queueapp.domain.booking_line import parse_booking
from queueapp.domain.walk_in_line import Known

TUESDAY = date(2026, 5, 12)
SERVICES = [Known(1, "GP consultation", "gp"), Known(2, "Blood test", "blood")]
DOCTORS = [Known(7, "Dr Elena Ruiz")]


def test_all_of_it_in_any_order() -> None:
    line = parse_booking("rosa lind gp ruiz thu 10:40 07700 900 123", TUESDAY, SERVICES, DOCTORS)
    assert (line.who.name, line.who.phone) == ("Rosa Lind", "07700900123")
    assert line.who.service
    assert line.who.clinician
    assert (line.who.service.id, line.who.clinician.id) == (1, 7)
    assert (line.day, line.at) == (date(2026, 5, 14), time(10, 40))


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", TUESDAY),
        ("tomorrow", date(2026, 5, 13)),
        ("tuesday", TUESDAY),
        ("mon", date(2026, 5, 18)),
        ("20.5.", date(2026, 5, 20)),
        ("3.2", date(2027, 2, 3)),
        ("1.6.2026", date(2026, 6, 1)),
        ("", None),
    ],
)
def test_a_day_as_it_is_said(words: str, day: date | None) -> None:
    assert parse_booking(f"rosa blood {words}", TUESDAY, SERVICES, DOCTORS).day == day


def test_a_date_that_is_over_is_a_birth_date() -> None:
    line = parse_booking("rosa blood 27.3.1985 fri", TUESDAY, SERVICES, DOCTORS)
    assert (line.who.birth_date, line.day) == (date(1985, 3, 27), date(2026, 5, 15))
