"""What an act would do to everybody who waits, said before it is done."""

from collections.abc import Callable
from typing import Any

from flask import jsonify
from sqlalchemy.orm import Session

from queueapp.actions.consequences import consequence_of
from queueapp.domain.refusal import Refused
from queueapp.web.security import current_db, current_site, now


def told_before(act: Callable[[Session], object]) -> Any:
    """Rehearse `act` and answer the sentence, by tickets, so that it holds with names hidden.

    What would be refused answers why instead; nothing is done either way.
    """
    try:
        found = consequence_of(current_db(), now(), site_id=current_site().id, act=act)
    except Refused as refused:
        return jsonify(said="", refused=refused.message)
    return jsonify(said=found.sentence(names=False), missing=len(found.newly_missing))
