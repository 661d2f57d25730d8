"""Nobody called twice, no ticket twice, no time twice; each with a control without its guard."""

from tests.races import contests


def test_sixteen_callers_drain_the_queue(fresh_database: str) -> None:
    result = contests.drain(fresh_database, 48, processes=2)
    assert (result.twice, result.lost) == (0, 0)


def test_without_the_lock_somebody_is_called_twice(fresh_database: str) -> None:
    assert contests.drain(fresh_database, 24, callers=8, processes=2, guarded=False).twice > 0


def test_ticket_codes_from_several_processes_differ(fresh_database: str) -> None:
    result = contests.number(fresh_database, 90, processes=3)
    assert (result.twice, result.lost) == (0, 0)


def test_without_the_counter_codes_repeat(fresh_database: str) -> None:
    assert contests.number(fresh_database, 90, processes=3, guarded=False).twice > 0


def test_overlapping_bookings_never_stand(fresh_database: str) -> None:
    result = contests.book(fresh_database, 300, processes=3)
    assert (result.twice, result.lost) == (0, 0)
    assert result.wanted > 20


def test_without_the_constraint_bookings_overlap(fresh_database: str) -> None:
    assert contests.book(fresh_database, 150, processes=3, guarded=False).twice > 0
