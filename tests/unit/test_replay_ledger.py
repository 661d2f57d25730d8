"""What a replay holds against a server: losses, doubles and calls out of order, and no others."""

from datetime import UTC, datetime, timedelta

from queueapp.commands.replay_ledger import Ledger, Summons, Taken

NOON = datetime(2026, 1, 13, 12, tzinfo=UTC)


def _ledger(*due: int, service: str = "gp") -> Ledger:
    ledger = Ledger({"Ruiz": {"gp"}, "Tran": {"nurse"}})
    for n, minutes in enumerate(due, start=1):
        due_by = NOON + timedelta(minutes=minutes)
        ledger.acknowledge(Taken(n, f"A{n:02}", service, due_by, acked_at=float(n)))
    return ledger


def _call(ledger: Ledger, entry: int, sent: float, answered: float, who: str = "Ruiz") -> None:
    ledger.called(Summons(sent, answered, who, entry, f"A{entry:02}"))


def test_calling_one_who_is_due_later_is_a_violation() -> None:
    ledger = _ledger(10, 20)
    _call(ledger, 2, 5.0, 6.0)
    assert ledger.order_violations() == 1


def test_calling_in_order_is_none() -> None:
    ledger = _ledger(10, 20)
    _call(ledger, 1, 5.0, 6.0)
    _call(ledger, 2, 7.0, 8.0)
    assert ledger.order_violations() == 0


def test_one_acknowledged_after_the_call_was_sent_excuses_it() -> None:
    ledger = _ledger(20, 10)
    _call(ledger, 1, 1.5, 6.0)
    assert ledger.order_violations() == 0


def test_one_with_a_request_in_flight_excuses_it() -> None:
    ledger = _ledger(10, 20)
    _call(ledger, 2, 5.0, 6.0)
    ledger.taken[1].touch(5.5)
    assert ledger.order_violations() == 0


def test_one_touched_only_afterwards_does_not() -> None:
    ledger = _ledger(10, 20)
    _call(ledger, 2, 5.0, 6.0)
    ledger.taken[1].touch(6.5)
    assert ledger.order_violations() == 1


def test_one_whom_the_clinician_cannot_serve_excuses_it() -> None:
    ledger = _ledger(10, 20)
    ledger.taken[2].service = "nurse"
    _call(ledger, 2, 5.0, 6.0, who="Tran")
    assert ledger.order_violations() == 0


def test_handed_out_twice_and_tickets_given_twice_are_duplicates() -> None:
    ledger = _ledger(10, 20)
    _call(ledger, 1, 5.0, 6.0)
    _call(ledger, 1, 7.0, 8.0)
    ledger.acknowledge(Taken(3, "A02", "gp", NOON, 9.0))
    assert ledger.duplicated() == 2


def test_lost_are_those_in_no_final_state_and_gone_and_calls_no_lobby_saw() -> None:
    ledger = _ledger(10, 20, 30)
    ledger.taken[1].state = "finished"
    _call(ledger, 1, 5.0, 6.0)
    assert ledger.lost({2}, {"A01"}) == 1
    assert ledger.lost({2, 3}, set()) == 1
    assert ledger.lost({2, 3}, {"A01"}) == 0


def test_one_called_before_its_ticket_was_answered_is_held_against_no_later_call() -> None:
    ledger = _ledger(20)
    _call(ledger, 2, 5.0, 5.5)
    early = NOON + timedelta(minutes=10)
    ledger.acknowledge(Taken(2, "A02", "gp", early, acked_at=6.0))
    _call(ledger, 1, 7.0, 8.0)
    assert ledger.order_violations() == 0
    assert ledger.duplicated() == 0
