"""The floor of a clinic at one moment, as anybody standing there would know it.

It is told what happens in the order in which it happens, and never looks ahead. History and the
day that is running come in the same way, so what is learned from one holds for the other.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from queueapp.domain.passages import NO_WAIT_S, Passage

# Where no roster is kept, who serves or has served within this time is on duty.
ON_DUTY_S = 900.0
# A service makes up at least this share of what an able clinician gives: the odd one is a slip.
ABLE_SHARE = 0.01
RECENT = 10
# Averages forget with this many observations.
MEMORY = 200
DEFAULT_LENGTH_S = 600.0
LONGEST_S = 3 * 3600.0
SHORTEST_S = 0.001


class Step(IntEnum):
    """What can happen; at the same second in this order."""

    ENDED = 0
    LEFT = 1
    CALLED = 2
    ARRIVED = 3
    CALLED_AT_ONCE = 4


Event = tuple[float, Step, int, Passage]


def events(passages: Iterable[Passage]) -> list[Event]:
    """Everything that happened to these, in order."""
    found: list[Event] = []
    for one in passages:
        found.append((one.arrived, Step.ARRIVED, one.number, one))
        if one.called is not None:
            at_once = one.called <= one.arrived
            step = Step.CALLED_AT_ONCE if at_once else Step.CALLED
            found.append((one.called, step, one.number, one))
            if one.ended is not None:
                # Never before the call, however short the care was.
                ended = max(one.ended, one.called + SHORTEST_S)
                found.append((ended, Step.ENDED, one.number, one))
        elif one.left is not None:
            # Nor before the arrival, though a clock may show the same second.
            left = max(one.left, one.arrived + SHORTEST_S)
            found.append((left, Step.LEFT, one.number, one))
    return sorted(found, key=lambda e: e[:3])


@dataclass(slots=True)
class Average:
    """A running mean that forgets slowly."""

    value: float
    weight: float = 0.0

    def add(self, seen: float) -> None:
        """Take one observation in."""
        self.weight = min(self.weight + 1.0, MEMORY)
        self.value += (seen - self.value) / self.weight


@dataclass(frozen=True, slots=True)
class Call:
    """One who was called: when, after which wait (seconds), for which service."""

    at: float
    wait_s: float
    passage: Passage


@dataclass(slots=True)
class Server:
    """One who gives care: `serving` since `since`, or free since then."""

    since: float
    serving: Passage | None = None
    given: Counter[int] = field(default_factory=Counter)


class Floor:
    """Who waits, who serves, what happened lately. Times are seconds since 1970.

    A server is a clinician; where the record names none, each one in care is a server of its own.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: dict[int, Passage] = {}
        self.servers: dict[int, Server] = {}
        self.calls: deque[Call] = deque(maxlen=60)
        self.waited: deque[Call] = deque(maxlen=RECENT)
        self.waited_for: dict[int, deque[Call]] = defaultdict(lambda: deque(maxlen=RECENT))
        self.arrivals: deque[tuple[float, int]] = deque(maxlen=120)
        self.gone: deque[tuple[float, int]] = deque(maxlen=60)
        self.length = Average(DEFAULT_LENGTH_S)
        self.lengths: dict[int, Average] = {}
        self.class_wait: dict[str, Average] = {}
        self.service_wait: dict[int, Average] = {}

    def tell(self, event: Event) -> None:
        """Let one thing happen."""
        self.now, step, _, one = event
        if step is Step.ARRIVED:
            self.arrivals.append((self.now, one.service))
            self.waiting[one.number] = one
        elif step is Step.LEFT:
            if self.waiting.pop(one.number, None):
                self.gone.append((self.now, one.service))
        elif step is Step.ENDED:
            self._end(one)
        else:
            self.waiting.pop(one.number, None)
            self._call(one)

    def tell_all(self, happened: Iterable[Event]) -> "Floor":
        """Let many things happen, in order."""
        for event in happened:
            self.tell(event)
        return self

    def on_duty(self) -> Iterator[tuple[Server, float]]:
        """Who is on duty, and for how many seconds they have been doing what they do."""
        for server in self.servers.values():
            lasted = self.now - server.since
            if lasted <= (LONGEST_S if server.serving else ON_DUTY_S):
                yield server, lasted

    def line(self, services: frozenset[int]) -> list[Passage]:
        """Who waits for one of the services, in the order of the queue."""
        here = [
            p
            for p in self.waiting.values()
            if p.service in services and self.now - p.arrived <= NO_WAIT_S
        ]
        return sorted(here, key=place)

    def length_s(self, service: int) -> float:
        """How long a service takes on average, as far as is known by now."""
        own = self.lengths.get(service)
        if own is None:
            return self.length.value
        # A few visits say little: the average of all counts as much as ten.
        return (own.weight * own.value + 10 * self.length.value) / (own.weight + 10)

    def _call(self, one: Passage) -> None:
        wait = self.now - one.arrived
        name = -one.number - 1 if one.clinician is None else one.clinician
        server = self.servers.setdefault(name, Server(self.now))
        if server.serving is not None and wait > 0:
            # Its end was not recorded: somebody waited, so it was about now.
            self._lasted(server.serving, self.now - server.since)
        server.serving, server.since = one, self.now
        server.given[one.service] += 1
        call = Call(self.now, wait, one)
        self.calls.append(call)
        if wait > 0:
            self.waited.append(call)
            self.waited_for[one.service].append(call)
            self.class_wait.setdefault(one.entry_class, Average(wait)).add(wait)
            self.service_wait.setdefault(one.service, Average(wait)).add(wait)

    def _end(self, one: Passage) -> None:
        name = -one.number - 1 if one.clinician is None else one.clinician
        server = self.servers.get(name)
        if (
            server is not None
            and server.serving is not None
            and server.serving.number == one.number
        ):
            self._lasted(one, self.now - server.since)
            server.serving, server.since = None, self.now
            if one.clinician is None:
                del self.servers[name]

    def _lasted(self, one: Passage, seconds: float) -> None:
        if 0 < seconds <= LONGEST_S:
            self.length.add(seconds)
            self.lengths.setdefault(one.service, Average(seconds)).add(seconds)


def place(one: Passage) -> tuple[float, float, int]:
    """What the order of the queue goes by."""
    return one.due, one.arrived, one.number


def can_give(server: Server, service: int) -> bool:
    """Whether a server gives the service, as far as has been seen."""
    given = server.given.get(service, 0)
    return given > 0 and given >= ABLE_SHARE * server.given.total()
