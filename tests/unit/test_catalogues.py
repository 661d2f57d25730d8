"""Every sentence that kiosk and phone say is there in every language they offer."""

import configparser
import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from queueapp.domain.languages import OFFERED, WRITTEN_IN
from queueapp.languages import CATALOGUES, catalogue_of

ROOT = Path(__file__).parents[2]
FIELD = re.compile(r"%\(\w+\)s|</?b>")
# Reading a file for its sentences takes long; most have none.
MARKED = re.compile(r"\b(?:N?_|n?gettext)\(")
OTHERS = sorted(set(OFFERED) - {WRITTEN_IN})
Message = str | tuple[str, ...]


@cache
def said() -> frozenset[Message]:
    """Every sentence marked in templates, pages and scripts, as babel.cfg says where to look."""
    config = configparser.ConfigParser()
    config.read(ROOT / "babel.cfg")
    found: set[Message] = set()
    for section in config.sections():
        method, pattern = (part.strip() for part in section.split(":"))
        for path in sorted(ROOT.glob(pattern)):
            if not MARKED.search(path.read_text()):
                continue
            found |= {message for _line, message, *_more in extract_from_file(method, path)}
    return frozenset(found)


def test_the_looking_itself_finds_pages_rules_and_scripts() -> None:
    one = "<b>%(num)s person</b> before you"
    assert {"Chest pain", "Closed now", "Not live"} <= said()
    assert (one, "<b>%(num)s people</b> before you") in said()
    assert {path.name for path in CATALOGUES.iterdir()} == set(OTHERS)


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_is_translated_and_none_is_left_over(code: str) -> None:
    catalogue = {message.id: message for message in catalogue_of(code) if message.id}
    assert set(catalogue) == said()
    for words, message in catalogue.items():
        several = isinstance(words, tuple)
        forms = message.string if several else (message.string,)
        assert all(forms), words
        assert not message.fuzzy, words
        assert not list(message.check(catalogue_of(code))), words
        wanted = set(FIELD.findall(words[-1] if several else words))
        for form in forms:
            # One or two may be words alone: "one person", "two people".
            missing = wanted - set(FIELD.findall(form)) - ({"%(num)s", "<b>", "</b>"} & wanted)
            assert not missing, (words, form)
            assert set(FIELD.findall(form)) <= wanted, (words, form)
            assert several or wanted == set(FIELD.findall(form)), (words, form)
