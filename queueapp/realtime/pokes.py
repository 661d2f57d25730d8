"""Words from process to process over Redis: "this site is at that seq now", "access": somebody's
was changed or ended; and what a channel says now, so that it is rendered at one process.

All of it only saves time. What is lost, or a Redis that is dead, costs up to a second, until the
next look at `Site.seq`. Redis passes it on and keeps nothing.
"""

import json
import logging
import queue
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Collection
from typing import Any, Protocol

import redis

from queueapp.db.unit import Committed
from queueapp.realtime.seal import Seal
from queueapp.realtime.told import Said

log = logging.getLogger(__name__)

CHANNEL = "queueapp:changes"
ACCESS = "access"
_SAID = "queueapp:said"
_RETRY_S = 1.0
_PATIENCE_S = 2.0
# How soon a process hears what others say on a channel after its first screen has come.
_LOOK_EVERY_S = 1.0
_SPEAKER_BYTES = 4
# A page's part packs to a tenth in a fraction of the time that the rest of it takes on the way.
_LIGHTLY = 1


class Ears(Protocol):
    """Who is told what was heard; each from a thread of its own."""

    def changed(self, site_id: int, seq: int, who: str, names: Collection[str]) -> None:
        """The site is at `seq`; `who`, if one of ours, is about to say the channels `names`."""

    def passed_on(self, site_id: int, name: str, said: Said | None) -> None:
        """What a channel says, as another process rendered it; None: it does not say it now."""

    def lost(self) -> None:
        """Nothing is heard of the others for now."""

    def listened_to(self) -> Collection[str]:
        """The channels to hear of from others."""


class Pokes:
    """Tells other processes of commits and hears theirs; `tell` and `say` never wait nor raise.

    Without a seal neither promises nor contents are told or heard.
    """

    def __init__(self, url: str, seal: Seal | None = None) -> None:
        self._url, self._seal = url, seal
        self.me = f"{seal.kin if seal else ''}.{secrets.token_hex(_SPEAKER_BYTES)}"
        # Of what has not left yet the newest of each kind stands for all.
        self._waiting: dict[tuple[str, str], Any] = {}
        self._keys: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._teller: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._ended = threading.Event()
        # The channels that Redis has confirmed to send here; those others asked for.
        self._subscribed: frozenset[str] = frozenset()
        self._wanted: dict[int, frozenset[str]] = {}

    def tell(self, change: Committed, names: Collection[str] = ()) -> None:
        """Say that a site changed and that `names` are about to be said from here."""
        self._put("at", str(change.site_id), (change.site_id, change.seq, sorted(names)))

    def tell_access(self) -> None:
        """A listener of `Database.on_access`."""
        self._put(ACCESS, "", None)

    def say(self, site_id: int, name: str, said: Said | None) -> bool:
        """What a channel says, for the screens of other processes, if any have asked for it.

        Whether any had asked for one of the site's when last it was told of.
        """
        self._put("said", name, (site_id, said))
        return bool(self._wanted.get(site_id))

    def listen(self, ears: Ears, heard_access: Callable[[], None]) -> None:
        """Tell `ears` of every word, and call `heard_access()`, in a thread of its own."""
        self._listener = threading.Thread(
            target=self._hear, args=(ears, heard_access), name="pokes-in", daemon=True
        )
        self._listener.start()

    def stop(self) -> None:
        """Hear no more; returns when that is so, within a second or as soon as Redis answers."""
        self._ended.set()
        if self._listener:
            self._listener.join()

    def _put(self, kind: str, what: str, item: Any) -> None:
        key = (kind, what)
        with self._lock:
            is_new = key not in self._waiting
            self._waiting[key] = item
            if self._teller is None:
                self._teller = threading.Thread(target=self._send, name="pokes-out", daemon=True)
                self._teller.start()
        if is_new:
            self._keys.put(key)

    def _send(self) -> None:
        client = redis.Redis.from_url(
            self._url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S
        )
        is_well = True
        while True:
            kind, what = self._keys.get()
            with self._lock:
                item = self._waiting.pop((kind, what))
            try:
                if kind == ACCESS:
                    client.publish(CHANNEL, ACCESS)
                elif kind == "at":
                    self._send_change(client, *item)
                else:
                    self._send_said(client, what, *item)
                is_well = True
            except redis.RedisError as error:
                if is_well:
                    log.warning("Redis does not take words of changes: %s", error)
                is_well = False

    def _send_change(self, client: Any, site_id: int, seq: int, names: list[str]) -> None:
        if not names or self._seal is None:
            client.publish(CHANNEL, f"{site_id}:{seq}")
            return
        # Whoever asked for a channel before the promise is counted: Redis does one after the other.
        pipe = client.pipeline(transaction=False)
        pipe.publish(CHANNEL, f"{site_id}:{seq}:{self.me}:{json.dumps(names)}")
        pipe.pubsub_numsub(*map(self._topic, names))
        counts = [count for _, count in pipe.execute()[1]]
        mine = self._subscribed
        self._wanted[site_id] = frozenset(
            name for name, count in zip(names, counts, strict=True) if count > (name in mine)
        )

    def _send_said(self, client: Any, name: str, site_id: int, said: Said | None) -> None:
        if self._seal and name in self._wanted.get(site_id, ()):
            what = [said.seq, said.content] if said else None
            body = json.dumps([self.me, site_id, what], ensure_ascii=False).encode()
            topic = self._topic(name)
            client.publish(topic, self._seal.close(topic, zlib.compress(body, _LIGHTLY)))

    def _hear(self, ears: Ears, heard_access: Callable[[], None]) -> None:
        is_well = True
        while not self._ended.is_set():
            try:
                with (
                    redis.Redis.from_url(
                        self._url, socket_connect_timeout=_PATIENCE_S, health_check_interval=10
                    ) as client,
                    client.pubsub() as words,
                ):
                    words.subscribe(CHANNEL)
                    look_at = 0.0
                    while not self._ended.is_set():
                        if time.monotonic() >= look_at:
                            self._ask_for(words, ears.listened_to() if self._seal else ())
                            look_at = time.monotonic() + _LOOK_EVERY_S
                        message = words.get_message(timeout=_LOOK_EVERY_S)
                        if message:
                            is_well = True
                            self._heard(message, ears, heard_access)
            except redis.RedisError as error:
                if is_well:
                    log.warning("Redis gives no words of changes, looking each second: %s", error)
                is_well = False
                self._subscribed = frozenset()
                ears.lost()
                self._ended.wait(_RETRY_S)

    def _topic(self, name: str) -> str:
        assert self._seal
        return f"{_SAID}:{self._seal.kin}:{name}"

    def _ask_for(self, words: Any, names: Collection[str]) -> None:
        topics = {self._topic(name) for name in names}
        asked = {topic.decode() for topic in words.channels} - {CHANNEL}
        if more := topics - asked:
            words.subscribe(*more)
        if less := asked - topics:
            self._subscribed -= {topic.split(":", 3)[3] for topic in less}
            words.unsubscribe(*less)

    def _heard(self, message: dict[str, Any], ears: Ears, heard_access: Callable[[], None]) -> None:
        topic, kind, data = message["channel"].decode(), message["type"], message["data"]
        try:
            if topic != CHANNEL:
                self._heard_of(topic, kind, data, ears)
            elif kind == "message" and data == ACCESS.encode():
                heard_access()
            elif kind == "message":
                self._heard_change(data.decode(), ears)
        except Exception:
            # The next word is another matter; what this one said is found by looking.
            log.exception("what another process said could not be followed")

    def _heard_of(self, topic: str, kind: str, data: bytes, ears: Ears) -> None:
        name = topic.split(":", 3)[3]
        if kind == "subscribe":
            self._subscribed |= {name}
        elif kind == "message" and self._seal:
            packed = self._seal.open(topic, data)
            body = zlib.decompress(packed) if packed else b""
            if body and not body.startswith(f'["{self.me}"'.encode()):
                _, site_id, what = json.loads(body)
                ears.passed_on(site_id, name, Said(*what) if what else None)

    def _heard_change(self, word: str, ears: Ears) -> None:
        site_id, seq, who, names = [*word.split(":", 3), "", "[]"][:4]
        is_ours = self._seal and who.startswith(f"{self._seal.kin}.")
        heard_here = self._subscribed.intersection(json.loads(names) if is_ours else ())
        ears.changed(int(site_id), int(seq), who if is_ours else "", heard_here)
