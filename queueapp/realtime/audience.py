"""Who of this process's sockets listens to what."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from queueapp.domain.viewer import Credential, Grant
from queueapp.realtime.channels import Channel


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket: its channels, and what it was let in by, with what that let in to then."""

    sid: str
    channels: tuple[Channel, ...]
    standing: tuple[tuple[Credential, frozenset[Grant]], ...] = ()


@dataclass(slots=True)
class Audience:
    """The sockets of a process by channel; safe to use from several threads."""

    _listeners: dict[str, Listener] = field(default_factory=dict)
    _members: dict[str, set[str]] = field(default_factory=dict)
    # By site, as what happens at one is to cost the same whoever listens at others.
    _channels: dict[int, dict[str, Channel]] = field(default_factory=dict)
    # Of them the few that others may listen to as well, apart from thousands of phones' own.
    _shared: dict[int, dict[str, Channel]] = field(default_factory=dict)
    _new: list[Listener] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, listener: Listener) -> None:
        """A socket has joined; it is among the newcomers until they are taken."""
        with self._lock:
            self._listeners[listener.sid] = listener
            self._new.append(listener)
            for channel in listener.channels:
                self._channels.setdefault(channel.site_id, {})[channel.name] = channel
                if channel.kind != "visit":
                    self._shared.setdefault(channel.site_id, {})[channel.name] = channel
                self._members.setdefault(channel.name, set()).add(listener.sid)

    def remove(self, sid: str) -> list[Channel]:
        """A socket has gone, known or not; the channels that nobody listens to any more."""
        with self._lock:
            listener, unheard = self._listeners.pop(sid, None), []
            for channel in listener.channels if listener else ():
                self._members[channel.name].discard(sid)
                if not self._members[channel.name]:
                    unheard.append(channel)
                    del self._members[channel.name], self._channels[channel.site_id][channel.name]
                    self._shared.get(channel.site_id, {}).pop(channel.name, None)
                    if not self._channels[channel.site_id]:
                        del self._channels[channel.site_id]
                        self._shared.pop(channel.site_id, None)
            return unheard

    def take_new(self) -> list[Listener]:
        """Those who joined since it was last asked and are still there."""
        with self._lock:
            new, self._new = self._new, []
            return [listener for listener in new if listener.sid in self._listeners]

    def again(self, listener: Listener) -> None:
        """A newcomer that could not be told yet."""
        with self._lock:
            self._new.append(listener)

    def listeners(self) -> list[Listener]:
        """Everyone who listens."""
        with self._lock:
            return list(self._listeners.values())

    def of_site(self, site_id: int) -> list[Channel]:
        """The site's channels that anyone here listens to."""
        with self._lock:
            return list(self._channels.get(site_id, {}).values())

    def shared_of(self, site_id: int) -> list[Channel]:
        """Of these, those that may be listened to at other processes too: a phone's own may not."""
        with self._lock:
            return list(self._shared.get(site_id, {}).values())

    def has_phones(self, site_id: int) -> bool:
        """Whether any of these is a phone's own."""
        with self._lock:
            return len(self._channels.get(site_id, {})) > len(self._shared.get(site_id, {}))

    def sites(self) -> list[int]:
        """The sites that anyone here listens to, by number."""
        with self._lock:
            return sorted(self._channels)

    def members(self, names: Iterable[str]) -> list[str]:
        """The sockets on any of the channels."""
        with self._lock:
            return [sid for name in names for sid in self._members.get(name, ())]

    def has(self, name: str) -> bool:
        """Whether anyone here listens to the channel."""
        with self._lock:
            return name in self._members
