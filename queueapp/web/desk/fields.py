"""The desk's fields are those of all staff's forms."""

from queueapp.web.fields import (
    AfterwardsForm,
    Choice,
    ClockField,
    DateField,
    future_instant,
    instant_of,
    past_instant,
    read_clock,
    read_date,
    rounded_up,
)

__all__ = [
    "AfterwardsForm",
    "Choice",
    "ClockField",
    "DateField",
    "future_instant",
    "instant_of",
    "past_instant",
    "read_clock",
    "read_date",
    "rounded_up",
]
