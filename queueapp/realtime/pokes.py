"""A tiny word from process to process over Redis: "this site is at that seq now", or "access":
somebody's was changed or ended.

It only saves time. A word that is lost, or a Redis that is dead, costs up to a second, until the
next look at `Site.seq`.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable

import redis

from queueapp.db.unit import Committed

log = logging.getLogger(__name__)

CHANNEL = "queueapp:seq"
ACCESS = "access"
_MOST_WAITING = 1000
_RETRY_S = 1.0
_PATIENCE_S = 2.0


class Pokes:
    """Tells other processes of commits and hears theirs; `tell` never waits and never raises."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: queue.Queue[str] = queue.Queue(_MOST_WAITING)
        self._teller: threading.Thread | None = None

    def tell(self, change: Committed) -> None:
        """A listener of `Database.on_commit`."""
        self._tell(f"{change.site_id}:{change.seq}")

    def tell_access(self) -> None:
        """A listener of `Database.on_access`."""
        self._tell(ACCESS)

    def _tell(self, word: str) -> None:
        if self._teller is None:
            self._teller = threading.Thread(target=self._send, name="pokes-out", daemon=True)
            self._teller.start()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(word)

    def listen(self, heard: Callable[[int, int], None], heard_access: Callable[[], None]) -> None:
        """Call `heard(site id, seq)` or `heard_access()` for every word, in a thread of its own."""
        threading.Thread(
            target=self._hear, args=(heard, heard_access), name="pokes-in", daemon=True
        ).start()

    def _send(self) -> None:
        client = redis.Redis.from_url(
            self._url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S
        )
        is_well = True
        while True:
            word = self._waiting.get()
            try:
                client.publish(CHANNEL, word)
                is_well = True
            except redis.RedisError as error:
                if is_well:
                    log.warning("Redis does not take words of changes: %s", error)
                is_well = False

    def _hear(self, heard: Callable[[int, int], None], heard_access: Callable[[], None]) -> None:
        is_well = True
        while True:
            try:
                with (
                    redis.Redis.from_url(
                        self._url, socket_connect_timeout=_PATIENCE_S, health_check_interval=10
                    ) as client,
                    client.pubsub(ignore_subscribe_messages=True) as words,
                ):
                    words.subscribe(CHANNEL)
                    for message in words.listen():
                        is_well = True
                        word = message["data"].decode()
                        if word == ACCESS:
                            heard_access()
                        else:
                            site_id, _, seq = word.partition(":")
                            heard(int(site_id), int(seq))
            except redis.RedisError as error:
                if is_well:
                    log.warning("Redis gives no words of changes, looking each second: %s", error)
                is_well = False
                time.sleep(_RETRY_S)
