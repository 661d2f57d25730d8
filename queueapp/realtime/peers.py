"""What the other processes are going to say, so that each thing is rendered at one of them.

Whoever changes a site promises what it is about to say, by name. It is then the site's speaker: it
also says what comes of changes by processes that have no screens, as the worker's. All hear the
promises in the same order, so that they agree on who that is. Nobody depends on it: what does not
come in time is rendered by whoever waits for it.
"""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

# No screen is later for a speaker that died than for a word that was lost. Shorter, a machine that
# is too busy would render everything everywhere just then.
PATIENCE_S = 1.0


@dataclass(slots=True)
class _Expected:
    """What one channel is to be told as of: from the oldest promise not kept yet to the newest."""

    since: int
    until: int
    deadline: float


class Peers:
    """Promises heard by the process `me`; safe to use from several threads."""

    def __init__(self, me: str) -> None:
        self.me = me
        # By site: who speaks, and of what that is listened to here.
        self._speakers: dict[int, tuple[str, frozenset[str]]] = {}
        self._expected: dict[int, dict[str, _Expected]] = {}
        self._lock = threading.Lock()

    def speaks(self, site_id: int) -> bool:
        """Whether it is this process that the others expect to say what becomes of the site."""
        return self._speakers.get(site_id, ("", None))[0] == self.me

    def promised(self, site_id: int, who: str, names: Collection[str] = ()) -> None:
        """`who` is the site's speaker from here on; `names` can be heard from it here."""
        with self._lock:
            self._speakers[site_id] = (who, frozenset(names))

    def expect(self, site_id: int, seq: int, behind: Collection[str]) -> None:
        """The speaker, if it is another, is going to say those of `behind` it has, as of `seq`."""
        with self._lock:
            who, names = self._speakers.get(site_id, (self.me, frozenset()))
            if who == self.me:
                return
            at_site = self._expected.setdefault(site_id, {})
            deadline = time.monotonic() + PATIENCE_S
            for name in names.intersection(behind):
                expected = at_site.setdefault(name, _Expected(seq, seq, deadline))
                expected.until = max(expected.until, seq)

    def said(self, site_id: int, name: str, seq: int) -> None:
        """A channel was told as of `seq`, whoever rendered it."""
        with self._lock:
            expected = self._expected.get(site_id, {}).get(name)
            if expected is None or seq < expected.since:
                return
            if seq >= expected.until:
                del self._expected[site_id][name]
            else:
                expected.since, expected.deadline = seq + 1, time.monotonic() + PATIENCE_S

    def withdrawn(self, site_id: int, name: str) -> None:
        """The speaker does not say it any more."""
        with self._lock:
            self._expected.get(site_id, {}).pop(name, None)
            if site_id in self._speakers:
                who, names = self._speakers[site_id]
                self._speakers[site_id] = (who, names - {name})

    def expects(self, site_id: int, name: str) -> bool:
        """Whether another is going to say it."""
        return name in self._expected.get(site_id, {})

    def due_at(self) -> float:
        """When, in monotonic seconds, the first of what is expected is late."""
        with self._lock:
            every = (one.deadline for names in self._expected.values() for one in names.values())
            return min(every, default=float("inf"))

    def give_up(self) -> set[int]:
        """Expect no more what is late, nor anything of who should have said it; of which sites."""
        now, late = time.monotonic(), set()
        with self._lock:
            for site_id, names in list(self._expected.items()):
                if any(one.deadline <= now for one in names.values()):
                    late.add(site_id)
                    self._expected.pop(site_id)
                    if not self.speaks(site_id):
                        self._speakers.pop(site_id, None)
                elif not names:
                    del self._expected[site_id]
        return late

    def lost(self) -> set[int]:
        """Nothing is heard of the others any more; the sites of which something was expected."""
        with self._lock:
            sites = {site_id for site_id, names in self._expected.items() if names}
            self._expected.clear()
            self._speakers.clear()
            return sites
