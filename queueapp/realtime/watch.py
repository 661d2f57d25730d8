"""Parts with those who may not listen any more: signed out, disabled, another role, run out."""

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from queueapp.actions.access import standing
from queueapp.db.session import Database
from queueapp.realtime.audience import Audience, Listener

log = logging.getLogger(__name__)

# How often it is looked, whatever was heard: a lost word costs no more than this.
LOOK_EVERY_S = 1.0
# Phones are many, and their links only run out.
LOOK_AT_PHONES_EVERY_S = 5.0
# Endings that come closer together than this are one look.
_GAP_S = 0.05


class Door(Protocol):
    """How a socket is let go."""

    def drop(self, sid: str) -> None:
        """End a socket; its page may connect anew, as whatever it then is."""

    def part_with_strangers(self) -> None:
        """End the connections that were let in to no channel in a few seconds."""


class Watch:
    """One loop per process, apart from the screens', so that no long round holds it up."""

    def __init__(self, database: Database, audience: Audience, door: Door) -> None:
        self._database, self._audience, self._door = database, audience, door
        self._wake = threading.Event()
        self._stopped = False

    def heard(self) -> None:
        """Somebody says that somebody's access was changed or ended."""
        self._wake.set()

    def stop(self) -> None:
        """End the loop after its look."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """Look until stopped; survives whatever a look raises."""
        phones_at, is_well = time.monotonic(), True
        while not self._stopped:
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            with_phones = time.monotonic() >= phones_at
            try:
                self.look(with_phones=with_phones)
                self._door.part_with_strangers()
                is_well = True
            except Exception:
                if is_well:
                    log.exception("it could not be looked who may still listen; trying again")
                is_well = False
            if with_phones:
                phones_at = time.monotonic() + LOOK_AT_PHONES_EVERY_S
            time.sleep(_GAP_S)

    def look(self, *, with_phones: bool = True) -> None:
        """Part with all whose credentials ended, or let in to something else than they did."""
        listeners = self._audience.listeners()
        wanted = {
            credential
            for one in listeners
            for credential, _ in one.standing
            if with_phones or credential.kind != "visit"
        }
        if not wanted:
            return
        with self._database.read() as session:
            now = standing(session, wanted, datetime.now(UTC))
        for one in listeners:
            if any(c in wanted and now.get(c) != grants for c, grants in one.standing):
                self._part_with(one)

    def _part_with(self, listener: Listener) -> None:
        try:
            self._door.drop(listener.sid)
        except Exception:
            # One that cannot be ended must not keep the others in.
            log.exception("a socket could not be ended")
