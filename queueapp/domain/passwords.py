"""What a password must be: long, and not one of those tried first. No rule about its characters."""

import functools
import re
import unicodedata
from collections.abc import Iterable
from importlib import resources

from queueapp.domain.refusal import invalid

SHORTEST = 12
LONGEST = 200
# What is left of a password once a common word or a word about its owner is taken out of it.
_LEAST_OF_ITS_OWN = 6
_SHORTEST_WORD = 4
# Words that everybody knows of this system and of where it stands.
ABOUT_US = ("queueapp", "clinic", "reception", "receptionist", "clinician", "manager", "password")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
_DIGITS_AND_SIGNS = re.compile(r"[\W\d_]+")


@functools.cache
def common() -> frozenset[str]:
    """Passwords and words that are tried first, in lower case."""
    text = resources.files("queueapp.domain").joinpath("common_passwords.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(word.lower() for line in lines for word in line.split())


def check(password: str, about: Iterable[str] = ()) -> None:
    """Raise Refused (invalid `password`) for one that is too short, too long or soon guessed.

    `about` are words known of its owner: e-mail address, name, clinic.
    """
    if len(password) < SHORTEST:
        raise invalid("password", f"Give a password of at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise invalid("password", f"Give a password of at most {LONGEST} characters.")
    if is_soon_guessed(password, about):
        raise invalid(
            "password",
            "This password would be guessed soon. Take three or four words that do not belong "
            "together.",
        )


def is_soon_guessed(password: str, about: Iterable[str] = ()) -> bool:
    """Whether it is a common one, one with figures around it, one repeated, a run of keys, or
    little more than a word about its owner or about us."""
    plain = unicodedata.normalize("NFKC", password).lower()
    unit = _unit(plain)
    letters = _DIGITS_AND_SIGNS.sub("", plain)
    if len(unit) < _LEAST_OF_ITS_OWN or _is_run(unit):
        return True
    if {plain, unit, letters, _unit(letters)} & common():
        return True
    rest = letters
    for word in sorted(_words(about) | set(ABOUT_US), key=len, reverse=True):
        rest = rest.replace(word, "")
    return len(rest) < _LEAST_OF_ITS_OWN and rest != letters


def _words(about: Iterable[str]) -> set[str]:
    parts = (part for text in about for part in re.split(r"[\W\d_]+", text.lower()))
    return {part for part in parts if len(part) >= _SHORTEST_WORD}


def _unit(text: str) -> str:
    """The shortest piece that the text is a repetition of; the text itself where it is none."""
    again = (text + text).find(text, 1) if text else 0
    return text[:again] if again else text


def _is_run(text: str) -> bool:
    return any(text in run + run or text in (run + run)[::-1] for run in _RUNS)
