"""What each channel was last said to say, and the way out of the process: never back in time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol


class Transport(Protocol):
    """How messages leave this process."""

    def emit(
        self,
        event: str,
        data: dict[str, Any],
        room: str | list[str],
        skip: list[str] | None = None,
    ) -> None:
        """Send to the local sockets of a room, or to some by their ids, but for those of `skip`."""


def stamp(instant: datetime) -> str:
    """An instant as scripts read it: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Said:
    """What a channel says; `seq` is the newest it is true as of."""

    seq: int
    content: dict[str, Any]


class Told:
    """What was said on the channels that are listened to here; safe to use from several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._said: dict[str, Said] = {}
        self._names: dict[int, set[str]] = {}
        # A look and the sending that follows from it are one step, whoever else has something.
        self._lock = threading.Lock()

    def seq_of(self, name: str) -> int | None:
        """What the channel's content is true as of; None before it was said."""
        said = self._said.get(name)
        return said.seq if said else None

    def tell(self, site_id: int, name: str, said: Said) -> bool:
        """Bring the channel up to `said` unless it is there; whether all who listen were sent it.

        What says the same as before is not sent.
        """
        with self._lock:
            had = self._said.get(name)
            if had and had.seq >= said.seq:
                return False
            self._said[name] = said
            self._names.setdefault(site_id, set()).add(name)
            changed = had is None or had.content != said.content
            if changed:
                self._send(name, said, name)
            return changed

    def still(self, name: str, seq: int) -> None:
        """What the channel says is true as of `seq` too."""
        with self._lock:
            had = self._said[name]
            if had.seq < seq:
                self._said[name] = Said(seq, had.content)

    def repeat(self, name: str, sids: list[str]) -> None:
        """Say again to some sockets what was said last, if anything was."""
        with self._lock:
            if said := self._said.get(name):
                self._send(name, said, sids[0] if len(sids) == 1 else sids)

    def forget_unheard(self, site_id: int, has: Callable[[str], bool]) -> list[str]:
        """Let go of the site's channels that nobody listens to; their names."""
        with self._lock:
            names = self._names.get(site_id, set())
            gone = [name for name in names if not has(name)]
            for name in gone:
                names.discard(name)
                self._said.pop(name, None)
            if not names:
                self._names.pop(site_id, None)
            return gone

    def sites(self) -> list[int]:
        """The sites of which something was said."""
        with self._lock:
            return list(self._names)

    def _send(self, name: str, said: Said, room: str | list[str]) -> None:
        if said.content:
            head = {"channel": name, "seq": said.seq, "sent_at": stamp(datetime.now(UTC))}
            self._transport.emit("update", {**head, **said.content}, room)
