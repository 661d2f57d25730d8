"""A person's facts in the words that staff read: languages, ways of calling, dates of birth."""

from collections.abc import Iterable
from datetime import date

from queueapp.domain.visit import CallRoute

LANGUAGES = {
    "en": "English", "ar": "Arabic", "bn": "Bengali", "de": "German", "es": "Spanish",
    "fa": "Persian", "fr": "French", "hi": "Hindi", "it": "Italian", "pa": "Punjabi",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "so": "Somali", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "zh": "Chinese",
}  # fmt: skip
ROUTES = {
    CallRoute.LOBBY.value: "screen",
    CallRoute.PHONE.value: "phone",
    CallRoute.FETCH.value: "somebody goes over",
}
LONG_ROUTES = {
    CallRoute.LOBBY.value: "Lobby screen",
    CallRoute.PHONE.value: "Phone",
    CallRoute.FETCH.value: "Somebody goes over",
}


def language(code: str) -> str:
    """A language by its English name; an unknown code as it is."""
    return LANGUAGES.get(code.split("-")[0].lower(), code)


def joined(words: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    some = list(words)
    return f" {last} ".join([", ".join(some[:-1]), some[-1]] if len(some) > 1 else some)


def spoken_date(day: date) -> str:
    """A date as it is said: `4 May 1961`."""
    return f"{day.day} {day:%B} {day.year}"


def years(born: date, today: date) -> int:
    """Whole years of age."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
