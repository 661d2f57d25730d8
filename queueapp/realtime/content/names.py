"""A person's name as staff screens write it: hidden by one key, the ticket in its place."""

from markupsafe import Markup, escape

_NAME, _OTHERWISE, _END = (
    Markup('<span class="pn">'),
    Markup('<span class="pn-alt">'),
    Markup("</span>"),
)


def named(name: str, otherwise: str = "") -> Markup:
    """`name`, with `otherwise` in its place while names are hidden; escaped, like all names."""
    if not name or name == otherwise:
        return escape(otherwise)
    # Put together by `+`: `Markup.format` takes ten times as long, for every row of every list.
    shown = _NAME + escape(name) + _END
    return shown + _OTHERWISE + escape(otherwise) + _END if otherwise else shown


def with_ticket(name: str, ticket: str) -> Markup:
    """`Ann, B12`; the ticket alone while names are hidden, or where there is no other name."""
    if not name or name == ticket:
        return escape(ticket)
    return Markup('<span class="pn">{}, </span>{}').format(name, ticket)


def within(words: str, name: str, otherwise: str = "") -> Markup:
    """A sentence with the name in it, hidden with all names."""
    before, found, after = words.partition(name) if name else (words, "", "")
    return escape(before) + (named(found, otherwise) if found else "") + escape(after)
