"""What is said in a person's language: catalogues, clocks and days, refusals.

A page is written in English; `translations/<code>/LC_MESSAGES/messages.po` holds the same sentences
in the other languages (docs/languages.md). Nothing is compiled ahead: each catalogue is read once
per process, when somebody first speaks its language.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale, dates
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_percent
from babel.support import NullTranslations, Translations
from flask import Flask
from flask_babel import Babel, Domain, force_locale, get_locale, ngettext
from flask_babel import gettext as _

from queueapp.actions.hits import DAYS, ENOUGH, Hits
from queueapp.actions.revisions import REASONS, URGENT_MANY, URGENT_ONE
from queueapp.domain.languages import N_, OFFERED, WRITTEN_IN, direction
from queueapp.domain.refusal import RefusalKind, Refused

CATALOGUES = Path(__file__).parent / "translations"
# Each plural form of a language turns up among these numbers.
_NUMBERS = range(201)
_NUMBER = re.escape("%(num)s")

__all__ = ["OFFERED", "force_locale", "register", "spoken"]


# What the rules refuse a patient, by its code; whatever else is refused sends to the desk.
_REFUSED = {
    "no_service": N_("Nobody can be called from here. Tell the desk now."),
    "intake_ended": N_(
        "No more tickets for this today; the last was at %(last)s. "
        "Choose something else, or ask the desk."
    ),
    "waiting_limit": N_(
        "As many people wait for this as we can see today. Choose something else, or ask the desk."
    ),
}
# What was typed or chosen wrongly, by its field.
_WRONG = {
    "call": N_("Choose sound, the screen, your phone, or somebody who comes over."),
    "help": N_("Choose what helps you from the list."),
    "phone": N_("Give the whole phone number, such as 07700 900123."),
    "minutes": N_("Choose 10, 20 or 30 minutes."),
    "sorted_out": N_("Choose yes, partly or no."),
    "reach": N_("Give a phone number or an e-mail address, so that we can reach you."),
}
_ELSE = N_("This cannot be done now. Please ask at the desk.")


class _Catalogues(Domain):  # type: ignore[misc]
    """Flask-Babel's lookup, on catalogues as we commit them."""

    def get_translations(self) -> NullTranslations:
        return translations_of(spoken())


class _Languages(Babel):  # type: ignore[misc]
    domain_instance = _Catalogues()


def register(app: Flask, choose: Callable[[], str]) -> None:
    """Let the templates speak; `choose` says in which language a request is answered."""
    _Languages(app, default_locale=WRITTEN_IN, locale_selector=choose)
    app.jinja_env.globals.update(
        spoken=spoken,
        direction=direction,
        script_words=script_words,
        refusal_words=refusal_words,
        reason_words=reason_words,
        in_room=room_words,
        hit_words=hit_words,
    )


def spoken() -> str:
    """The code of the language that is being spoken."""
    locale = get_locale()
    return locale.language if locale else WRITTEN_IN


@lru_cache(maxsize=len(OFFERED))
def catalogue_of(code: str) -> Catalog:
    """The catalogue of a language, as committed."""
    with (CATALOGUES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


@lru_cache(maxsize=len(OFFERED))
def translations_of(code: str) -> NullTranslations:
    """What gettext looks up in; the language the pages are written in needs none."""
    if code == WRITTEN_IN:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue_of(code))
    compiled.seek(0)
    return Translations(compiled)


@lru_cache(maxsize=len(OFFERED))
def script_words(code: str) -> str:
    """The sentences of static/js as JSON; those with a plural by CLDR's name of each form."""
    if code == WRITTEN_IN:
        return ""
    found: dict[str, str | dict[str, str]] = {}
    locale, translations = Locale.parse(code), translations_of(code)
    for message in catalogue_of(code):
        if not any(str(path).startswith("static/js/") for path, _line in message.locations):
            continue
        if isinstance(message.id, tuple):
            one, many = message.id
            found[one] = {
                locale.plural_form(n): translations.ungettext(one, many, n) for n in _NUMBERS
            }
        else:
            found[message.id] = str(message.string)
    return json.dumps(found, ensure_ascii=False, sort_keys=True)


def clock_words(local: datetime) -> str:
    """`14:05`, or as the language writes it; of a wall clock."""
    if spoken() == WRITTEN_IN:
        return f"{local:%H:%M}"
    return dates.format_time(local, "short", tzinfo=local.tzinfo, locale=spoken())


def day_words(local: datetime) -> str:
    """`Tuesday 12 May`, or as the language writes it."""
    if spoken() == WRITTEN_IN:
        return f"{local:%A} {local.day} {local:%B}"
    return dates.format_skeleton("MMMMEEEEd", local, tzinfo=local.tzinfo, locale=spoken())


def refusal_words(refused: Refused) -> str:
    """A refusal in the language that is spoken."""
    if spoken() == WRITTEN_IN:
        return refused.message
    if refused.code == "closed":
        opens = refused.details.get("opens_at")
        if not opens:
            return _("We are closed now.")
        local = datetime.fromisoformat(str(opens))
        when = f"{dates.format_date(local, 'EEEE', locale=spoken())}, {clock_words(local)}"
        return _("We are closed now. We open again: %(when)s.", when=when)
    if refused.kind is RefusalKind.INVALID:
        return _(_WRONG.get(refused.field, _ELSE))
    return _(_REFUSED.get(refused.code, _ELSE), **refused.details)


def reason_words(reason: str) -> str:
    """Why a promise was revised, in the language that is spoken; it is kept in English."""
    if spoken() == WRITTEN_IN:
        return reason
    for known in REASONS:
        found = re.fullmatch(re.escape(known).replace(_NUMBER, r"(\d+)"), reason)
        if found is None:
            continue
        if known in (URGENT_ONE, URGENT_MANY):
            many = int(found[1]) if found.groups() else 1
            return ngettext("An urgent patient came in.", "%(num)s urgent patients came in.", many)
        return _(known, num=found[1]) if found.groups() else _(known)
    return ""


def room_words(name: str) -> str:
    """A room within a sentence: as the clinic named it, but for a mere number."""
    number = name.removeprefix("Room ")
    if number != name:
        return _("Room %(number)s", number=number).replace(" ", "\N{NO-BREAK SPACE}")
    return name


def hit_words(hits: Hits | None) -> str:
    """`Right 83 % of the last 30 days, of 412 promises`, or that there are too few to say.

    Empty of what is not counted.
    """
    if hits is None:
        return ""
    if hits.share is None:
        return _(
            "How often we are right: too few promises yet to say, %(num)s of %(enough)s",
            num=hits.told,
            enough=ENOUGH,
        )
    per_cent = f"{hits.share:.0%}".replace("%", " %")
    if spoken() != WRITTEN_IN:
        per_cent = format_percent(hits.share, locale=spoken())
    return _(
        "Right %(share)s of the last %(days)s days, of %(num)s promises",
        share=per_cent,
        days=DAYS,
        num=hits.told,
    )


def not_reached_words(per_cent: int | None) -> str:
    """That one may not be called today, with how likely that is; empty while it is not."""
    if not per_cent:
        return ""
    share = format_percent(per_cent / 100, locale=spoken())
    return _("We may not reach you today. The chance of that is about %(share)s.", share=share)
