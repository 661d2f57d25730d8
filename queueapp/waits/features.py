"""What a newcomer could count and see, as numbers: the only place where they are worked out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from queueapp.domain.passages import Passage
from queueapp.waits.floor import Floor, Server, can_give

# In the order of a row; those of the line and the place in it come first.
FEATURES = (
    "ahead",
    "ahead_same",
    "behind",
    "work",
    "turn",
    "by_length",
    "by_pace_5",
    "by_pace_15",
    "head_waited",
    "waited_sum",
    "busy",
    "idle_1min",
    "idle_5min",
    "idle_long",
    "on_duty",
    "next_free",
    "longest",
    "shortest",
    "elapsed",
    "since_free",
    "last_wait",
    "since_last_wait",
    "rolling",
    "last_wait_same",
    "since_last_wait_same",
    "rolling_same",
    "calls_2min",
    "calls_5min",
    "calls_15min",
    "since_call",
    "since_call_same",
    "came_5min",
    "came_15min",
    "came_same_5min",
    "gone_15min",
    "length",
    "length_all",
    "class_wait",
    "service_wait",
    "hour",
    "weekday",
)
# A wait goes roughly in proportion to these.
PROPORTIONAL = [FEATURES.index(name) for name in ("work", "turn", "by_length")]
# Stands for what nobody there could say; all real values are 0 or more.
UNKNOWN = -1.0


@dataclass(frozen=True, slots=True)
class Look:
    """The floor as one who comes for a service sees it, whatever their place in the line.

    `line` is who waits for the same clinicians, `able` how many on duty give the service and `idle`
    how many of them have nobody; times are seconds.
    """

    now: float
    line: tuple[Passage, ...]
    same: int
    lengths: tuple[float, ...]
    length: float
    free: tuple[tuple[float, frozenset[int]], ...]
    able: int
    idle: int
    pace: tuple[float, float]
    rest: tuple[float, ...]

    def without(self, number: int) -> "Look":
        """The same for one who is in the line already and not in their own way."""
        kept = [i for i, p in enumerate(self.line) if p.number != number]
        return replace(
            self,
            line=tuple(self.line[i] for i in kept),
            lengths=tuple(self.lengths[i] for i in kept),
        )

    def row(self, ahead: int) -> list[float]:
        """The features for one with `ahead` people before them."""
        line = len(self.line)
        lengths = self.lengths[:ahead]
        beyond = max(ahead - line, 0)
        work = sum(lengths) + beyond * self.length
        same = sum(p.service == self.same for p in self.line[:ahead]) + beyond
        able = max(self.able, 1)
        return [
            float(ahead),
            float(same),
            float(max(line - ahead, 0)),
            work / able,
            self._turn(ahead),
            (ahead + 1) * self.length / able,
            *((ahead + 1) * pace if pace >= 0 else UNKNOWN for pace in self.pace),
            self.now - self.line[0].arrived if self.line else 0.0,
            sum(self.now - p.arrived for p in self.line),
            *self.rest,
        ]

    def _turn(self, ahead: int) -> float:
        """When the turn would come if every service took its average."""
        if not self.free:
            return UNKNOWN
        free = list(self.free)
        times = [at for at, _ in free]
        gives = [services for _, services in free]
        for i in range(ahead):
            wanted = self.line[i].service if i < len(self.line) else self.same
            length = self.lengths[i] if i < len(self.lengths) else self.length
            able = [j for j, g in enumerate(gives) if wanted in g]
            if able:
                first = min(able, key=times.__getitem__)
                times[first] += length
        return min(t for t, g in zip(times, gives, strict=True) if self.same in g)


def look(floor: Floor, service: int, entry_class: str, zone: ZoneInfo) -> Look:
    """What is there to see for one who comes now for `service`."""
    now = floor.now
    able: list[tuple[Server, float]] = []
    duty = 0
    for server, lasted in floor.on_duty():
        duty += 1
        if can_give(server, service):
            able.append((server, lasted))
    gives = [frozenset(s for s in server.given if can_give(server, s)) for server, _ in able]
    line = tuple(floor.line(frozenset({service}.union(*gives))))
    busy = sorted(lasted for server, lasted in able if server.serving)
    idle = sorted(lasted for server, lasted in able if not server.serving)
    free = [
        (_left(floor, server, lasted), g) for (server, lasted), g in zip(able, gives, strict=True)
    ]
    local = datetime.fromtimestamp(now, zone)
    waited, same = floor.waited, floor.waited_for.get(service, ())
    calls = [now - c.at for c in floor.calls]
    calls_same = [now - c.at for c in floor.calls if c.passage.service == service]
    came = [now - at for at, s in floor.arrivals]
    came_same = [now - at for at, s in floor.arrivals if s == service]
    services = frozenset({service}.union(*gives))
    given = [now - c.at for c in floor.calls if c.passage.service in services and c.wait_s > 0]
    class_wait, service_wait = floor.class_wait.get(entry_class), floor.service_wait.get(service)
    rest = (
        len(busy),
        sum(i <= 60 for i in idle),
        sum(60 < i <= 300 for i in idle),
        sum(i > 300 for i in idle),
        duty,
        min((at for at, _ in free), default=UNKNOWN),
        busy[-1] if busy else UNKNOWN,
        busy[0] if busy else UNKNOWN,
        sum(busy) / len(busy) if busy else UNKNOWN,
        idle[0] if idle else UNKNOWN,
        waited[-1].wait_s if waited else UNKNOWN,
        now - waited[-1].at if waited else UNKNOWN,
        sum(c.wait_s for c in waited) / len(waited) if waited else UNKNOWN,
        same[-1].wait_s if same else UNKNOWN,
        now - same[-1].at if same else UNKNOWN,
        sum(c.wait_s for c in same) / len(same) if same else UNKNOWN,
        sum(c <= 120 for c in calls),
        sum(c <= 300 for c in calls),
        sum(c <= 900 for c in calls),
        calls[-1] if calls else UNKNOWN,
        calls_same[-1] if calls_same else UNKNOWN,
        sum(c <= 300 for c in came),
        sum(c <= 900 for c in came),
        sum(c <= 300 for c in came_same),
        sum(now - at <= 900 for at, _ in floor.gone),
        floor.length_s(service),
        floor.length.value,
        class_wait.value if class_wait else UNKNOWN,
        service_wait.value if service_wait else UNKNOWN,
        local.hour + local.minute / 60,
        local.weekday(),
    )
    return Look(
        now=now,
        line=line,
        same=service,
        lengths=tuple(floor.length_s(p.service) for p in line),
        length=floor.length_s(service),
        free=tuple(free),
        able=len(able),
        idle=len(idle),
        pace=(_pace(given, 5), _pace(given, 15)),
        rest=tuple(float(v) for v in rest),
    )


def _pace(given: Sequence[float], calls: int) -> float:
    """Seconds from call to call of late; `given` is how long ago each was, the last one last."""
    recent = given[-calls:]
    return recent[0] / len(recent) if recent else UNKNOWN


def _left(floor: Floor, server: Server, lasted: float) -> float:
    """Seconds until the server is likely free."""
    if server.serving is None:
        return min(max(30.0, lasted), 300.0)
    length = floor.length_s(server.serving.service)
    return max(length - lasted, length / 3)
