"""Who may not be reached before closing is told so, with how likely, and offered another day."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from queueapp.actions.promises import store_forecast
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Site
from queueapp.domain.quantiles import Forecast, JoinTable, Quantiles
from tests.web.kiosk_words import ticket
from tests.web.patient_world import SECRET, PatientWorld

WORDS = "We may not reach you today. The chance of that is about 30%."


def foresee(world: PatientWorld, chance: float, entry_ids: tuple[int, ...] = ()) -> None:
    """The worker's forecast: whoever joins or waits is not called today with that chance."""
    said = Quantiles(600, 1800, 5400, not_reached=chance)
    now = datetime.now(UTC)
    with world.db.write() as session:
        site = session.scalars(sa.select(Site)).one()
        made = Forecast(
            site.seq, now, entries=dict.fromkeys(entry_ids, said), until_s=9000.0,
            join={(world.doctor_id, None): JoinTable((0,), (said,))},
        )  # fmt: skip
        store_forecast(session, now, site=site, made=made)


@pytest.mark.parametrize(("chance", "is_said"), [(0.31, True), (0.04, False)])
def test_the_kiosk_and_the_phone_say_when_today_is_not_sure(
    world: PatientWorld, chance: float, is_said: bool
) -> None:
    foresee(world, chance)
    given = ticket(world).text
    assert (WORDS in given) is is_said
    assert ("Ask the desk for a time on another day" in given) is is_said
    entry = world.entries()[0]
    foresee(world, chance, (entry.id,))
    phone = world.phone()
    phone.post(f"/t/{visit_token(SECRET, entry.visit.key, entry.visit.nonce)}")
    text = phone.get("/phone/ticket").text
    assert (WORDS in text) is is_said
    assert ('data-line="reach" hidden' in text) is not is_said
    offer = '">Book a time for another day</a>'
    assert offer in text
