"""What somebody is called, and whether two ways of writing a name mean the same one."""

import re
import unicodedata

# Letters that are no accented form of another in Unicode, but are typed without their stroke.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
_DOTLESS_I = str.maketrans({"ı": "i", "İ": "i"})
_OTHER = re.compile(r"[^\w]+|_")


def called_name(name: str, chosen_name: str) -> str:
    """The name that a patient is spoken to by."""
    return chosen_name or name


def shown_name(title: str, name: str) -> str:
    """A clinician's title and name, as on a door."""
    return f"{title} {name}".strip()


def folded(name: str) -> tuple[str, ...]:
    """The name's words as they are compared, in alphabetical order; empty for no name.

    Case, accents, spaces and order do not count.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_DOTLESS_I).casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_STROKES)
    # O'Brien and Obrien are one word; Al-Amin and Al Amin are told apart by nothing.
    plain = re.sub(r"['’ʼ`]", "", plain)
    return tuple(sorted(word for word in _OTHER.split(plain) if word))


def same_name(one: str, other: str) -> bool:
    """Whether both mean the same name; no name is the same as no other."""
    a, b = folded(one), folded(other)
    return bool(a) and (a == b or _joined(one) == _joined(other))


def _joined(name: str) -> str:
    """Anna Maria as Annamaria: the letters alone, in the order they were written."""
    plain = unicodedata.normalize("NFKD", name.translate(_DOTLESS_I).casefold())
    plain = plain.translate(_STROKES)
    return "".join(c for c in plain if c.isalnum())
