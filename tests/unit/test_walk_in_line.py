"""One typed line read as a receptionist means it."""

from datetime import date, time

import pytest

from queueapp.domain.refusal import Refused
from queueapp.domain.visit import PreferenceKind
from queueapp.domain.walk_in_line import Known, WalkInLine, parse

SERVICES = [
    Known(1, "GP consultation", "gp see a doctor"),
    Known(2, "Blood test", "blood"),
    Known(3, "Nurse visit", "nurse"),
]
CLINICIANS = [Known(7, "Dr Elena Ruiz"), Known(8, "Dr Chidi Okafor")]


def read(words: str) -> WalkInLine:
    return parse(words, SERVICES, CLINICIANS)


@pytest.mark.parametrize(
    ("typed", "name", "service"),
    [
        ("rosa lind blood", "Rosa Lind", "Blood test"),
        ("blood test rosa lind", "Rosa Lind", "Blood test"),
        ("Rosa McDonald gp", "Rosa McDonald", "GP consultation"),
        ("noor el-sayed nur", "Noor El-Sayed", "Nurse visit"),
        ("siobhán o'neil, gp consultation", "Siobhán O'Neil", "GP consultation"),
        ("nurse", "", "Nurse visit"),
    ],
)
def test_name_and_service_come_apart(typed: str, name: str, service: str) -> None:
    line = read(typed)
    assert line.problems == []
    assert line.service is not None
    assert (line.name, line.service.name) == (name, service)


def test_urgent_and_the_clinician_are_read() -> None:
    line = read("rosa lind gp urgent ruiz")
    assert (line.name, line.entry_class) == ("Rosa Lind", "urgent")
    assert line.preference is PreferenceKind.IF_POSSIBLE
    assert line.clinician == CLINICIANS[0]


def test_only_a_clinician() -> None:
    line = read("rosa lind gp only dr okafor")
    assert (line.preference, line.clinician) == (PreferenceKind.ONLY, CLINICIANS[1])


def test_a_patient_may_be_called_like_a_clinician() -> None:
    line = read("maria ruiz blood")
    assert (line.name, line.clinician) == ("Maria Ruiz", None)


def test_birth_date_phone_and_the_true_time() -> None:
    line = read("rosa lind blood 27.3.1985 07700900123 9:40")
    assert (line.birth_date, line.phone, line.came_at) == (
        date(1985, 3, 27),
        "07700900123",
        time(9, 40),
    )
    assert line.name == "Rosa Lind"


def test_what_is_missing_or_wrong_is_said() -> None:
    assert read("rosa lind").problems == [
        "Add what it is for: GP consultation, Blood test, Nurse visit."
    ]
    assert read("rosa lind blood 31.2.1985").problems == [
        "“31.2.1985” is no date. Write a birth date as 27.3.1985."
    ]
    assert read("rosa blood only nobody").problems == ["Say whom: Dr Elena Ruiz, Dr Chidi Okafor."]
    two = [Known(1, "Visit by phone"), Known(2, "Visit at home")]
    assert parse("rosa visit", two, []).problems == [
        "“visit” could be Visit by phone or Visit at home. Type more of it."
    ]


def test_a_clinic_with_one_service_needs_no_word_for_it() -> None:
    assert parse("rosa lind", SERVICES[:1], []).service == SERVICES[0]


def test_a_line_too_long_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="200 characters") as refused:
        read("x" * 201)
    assert refused.value.field == "line"
