"""Names so alike that one could answer the other's call."""

import pytest

from queueapp.domain.alike import alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Maria Lopez", "Maria Lopez"),
        ("Maria Lopez", "LOPEZ, María"),
        ("Maria", "Maria Lopez"),
        ("Jon Smith", "John Smyth"),
        ("Mariam Haddad", "Maryam Hadad"),
        ("Katherine Schmidt", "Catharine Schmidt"),
        ("Lukasz Nowak", "Łukasz Nowak"),
        ("Anna Maria Rossi", "Annamaria Rossi"),
        ("Brain Jones", "Brian Jones"),
    ],
)
def test_alike_both_ways(one: str, other: str) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Maria Lopez", "Maria Chen"),
        ("Peter Lopez", "Maria Lopez"),
        ("Li Wei", "Lu Wen"),
        ("Margaret Hollis", "Martin Hollis"),
        ("Ann Ann", "Ann Lee"),
        ("", "Maria"),
        ("", ""),
    ],
)
def test_not_alike_both_ways(one: str, other: str) -> None:
    assert not alike(one, other)
    assert not alike(other, one)
