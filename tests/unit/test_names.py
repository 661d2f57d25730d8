"""Two ways of writing a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.names import folded, same_name


@pytest.mark.parametrize(
    ("typed", "booked"),
    [
        ("zoe lukasz", "Zoë Łukasz"),
        ("LUKASZ ZOE", "Zoë Łukasz"),
        ("  Anna   Maria Rossi", "Annamaria Rossi"),
        ("Oconnor Sinead", "Sinéad O’Connor"),
        ("O'Connor Sinéad", "Sinéad O’Connor"),
        ("al amin omar", "Omar Al-Amin"),
        ("Isik", "Işık"),
        ("Soren Bjork", "Søren Björk"),
        ("strasse", "Straße"),
        ("ИРИНА", "Ирина"),
        ("سارة علي", "علي سارة"),
    ],
)
def test_the_same_name_is_known_however_it_is_written(typed: str, booked: str) -> None:
    assert same_name(typed, booked)


@pytest.mark.parametrize(
    ("typed", "booked"),
    [
        ("Ana Ruiz", "Ana Ruiz Gil"),
        ("Ana", "Ana Ruiz"),
        ("Ann Ruiz", "Ana Ruiz"),
        ("", ""),
        ("", "Ana"),
        ("--", "--"),
    ],
)
def test_a_part_of_a_name_or_none_is_not_the_same(typed: str, booked: str) -> None:
    assert not same_name(typed, booked)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=1, max_size=4))
def test_order_and_case_never_matter(words: list[str]) -> None:
    if folded(" ".join(words)):
        assert same_name(" ".join(words).upper().lower(), " ".join(reversed(words)).lower())
