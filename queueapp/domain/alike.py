"""Whether two people's names are so alike that one could answer the other's call."""

from collections.abc import Sequence

from queueapp.domain.names import folded, same_name

# Shorter words differ by a letter without being alike: Li and Lu.
_ONE_SLIP_FROM = 3
_TWO_SLIPS_FROM = 7


def alike(one: str, other: str) -> bool:
    """Whether the names are the same or nearly: each word of the shorter is nearly in the longer.

    "Maria" is alike "Maria Lopez", since a person is called by the chosen name; "Jon Smith" is
    alike "John Smyth"; "Maria Chen" is not alike "Maria Lopez". No name is like no other.
    """
    few, many = sorted((folded(one), folded(other)), key=len)
    if not few:
        return False
    return same_name(one, other) or _within(few, list(many))


def _within(few: Sequence[str], many: list[str]) -> bool:
    for word in few:
        match = next((m for m in many if _near(word, m)), None)
        if match is None:
            return False
        many.remove(match)
    return True


def _near(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    allowed = 2 if shorter >= _TWO_SLIPS_FROM else 1 if shorter >= _ONE_SLIP_FROM else 0
    if one == other or abs(len(one) - len(other)) > allowed:
        return one == other
    return _slips(one, other) <= allowed


def _slips(one: str, other: str) -> int:
    """Optimal string alignment: letters put in, left out, changed, or swapped with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row = row, [i]
        for j, b in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = last
    return row[-1]
