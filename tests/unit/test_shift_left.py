"""What is left of a shift: whoever is free first takes the first whom they may see."""

from datetime import UTC, datetime, timedelta

from queueapp.domain.localtime import to_local
from queueapp.domain.shift_left import Bench, Job, done_between, lay_out, usual_moments
from queueapp.domain.spans import Span

NINE = datetime(2026, 1, 13, 9, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def job(key: str, *shifts: int, minutes: int = 10, from_at: float = 0) -> Job:
    return Job(key, at(from_at), timedelta(minutes=minutes), frozenset(shifts))


def bench(shift: int, free: float = 0, ends: float = 240, *breaks: tuple[int, int]) -> Bench:
    return Bench(shift, at(free), at(ends), [Span(at(a), at(b)) for a, b in breaks])


def told(jobs: list[Job], *benches: Bench) -> dict[int, list[tuple[str, float]]]:
    laid = lay_out(jobs, benches)
    return {
        n: [(p.job.key, (p.start - NINE) / timedelta(minutes=1)) for p in placed]
        for n, placed in laid.items()
    }


def test_two_clinicians_share_a_line_and_each_keeps_to_whom_they_may_see() -> None:
    jobs = [job("A", 1, 2), job("B", 1, 2), job("C", 2), job("D", 1, 2)]
    assert told(jobs, bench(1), bench(2, free=5)) == {
        1: [("A", 0), ("D", 10)],
        2: [("B", 5), ("C", 15)],
    }


def test_booked_people_come_at_their_time_and_others_go_before() -> None:
    jobs = [job("A", 1), job("booked", 1, from_at=30), job("out", 1, from_at=15)]
    assert told(jobs, bench(1)) == {1: [("A", 0), ("out", 15), ("booked", 30)]}


def test_nobody_begins_in_a_break_or_after_the_end() -> None:
    jobs = [job(key, 1) for key in "ABCD"]
    assert told(jobs, bench(1, 0, 45, (10, 30))) == {1: [("A", 0), ("B", 30), ("C", 40)]}


def test_the_range_widens_like_independent_visits() -> None:
    ten = timedelta(minutes=10)
    low, high = done_between(NINE, [ten], 0.6, 1.0)
    assert (low, high) == (at(4), at(16))
    low, high = done_between(NINE, [ten] * 4, 0.6, 1.0)
    assert (low, high) == (at(28), at(52))


def test_what_was_given_is_left_as_it_was() -> None:
    mine = bench(1)
    lay_out([job("A", 1)], [mine])
    assert mine.free_at == NINE


def test_usual_ones_come_as_often_as_in_the_hours_of_the_past() -> None:
    # Four in the hour from 10, two in the hour from 11, nobody after: local hours, here London's.
    start = datetime(2026, 7, 7, 9, 30, tzinfo=UTC)  # 10:30 on the wall
    came = usual_moments({10: 4.0, 11: 2.0}, "Europe/London", start, start + timedelta(hours=6))
    local = [f"{to_local('Europe/London', moment):%H:%M:%S}" for moment in came]
    assert local == ["10:37:30", "10:52:30", "11:15:00", "11:45:00"]
    # A rate below one an hour adds up over the hours; nobody is drawn after the end.
    slow = usual_moments(dict.fromkeys(range(24), 0.25), "UTC", start, start + timedelta(hours=7))
    assert [m - start for m in slow] == [timedelta(hours=2), timedelta(hours=6)]
    assert usual_moments({}, "UTC", start, start + timedelta(hours=7)) == []
