"""The manager's board: the day against its targets, live, and how it has gone over weeks."""

from flask import Blueprint

blueprint = Blueprint("board", __name__, url_prefix="/board")

from queueapp.web.board import page, trend  # noqa: E402, F401
