"""When a wait counts from and is due: lateness as the rule says, never worse for coming earlier."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.rules import SiteRules
from queueapp.domain.targets import (
    Due,
    Target,
    booked_reference,
    onward_reference,
    remote_reference,
    target_for,
)
from queueapp.domain.visit import EntryClass

TIME = datetime(2026, 1, 13, 10, 20, tzinfo=UTC)
RULES = SiteRules()
NEVER = timedelta(0)
seconds = st.integers(-3600, 7200).map(lambda s: timedelta(seconds=s))
delays = st.integers(0, 5400).map(lambda s: timedelta(seconds=s))


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.mark.parametrize(
    ("late", "delay", "reference", "too_late"),
    [
        (-15, 0, 0, False),
        (0, 0, 0, False),
        (10, 0, 0, False),
        (10.1, 0, 10.1, False),
        (20, 0, 20, False),
        (20.1, 0, 20.1, True),
        (50, 40, 0, False),
        (55, 40, 55, False),
        (61, 40, 61, True),
    ],
)
def test_a_late_booking_loses_its_place_only_as_the_rule_says(
    late: float, delay: float, reference: float, too_late: bool
) -> None:
    found = booked_reference(TIME, TIME + minutes(late), minutes(delay), RULES)
    assert found == (TIME + minutes(reference), too_late)


@given(seconds, delays)
def test_nobody_is_late_for_a_clinician_who_is_later(late: timedelta, delay: timedelta) -> None:
    reference, too_late = booked_reference(TIME, TIME + late, delay, RULES)
    assert too_late == (late - delay > RULES.too_late)
    assert (reference == TIME) == (late - delay <= RULES.grace or late == NEVER)
    assert reference in (TIME, TIME + late)


@given(seconds, seconds, delays)
def test_coming_earlier_is_never_due_later(
    one: timedelta, two: timedelta, delay: timedelta
) -> None:
    earlier, later = sorted((one, two))
    first, first_too_late = booked_reference(TIME, TIME + earlier, delay, RULES)
    second, second_too_late = booked_reference(TIME, TIME + later, delay, RULES)
    assert first <= second
    assert first_too_late <= second_too_late


def test_from_afar_the_wait_counts_from_joining_but_not_before_the_doors_open() -> None:
    opens, come_by = TIME, TIME + minutes(30)
    early, late = TIME - minutes(90), TIME + minutes(5)
    assert remote_reference(early, opens, come_by, TIME + minutes(20), RULES) == opens
    assert remote_reference(late, opens, come_by, None, RULES) == late
    assert remote_reference(early, opens, come_by, come_by + RULES.grace, RULES) == opens
    here = come_by + RULES.grace + timedelta(seconds=1)
    assert remote_reference(early, opens, come_by, here, RULES) == here


def test_the_next_leg_counts_from_the_last_or_a_later_booked_time() -> None:
    assert onward_reference(TIME, None) == TIME
    assert onward_reference(TIME, TIME - minutes(5)) == TIME
    assert onward_reference(TIME, TIME + minutes(5)) == TIME + minutes(5)


@pytest.mark.parametrize(
    ("entry_class", "within"),
    [
        ("emergency", 0),
        ("urgent", 10),
        ("booked", 15),
        ("onward", 10),
        ("walk_in", 60),
        ("vip", 60),
    ],
)
def test_a_class_without_a_target_of_its_own_takes_the_sites(entry_class: str, within: int) -> None:
    assert target_for([], 1, entry_class, TIME.date(), RULES) == minutes(within)


def test_the_target_in_force_on_the_day_counts() -> None:
    def dated(within: float, day: int, service: int = 1, name: str = "walk_in") -> Target:
        return Target(service, name, minutes(within), 0.8, date(2026, 1, day))

    targets = [dated(30, 10), dated(40, 1), dated(20, 20), dated(5, 1, 2), dated(6, 1, 1, "urgent")]
    found = [target_for(targets, 1, "walk_in", date(2026, 1, day), RULES) for day in (1, 13, 20)]
    assert found == [minutes(40), minutes(30), minutes(20)]
    assert target_for(targets, 1, "walk_in", date(2025, 12, 31), RULES) == RULES.walk_in_target


def test_due_by_and_band() -> None:
    due = Due(EntryClass.BOOKED, TIME, minutes(15))
    assert (due.due_by, due.band) == (TIME + minutes(15), 1)
    assert Due(EntryClass.EMERGENCY, TIME, NEVER).band == 0
