"""A person's name as staff screens write it: hidden by one key, the ticket in its place."""

from markupsafe import Markup


def named(name: str, otherwise: str = "") -> Markup:
    """`name` with `otherwise` in its place while names are hidden; escaped, like all names."""
    if not name:
        return Markup("{}").format(otherwise)
    shown = Markup('<span class="pn">{}</span>').format(name)
    if not otherwise or otherwise == name:
        return shown if otherwise != name else Markup("{}").format(name)
    return shown + Markup('<span class="pn-alt">{}</span>').format(otherwise)


def with_ticket(name: str, ticket: str) -> Markup:
    """`Ann, B12`; the ticket alone while names are hidden, or where there is no other name."""
    if not name or name == ticket:
        return Markup("{}").format(ticket)
    return Markup('<span class="pn">{}, </span>{}').format(name, ticket)
