"""The room: a clinician between two patients; the next one, safely."""

from flask import Blueprint

blueprint = Blueprint("room", __name__, url_prefix="/room")

# Each module adds its routes to the blueprint.
from queueapp.web.room import page, verbs  # noqa: E402, F401
