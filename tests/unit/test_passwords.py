"""Passwords: long ones of any sort; not the ones that are tried first."""

import pytest

from queueapp.domain import passwords
from queueapp.domain.refusal import Refused


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Liverpool2024!", "aaaaaaaaaaaa", "123456789012", "abcabcabcabc",
        "qwertyuiop12", "zyxwvutsrqpo", "queueapp-2026", "clinic-clinic-1", "trustno1trustno1",
        "anna.smith2024", "Harbour2026!!",
    ],
)  # fmt: skip
def test_what_is_soon_guessed_is_refused(password: str) -> None:
    with pytest.raises(Refused, match="guessed soon"):
        passwords.check(password, ["anna.smith@example.org", "Harbour"])


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "four small words", "ノックしてください、お願い", "Zq7!" * 3 + "k",
        "x" * 3 + "mostly harmless" + "y" * 100, "   spaces count too   ",
    ],
)  # fmt: skip
def test_any_characters_will_do(password: str) -> None:
    passwords.check(password, ["anna.smith@example.org", "Harbour"])


@pytest.mark.parametrize(
    ("password", "words"), [("elevenchars", "at least 12"), ("long " * 50, "at most 200")]
)
def test_a_length_that_cannot_be_is_named(password: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        passwords.check(password)
    assert refused.value.field == "password"


def test_the_three_thousand_most_used_are_known() -> None:
    assert len(passwords.common()) >= 3000
    assert {"123456", "password", "iloveyou", "liverpool"} <= passwords.common()
