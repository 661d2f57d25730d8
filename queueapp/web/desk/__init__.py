"""The desk: keeps the line right and explains it. For reception, managers and admins."""

from flask import Blueprint

blueprint = Blueprint("desk", __name__, url_prefix="/desk")

# Each module adds its routes to the blueprint.
from queueapp.web.desk import (  # noqa: E402, F401
    booking,
    bookings,
    day,
    find,
    items,
    page,
    paper,
    person,
    sheet,
    shifts,
    verbs,
    walkin,
)
