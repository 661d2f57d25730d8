"""A forecast whose ranges keep their word: each end moved as far as outcomes lately asked for.

Those waiting are told what one who joins at their place would be. A promise at joining is moved
when it is looked up (`waits.promise`): so the raw range behind it is known, and learned from.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

from queueapp.domain.ordering import Candidate, in_order
from queueapp.domain.outcomes import Place
from queueapp.domain.quantiles import Forecast, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.waits.calibration import Calibrator


def kept(raw: Forecast, snapshot: Snapshot, calibrator: Calibrator) -> Forecast:
    """The forecast with calibrated waits of those waiting, and what to move promises by.

    Of those with the same service and class and without a wish, none is told less than one before.
    """
    entries = dict(raw.entries)
    least: dict[tuple[int, str], tuple[float, float, float]] = {}
    for one, ahead in _places(snapshot):
        quantiles = raw.entries.get(one.entry_id)
        if quantiles is None or not isfinite(quantiles.p90):
            continue
        told = _moved(calibrator, one, ahead, quantiles)
        if one.preference is PreferenceKind.NONE and one.presence is Presence.HERE:
            line = one.service_id, one.entry_class
            low, mid, high = least.get(line, (0.0, 0.0, 0.0))
            told = told._replace(
                p10=max(told.p10, low), p50=max(told.p50, mid), p90=max(told.p90, high)
            )
            least[line] = told.p10, told.p50, told.p90
        entries[one.entry_id] = told
    return replace(raw, entries=entries, moved=dict(calibrator.moved))


def _moved(calibrator: Calibrator, one: Candidate, ahead: int, raw: Quantiles) -> Quantiles:
    place = Place(one.service_id, one.entry_class, ahead)
    low, high = calibrator.told(place, raw.p10, raw.p90)
    return raw._replace(p10=low, p50=min(max(raw.p50, low), high), p90=high)


def _places(snapshot: Snapshot) -> Iterator[tuple[Candidate, int]]:
    """Everybody waiting in calling order, and how many here come before for the same clinicians."""
    shared: dict[int, frozenset[int]] = {}
    before: dict[int, int] = {}
    for one in in_order(snapshot.waiting):
        service = one.service_id
        if service not in shared:
            on_duty = (s.services for s in snapshot.shifts if s.is_open and service in s.services)
            shared[service] = frozenset({service}).union(*on_duty)
        yield one, sum(before.get(s, 0) for s in shared[service])
        if one.presence is Presence.HERE:
            before[service] = before.get(service, 0) + 1
