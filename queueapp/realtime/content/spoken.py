"""A person's facts in the words that staff read: languages, ways of calling, dates of birth."""

from collections.abc import Iterable
from datetime import date

from queueapp.domain.visit import CallRoute

LANGUAGES = {
    "am": "Amharic", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "bs": "Bosnian",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "ku": "Kurdish", "lt": "Lithuanian", "lv": "Latvian", "mt": "Maltese",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish",
    "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "th": "Thai", "ti": "Tigrinya", "tl": "Tagalog",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "yo": "Yoruba",
    "zh": "Chinese",
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
