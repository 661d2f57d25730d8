"""What templates may use: local clocks, words for ranges and times, the page's own data."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask, current_app, g
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from queueapp.config import Settings
from queueapp.domain.localtime import to_local
from queueapp.languages import clock_words, day_words
from queueapp.waits.promise import spoken_range
from queueapp.web import security
from queueapp.web.forms import post_fields


def local_clock(instant: datetime | None, zone: str, seconds: bool = False) -> str:
    """`10:41` on the site's wall clock; empty without an instant."""
    if instant is None:
        return ""
    local = to_local(zone, instant)
    return f"{local:%H:%M:%S}" if seconds else clock_words(local)


def local_day(instant: datetime, zone: str) -> str:
    """`Tuesday 12 May` at the site."""
    return day_words(to_local(zone, instant))


def iso(instant: datetime) -> str:
    """An instant for the `datetime` attribute and for scripts."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def minutes(span: timedelta | float | int | None) -> str:
    """Whole minutes, rounded up from half a minute: `12`; spans are timedeltas or seconds."""
    if span is None:
        return ""
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    return str(max(0, int((seconds + 30) // 60)))


def range_words(low_s: float | None, high_s: float | None) -> str:
    """`20–35`: whole minutes that contain the range of seconds, as it is told everywhere."""
    if low_s is None or high_s is None:
        return ""
    low, high = spoken_range(max(low_s, 0.0), max(high_s, low_s, 0.0))
    return f"{low}–{high}"


def bold(words: str) -> Markup:
    """Words that stand out within a sentence."""
    return Markup("<b>{}</b>").format(words)


def figures(words: str, *, stand_out: bool = False) -> Markup:
    """Figures of one width within a sentence."""
    return Markup('<{0} class="num">{1}</{0}>').format("b" if stand_out else "span", words)


def since(instant: datetime) -> Markup:
    """`<time data-since>`: its words ("3 min ago") are kept by live.js, not by us."""
    return _time("since", instant)


def until(instant: datetime) -> Markup:
    """`<time data-until>`: "in 3 min", then "1 min late"."""
    return _time("until", instant)


def _time(what: str, instant: datetime) -> Markup:
    # An instant's text holds nothing to escape, which `Markup.format` takes long to look for.
    at = iso(instant)
    return Markup(f'<time datetime="{at}" data-{what}="{at}"></time>')


def public_url(path: str) -> str:
    """The address by which people reach `path` from elsewhere."""
    settings: Settings = current_app.extensions["queueapp.settings"]
    return settings.public_url + path


def _csrf() -> str:
    return "" if g.get("is_live") else generate_csrf()


def _for_every_page() -> dict[str, Any]:
    if g.get("is_live"):
        return {"now": datetime.now(UTC)}
    return {"now": security.now(), "site": g.get("site"), "who": g.get("identity")}


def register(app: Flask) -> None:
    """Give the templates their words."""
    app.jinja_env.globals.update(
        bold=bold,
        figures=figures,
        time_bold=partial(figures, stand_out=True),
        csrf=_csrf,
        post_fields=post_fields,
        public_url=public_url,
        since=since,
        until=until,
    )
    app.jinja_env.filters.update(
        clock=local_clock,
        day=local_day,
        iso=iso,
        minutes=minutes,
    )
    app.jinja_env.globals["range_words"] = range_words
    app.context_processor(_for_every_page)
