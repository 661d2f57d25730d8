"""The languages that a kiosk and the phone page of a visit speak."""

# By their own names, in the order they are offered in; English is what the pages are written in.
OFFERED = {
    "en": "English",
    "ar": "العربية",
    "es": "Español",
    "fr": "Français",
    "pl": "Polski",
    "pt": "Português",
    "tr": "Türkçe",
    "uk": "Українська",
}
WRITTEN_IN = "en"
RIGHT_TO_LEFT = frozenset({"ar"})


def N_(words: str) -> str:
    """Marks words that are said elsewhere, so that the catalogues know them."""
    return words


def offered(code: str, otherwise: str) -> str:
    """The offered language of a code such as `pt-BR`; `otherwise` where it is none."""
    plain = code.split("-")[0].lower()
    return plain if plain in OFFERED else otherwise


def direction(code: str) -> str:
    """`rtl` or `ltr`: how the language is written."""
    return "rtl" if code in RIGHT_TO_LEFT else "ltr"
