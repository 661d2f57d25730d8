"""A walk-in in one typed line: "rosa lind blood only ruiz" read into name, service, class, wish.

Words may come in any order, but a clinician's bare name counts only after the service: patients
may be called like clinicians. What is no other thing is the name.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time

from queueapp.domain.refusal import invalid
from queueapp.domain.visit import EntryClass, PreferenceKind

LONGEST = 200
_SHORTEST_PREFIX = 3
_CLASSES = {
    "urgent": EntryClass.URGENT,
    "emergency": EntryClass.EMERGENCY,
    "booked": None,
}
_FILLERS = {"with", "dr", "dr.", "for", "at", "since"}
_TIME = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)")
_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})|(\d{4})-(\d{2})-(\d{2})")
_PHONE = re.compile(r"\+?\d[\d()-]{6,17}")


@dataclass(frozen=True, slots=True)
class Known:
    """A service or clinician that may be named: its id and the words it is known by."""

    id: int
    name: str
    words: str = ""

    @property
    def folded(self) -> list[str]:
        """The words, without case and accents."""
        return _split(f"{self.name} {self.words}")


@dataclass(frozen=True, slots=True)
class WalkInLine:
    """What the line says; `problems` are whole sentences that say what would be right."""

    name: str = ""
    service: Known | None = None
    entry_class: str = EntryClass.WALK_IN.value
    preference: PreferenceKind = PreferenceKind.NONE
    clinician: Known | None = None
    birth_date: date | None = None
    phone: str = ""
    came_at: time | None = None
    problems: list[str] = field(default_factory=list)


def parse(text: str, services: Sequence[Known], clinicians: Sequence[Known]) -> WalkInLine:
    """Read the line. Raises Refused (invalid `line`) only for one that is too long to be one."""
    if len(text) > LONGEST:
        raise invalid("line", f"Use at most {LONGEST} characters.")
    reader = _Reader(services, clinicians)
    return reader.read(text.replace(",", " ").split())


class _Reader:
    def __init__(self, services: Sequence[Known], clinicians: Sequence[Known]) -> None:
        self.services, self.clinicians = services, clinicians
        self.found = WalkInLine()
        self.names: list[str] = []
        self.problems: list[str] = []

    def read(self, words: list[str]) -> WalkInLine:
        at = 0
        while at < len(words):
            at += self._take(words, at)
        if self.found.service is None and len(self.services) == 1:
            self.found = replace(self.found, service=self.services[0])
        if self.found.service is None and not self.problems:
            names = ", ".join(service.name for service in self.services)
            self.problems.append(f"Add what it is for: {names}.")
        return replace(self.found, name=_proper(self.names), problems=self.problems)

    def _take(self, words: list[str], at: int) -> int:
        """Read what begins at `at`; how many words it took."""
        word = fold(words[at])
        if self._figure(words[at]):
            return 1
        if word in _CLASSES and (kind := _CLASSES[word]):
            self.found = replace(self.found, entry_class=kind.value)
            return 1
        if word == "only":
            return 1 + self._wish(words, at + 1, PreferenceKind.ONLY)
        if word in ("with", "dr", "dr.") and at + 1 < len(words):
            taken = self._wish(words, at + 1, PreferenceKind.IF_POSSIBLE)
            return 1 + taken
        if self.found.service is None and (taken := self._service(words, at)):
            return taken
        if self.found.service is not None:
            if self.found.clinician is None and self._named(self.clinicians, word, whole=True):
                return self._wish(words, at, PreferenceKind.IF_POSSIBLE)
            if word in ("if", "possible"):
                return 1
        if word in _FILLERS and self.names and at + 1 < len(words):
            return 1
        self.names.append(words[at])
        return 1

    def _figure(self, word: str) -> bool:
        if match := _DATE.fullmatch(word):
            day, month, year, iso_year, iso_month, iso_day = match.groups()
            try:
                born = date(int(year or iso_year), int(month or iso_month), int(day or iso_day))
            except ValueError:
                self.problems.append(f"“{word}” is no date. Write a birth date as 27.3.1985.")
                return True
            self.found = replace(self.found, birth_date=born)
            return True
        if match := _TIME.fullmatch(word):
            came = time(int(match[1]), int(match[2]))
            self.found = replace(self.found, came_at=came)
            return True
        if _PHONE.fullmatch(word):
            self.found = replace(self.found, phone=word)
            return True
        return False

    def _service(self, words: list[str], at: int) -> int:
        matches = self._named(self.services, fold(words[at]))
        if not matches:
            return 0
        taken = 1
        while at + taken < len(words):
            # More of its words are taken as long as they fit one that is still meant.
            more = [s for s in matches if _is_among(fold(words[at + taken]), s.folded)]
            if not more:
                break
            matches, taken = more, taken + 1
        exact = [s for s in matches if fold(words[at]) in s.folded]
        matches = exact or matches
        if len(matches) > 1:
            names = " or ".join(service.name for service in matches)
            self.problems.append(f"“{words[at]}” could be {names}. Type more of it.")
            return taken
        self.found = replace(self.found, service=matches[0])
        return taken

    def _wish(self, words: list[str], at: int, kind: PreferenceKind) -> int:
        while at < len(words) and fold(words[at]) in ("dr", "dr."):
            return 1 + self._wish(words, at + 1, kind)
        matches = self._named(self.clinicians, fold(words[at])) if at < len(words) else []
        if len(matches) == 1:
            self.found = replace(self.found, preference=kind, clinician=matches[0])
            return 1
        names = ", ".join(c.name for c in (matches or self.clinicians))
        said = "Several are called so" if matches else "Say whom"
        self.problems.append(f"{said}: {names}.")
        return 1 if at < len(words) else 0

    def _named(self, known: Sequence[Known], word: str, *, whole: bool = False) -> list[Known]:
        exact = [one for one in known if word in one.folded]
        if exact or whole or len(word) < _SHORTEST_PREFIX:
            return exact
        return [one for one in known if _is_among(word, one.folded)]


def fold(word: str) -> str:
    """Without case and accents, for comparing."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def _split(words: str) -> list[str]:
    parts = re.split(r"[\s,;/()’'-]+", fold(words))
    return [p for p in parts if len(p) > 1 and p not in _COMMON]


_COMMON = {"and", "for", "the", "with", "dr", "of", "to", "an", "my", "or", "in"}


def _is_among(word: str, words: Iterable[str]) -> bool:
    return any(
        word == one or (len(word) >= _SHORTEST_PREFIX and one.startswith(word)) for one in words
    )


def _proper(words: list[str]) -> str:
    """The name with capitals where it was typed without any: "noor el-sayed", "o'neil"."""
    name = " ".join(words)
    if name != name.lower():
        return name
    return re.sub(r"(^|[\s'’-])(\w)", lambda m: m[1] + m[2].upper(), name)
