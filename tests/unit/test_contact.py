"""One meaning of a phone number and of an e-mail address, wherever they are asked for."""

import pytest

from queueapp.domain.contact import Contact, is_email, phone_digits, read_contact
from queueapp.domain.refusal import Refused


def test_a_number_is_known_however_it_is_typed() -> None:
    for typed, digits in (
        ("07700 900123", "07700900123"),
        ("(020) 7946-0000", "02079460000"),
        ("0044 20/7946.0000", "+442079460000"),
        ("+48 22 123 45 67", "+48221234567"),
    ):
        assert phone_digits(typed) == digits
        assert read_contact(f" {typed} ") == Contact(phone=digits)
    for none in ("", "12", "------", "+", "(((((( ", "1" * 16, "call me", "٠٧٧٠٠٩٠٠١٢٣", "1 " * 30):
        assert phone_digits(none) == ""


def test_an_address_has_one_sign_between_two_names() -> None:
    assert read_contact(" Rosa@Example.org ") == Contact(email="rosa@example.org")
    for wrong in ("a@b", "a@@b.org", "@b.org", "a@b.org, c@d.org", "a b@c.org", "a@.org"):
        assert not is_email(wrong)
        with pytest.raises(Refused) as refused:
            read_contact(wrong)
        assert refused.value.field == "contact"
    assert not is_email("a" * 60 + "@" + "b" * 200 + ".org")
