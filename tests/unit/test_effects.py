"""Who gains and who loses is said in one sentence that a receptionist can read aloud."""

from math import inf

from queueapp.domain.effects import Change, Consequence
from queueapp.domain.quantiles import Quantiles


def wait(minutes: float, miss: float = 0.0) -> Quantiles:
    return Quantiles(minutes * 30, minutes * 60, minutes * 90, miss)


def change(
    n: int, before: float | Quantiles | None, after: float | Quantiles | None, **more: object
) -> Change:
    def told(one: float | Quantiles | None) -> Quantiles | None:
        return wait(one) if isinstance(one, float | int) else one

    values = {"entry_id": n, "ticket": f"B{n}", "before": told(before), "after": told(after)}
    return Change(**values | more)  # type: ignore[arg-type]


def test_the_one_acted_on_comes_first_then_who_pays_for_it() -> None:
    ann = change(12, 20, 14, name="Ann", acted_on=True)
    found = Consequence((*(change(n, 5 + n, 7 + n) for n in (1, 2, 3)), ann, change(9, 40, 40)))
    assert found.sentence() == (
        "Ann (B12) 6 min sooner; 3 people 2 min later; nobody newly misses the target."
    )
    assert found.sentence(names=False).startswith("B12 6 min sooner;")
    assert [c.ticket for c in found.losses] == ["B1", "B2", "B3"]
    assert [c.ticket for c in found.gains] == ["B12"]


def test_a_call_a_newcomer_and_a_leaving_are_said_as_what_they_are() -> None:
    called = Consequence(
        (
            change(1, 0, 12, name="Bo", acted_on=True),
            change(2, 9, 0, name="Cy", acted_on=True, is_called=True),
        )
    )
    assert called.sentence() == (
        "Bo (B1) 12 min later; Cy (B2) is called now, 9 min sooner; "
        "nobody else waits longer; nobody newly misses the target."
    )
    new = Consequence((change(1, 10, 13), change(7, None, 25, acted_on=True, is_new=True)))
    assert new.sentence() == (
        "The newcomer waits about 25 min; B1 3 min later; nobody newly misses the target."
    )
    gone = Consequence((change(1, 10, 6), change(2, 3, None, acted_on=True)))
    assert gone.sentence().startswith("B2 leaves the line; B1 4 min sooner;")


def test_who_comes_to_miss_the_target_or_is_not_reached_any_more_is_said() -> None:
    found = Consequence(
        (
            change(1, wait(20, 0.4), wait(26, 0.7), name="Dee"),
            change(2, wait(20, 0.6), wait(12, 0.2), acted_on=True),
            change(3, 60, Quantiles(60.0, inf, inf, 1.0, 0.6)),
        )
    )
    assert found.sentence() == (
        "B2 8 min sooner; Dee (B1) 6 min later; B3 likely not reached today; "
        "B2 no longer likely to miss the target; 2 people are now likely to miss the target."
    )
    assert [c.ticket for c in found.newly_missing] == ["B1", "B3"]
    # Whose chance was that already is not counted again, nor who was never reached.
    never = Quantiles(inf, inf, inf, 1.0, 1.0)
    same = Consequence((change(1, wait(30, 0.9), wait(31, 0.95)), change(2, never, never)))
    assert same.sentence() == "B1 1 min later; nobody newly misses the target."
