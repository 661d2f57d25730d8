"""A clinic location and what stands in it: services, targets, reasons, rooms, hours."""

import json
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Float, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, link
from queueapp.domain.localtime import service_day, service_day_span
from queueapp.domain.rules import SiteRules
from queueapp.domain.spans import Span
from queueapp.domain.targets import Target

if TYPE_CHECKING:
    from queueapp.db.models.people import Patient


class Site(HasId, Base):
    """One clinic location: a time zone, opening hours, one queue; `seq` counts visible changes."""

    __tablename__ = "site"
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    timezone: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int] = mapped_column(Integer, default=0)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # The database's own: see `db.known`.
    settings_stamp: Mapped[int] = mapped_column(BigInteger, server_default="0")
    opened_day: Mapped[date | None]
    closed_day: Mapped[date | None]

    services: Mapped[list["Service"]] = relationship(
        back_populates="site", order_by="Service.position, Service.id"
    )
    rooms: Mapped[list["Room"]] = relationship(
        back_populates="site", order_by="Room.position, Room.id"
    )

    @property
    def services_in_use(self) -> list["Service"]:
        """The services that are not retired, in the site's order."""
        return [service for service in self.services if not service.retired]

    @property
    def rooms_in_use(self) -> list["Room"]:
        """The rooms that are not retired, in the site's order."""
        return [room for room in self.rooms if not room.retired]

    @property
    def rules(self) -> SiteRules:
        """The figures in force."""
        # Settings are never changed in place, so that the same ones say the same.
        last = vars(self).get("_rules_last")
        if last is None or last[0] is not self.settings:
            last = vars(self)["_rules_last"] = (self.settings, rules_of(self.settings))
        found: SiteRules = last[1]
        return found

    def day_at(self, instant: datetime) -> date:
        """The service day that the instant falls in."""
        return service_day(self.timezone, instant, self.rules.day_starts_at)

    def span_of(self, day: date) -> Span:
        """That service day, from its first instant to the next one's."""
        return service_day_span(self.timezone, day, self.rules.day_starts_at)


def rules_of(settings: dict[str, Any] | None) -> SiteRules:
    """The figures that a site's settings say."""
    return _rules(json.dumps(settings or {}, sort_keys=True))


@lru_cache(maxsize=1000)
def _rules(settings: str) -> SiteRules:
    return SiteRules.from_mapping(json.loads(settings))


class Service(HasId, Base):
    """What one waits for. A `not_care` one stays off lobby, targets and forecast.

    `online` ones can be booked by the public.
    """

    __tablename__ = "service"
    __table_args__ = (UniqueConstraint("site_id", "slug"),)
    site_id: Mapped[int] = link("site.id")
    slug: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    plain_name: Mapped[str] = mapped_column(String(120), default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    planned: Mapped[timedelta] = mapped_column(default=timedelta(minutes=10))
    intake_ends: Mapped[time | None]
    waiting_limit: Mapped[int | None] = mapped_column(Integer)
    not_care: Mapped[bool] = mapped_column(default=False)
    online: Mapped[bool] = mapped_column(default=True)
    needs: Mapped[list[str]] = mapped_column(default=list)
    buffer_before: Mapped[timedelta] = mapped_column(default=timedelta(0))
    buffer_after: Mapped[timedelta] = mapped_column(default=timedelta(0))
    retired: Mapped[bool] = mapped_column(default=False)

    site: Mapped[Site] = relationship(back_populates="services")
    reasons: Mapped[list["Reason"]] = relationship(back_populates="service", order_by="Reason.id")
    targets: Mapped[list["ServiceTarget"]] = relationship(back_populates="service")

    def needs_of(self, patient: "Patient | None") -> list[str]:
        """What the room must have for this service, and for the person who comes."""
        return sorted({*self.needs, *(patient.room_needs if patient else ())})


class Reason(HasId, Base):
    """Why one comes, in plain words, with planned time."""

    __tablename__ = "reason"
    service_id: Mapped[int] = link("service.id")
    words: Mapped[str] = mapped_column(String(120))
    planned: Mapped[timedelta]
    retired: Mapped[bool] = mapped_column(default=False)
    service: Mapped[Service] = relationship(back_populates="reasons")


class ServiceTarget(HasId, Base):
    """`service_level_target`: `share` (0-1) of a class called within `within`, from a day on."""

    __tablename__ = "service_target"
    __table_args__ = (UniqueConstraint("service_id", "entry_class", "valid_from"),)
    service_id: Mapped[int] = link("service.id")
    entry_class: Mapped[str] = mapped_column(String(32))
    within: Mapped[timedelta]
    share: Mapped[float] = mapped_column(Float, default=0.8)
    valid_from: Mapped[date]
    service: Mapped[Service] = relationship(back_populates="targets")

    @property
    def as_target(self) -> Target:
        """The row as the rules of targets read it."""
        return Target(self.service_id, self.entry_class, self.within, self.share, self.valid_from)


class Room(HasId, Base):
    """Where care happens, with places and features (step-free, couch, isolation)."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("site_id", "name"),)
    site_id: Mapped[int] = link("site.id")
    name: Mapped[str] = mapped_column(String(40))
    position: Mapped[int] = mapped_column(Integer, default=0)
    places: Mapped[int] = mapped_column(Integer, default=1)
    features: Mapped[list[str]] = mapped_column(default=list)
    retired: Mapped[bool] = mapped_column(default=False)
    site: Mapped[Site] = relationship(back_populates="rooms")


class OpeningHour(HasId, Base):
    """A weekly rule in local wall time; 0 is Monday; equal midnights mean round the clock."""

    __tablename__ = "opening_hour"
    site_id: Mapped[int] = link("site.id")
    weekday: Mapped[int] = mapped_column(Integer)
    opens: Mapped[time]
    closes: Mapped[time]


class OpeningException(HasId, Base):
    """Other hours on one day; without times the site is closed then."""

    __tablename__ = "opening_exception"
    __table_args__ = (Index(None, "site_id", "day"),)
    site_id: Mapped[int] = link("site.id", index=False)
    day: Mapped[date]
    opens: Mapped[time | None]
    closes: Mapped[time | None]
    note: Mapped[str] = mapped_column(String(120), default="")
