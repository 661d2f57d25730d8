"""The record in plain words."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from queueapp.actions.admin_record import words
from queueapp.domain.rules import SiteRules
from queueapp.web.admin.settings_words import shown, words_of

WHAT_WORDS = {
    "did": "Did something with a patient or a shift",
    "changed": "Changed the clinic",
    "looked": "Looked at someone’s details",
}

KIND_WORDS = {
    "service_added": "Added a service",
    "service_changed": "Changed a service",
    "service_retired": "Retired a service",
    "service_restored": "Offered a service again",
    "room_added": "Added a room",
    "room_changed": "Changed a room",
    "room_retired": "Retired a room",
    "room_restored": "Used a room again",
    "pool_added": "Added a pool",
    "pool_changed": "Changed a pool",
    "pool_closed": "Closed a pool",
    "clinician_added": "Added a clinician",
    "clinician_changed": "Changed a clinician",
    "clinician_retired": "Retired a clinician",
    "clinician_restored": "Brought a clinician back",
    "hours_changed": "Changed opening hours",
    "day_added": "Gave a day hours of its own",
    "day_removed": "Gave a day its usual hours",
    "site_added": "Set the clinic up",
    "site_changed": "Changed the clinic’s figures",
    "staff_added": "Added a login",
    "staff_changed": "Changed a login",
    "staff_disabled": "Disabled a login",
    "staff_restored": "Let a login in again",
    "staff_linked": "Made a link to choose a password for",
    "staff_password": "Chose a password",
    "token_issued": "Made an API token",
    "token_revoked": "Revoked an API token",
    "device_code": "Made a pairing code for",
    "device_paired": "Paired a screen",
    "device_revoked": "Revoked a screen",
    "kept_purged": "Purged what was kept long enough",
    "visit": "Looked at the details of",
    "called": "Called",
    "recalled": "Called again",
    "started": "Started with",
    "finished": "Finished with",
    "left": "Marked as left",
    "moved": "Moved",
    "undone": "Took back",
    "ticket_taken": "Gave a ticket",
    "checked_in": "Checked in",
}

_SECONDS = frozenset({"planned", "interval", "buffer_before", "buffer_after", "within"})
_FIGURES = {field.name: field.default for field in fields(SiteRules)}


def label(name: str) -> str:
    """A recorded field's name: a figure's as the settings page has it."""
    return words_of(name).label if name in _FIGURES else words(name)


def said(name: str, value: Any) -> str:
    """A recorded value in words: minutes for lengths, lists with commas."""
    if value in (None, "", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _FIGURES:
        figure, usual = words_of(name), _FIGURES[name]
        is_span = isinstance(usual, timedelta) and isinstance(value, int | float)
        in_box = (
            shown(timedelta(seconds=value) if is_span else value, figure)
            if (is_span or isinstance(value, float))
            else str(value)
        )
        return f"{in_box} {figure.unit}".strip()
    if name == "share" and isinstance(value, float):
        return f"{value * 100:g} %"
    if name in _SECONDS and isinstance(value, int | float):
        return f"{value / 60:g} min"
    if isinstance(value, list):
        return "; ".join(said("", one) for one in value)
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if one not in (None, "", [])}
        return ", ".join(f"{key.replace('_', ' ')} {said(key, one)}" for key, one in kept.items())
    return str(value)
