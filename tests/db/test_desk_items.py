"""What needs a person at the desk: asked once, taken by one, closed with an outcome."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.desk_items import ItemKind
from queueapp.db.unit import finalise
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.refusal import RefusalKind, Refused
from tests import factories as make
from tests.factories import NOW

ANN = Actor(ActorKind.STAFF, 1, "Ann")
BO = Actor(ActorKind.STAFF, 2, "Bo")
KIOSK = Actor(ActorKind.DEVICE, 3, "Kiosk")


def facts(session: Session) -> list[str]:
    return [fact.kind.value for one in finalise(session) for fact in one.facts]


def test_pressing_help_again_and_again_is_one_item(session: Session) -> None:
    site = make.make_site(session)
    device, _ = make.make_device(session, site, "kiosk")
    first = desk_items.ask_for_help(session, KIOSK, NOW, device_id=device.id)
    later = NOW + timedelta(seconds=3)
    assert desk_items.ask_for_help(session, KIOSK, later, device_id=device.id) is first
    assert facts(session) == ["desk_item_opened"]
    desk_items.close_item(session, ANN, later, item_id=first.id, outcome="helped")
    assert desk_items.ask_for_help(session, KIOSK, later, device_id=device.id) is not first


def test_help_from_a_phone_belongs_to_its_visit(session: Session) -> None:
    visit = make.make_visit(session, make.make_site(session))
    item = desk_items.ask_for_help(session, KIOSK, NOW, visit_id=visit.id)
    assert (item.site_id, item.visit_id, item.kind) == (visit.site_id, visit.id, "help")
    with pytest.raises(Refused) as refused:
        desk_items.ask_for_help(session, KIOSK, NOW, visit_id=visit.id + 1000)
    assert refused.value.kind is RefusalKind.NOT_FOUND


def test_an_item_is_taken_by_one_and_closed_once(session: Session) -> None:
    visit = make.make_visit(session, make.make_site(session))
    item = desk_items.open_item(
        session, KIOSK, NOW, site_id=visit.site_id, kind=ItemKind.NOT_FOUND, visit_id=visit.id
    )
    desk_items.take_item(session, ANN, NOW, item_id=item.id)
    desk_items.take_item(session, ANN, NOW, item_id=item.id)
    with pytest.raises(Refused, match="Ann is already seeing to this") as refused:
        desk_items.take_item(session, BO, NOW, item_id=item.id)
    assert refused.value.code == "taken"
    with pytest.raises(Refused) as refused:
        desk_items.close_item(session, BO, NOW, item_id=item.id, outcome=" ")
    assert refused.value.field == "outcome"
    desk_items.close_item(session, BO, NOW, item_id=item.id, outcome="found")
    with pytest.raises(Refused, match="already closed"):
        desk_items.close_item(session, BO, NOW, item_id=item.id, outcome="found")
    assert facts(session) == ["desk_item_opened", "desk_item_taken", "desk_item_closed"]


def test_an_entrys_items_close_with_their_cause(session: Session) -> None:
    site = make.make_site(session)
    service = make.make_service(session, site)
    one, other = make.make_entry(session, service), make.make_entry(session, service)
    for entry, kind in ((one, ItemKind.FETCH), (one, ItemKind.TOO_LATE), (other, ItemKind.FETCH)):
        desk_items.open_item(session, KIOSK, NOW, site_id=site.id, kind=kind, entry_id=entry.id)
    desk_items.close_for_entry(session, ANN, NOW, entry_id=one.id, kind=ItemKind.FETCH)
    left = [(i.entry_id, i.kind) for i in desk_items.open_items(session, site.id)]
    assert left == [(one.id, "too_late"), (other.id, "fetch")]
