"""What a phone number and an e-mail address are, and how somebody is reached."""

import re
from dataclasses import dataclass

from queueapp.domain.refusal import invalid

LONGEST_EMAIL = 254
LONGEST_PHONE = 40
_CONTACT = "contact"
_BETWEEN_DIGITS = re.compile(r"[\s().\-/]")
_DIGITS = re.compile(r"\+?[0-9]{6,15}")
_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a message reaches somebody: a phone number in digits, or an e-mail address."""

    phone: str = ""
    email: str = ""


def is_email(text: str) -> bool:
    """Whether it is an e-mail address, and nothing beside it."""
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def phone_digits(text: str) -> str:
    """The number's 6 to 15 digits, with `+` where it names its country; empty if it is none."""
    digits = _BETWEEN_DIGITS.sub("", text)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    return digits if len(text) <= LONGEST_PHONE and _DIGITS.fullmatch(digits) else ""


def read_contact(text: str) -> Contact:
    """A phone number or an e-mail address, however it is typed. Raises Refused (`contact`)."""
    text = text.strip()
    if not text:
        raise invalid(_CONTACT, "Give a mobile number or an e-mail address.")
    if "@" in text:
        if not is_email(text):
            raise invalid(_CONTACT, "Give an e-mail address such as rosa@example.org.")
        return Contact(email=text.lower())
    digits = phone_digits(text)
    if not digits:
        raise invalid(_CONTACT, "Give a mobile number such as 07700 900123, or an e-mail address.")
    return Contact(phone=digits)
