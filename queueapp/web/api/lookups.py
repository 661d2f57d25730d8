"""From what a client names to the row that is meant."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import get_service
from queueapp.actions.legs import NO_WISH, Wish
from queueapp.db.known import known
from queueapp.db.models import Clinician, ClinicianService, Service, Shift
from queueapp.db.models import Site as SiteRow
from queueapp.domain.refusal import RefusalKind, Refused, invalid
from queueapp.domain.visit import EntryClass, PreferenceKind
from queueapp.web.security import SiteRef

_REGULAR = "regular"


def site_row(session: Session, site: SiteRef) -> SiteRow:
    """The row of the site the request is about."""
    return session.get_one(SiteRow, site.id)


def service_of(session: Session, site: SiteRef, slug: str, field: str = "service") -> Service:
    """The site's service of that slug. Raises Refused naming those there are."""
    services = known(session, site.id).services
    if slug in services:
        return get_service(session, site.id, services[slug])
    raise _unknown(field, "service", [*services])


def clinician_of(
    session: Session, site: SiteRef, who: int | str, field: str = "clinician"
) -> Clinician:
    """A clinician who works at the site, by id or by name with or without title.

    Raises Refused when nobody, or more than one, is meant.
    """
    here = sa.or_(
        Clinician.id.in_(
            sa.select(ClinicianService.clinician_id)
            .join(Service, Service.id == ClinicianService.service_id)
            .where(Service.site_id == site.id)
        ),
        Clinician.id.in_(sa.select(Shift.clinician_id).where(Shift.site_id == site.id)),
    )
    clinicians = session.scalars(
        sa.select(Clinician).where(Clinician.retired.is_(False), here).order_by(Clinician.id)
    ).all()
    if isinstance(who, int):
        found = [c for c in clinicians if c.id == who]
    else:
        name = who.casefold()
        found = [c for c in clinicians if name in (c.name.casefold(), c.shown_name.casefold())]
        found = found or [c for c in clinicians if str(c.id) == who]
    if len(found) > 1:
        ids = ", ".join(str(c.id) for c in found)
        raise invalid(field, f"Several clinicians are called that. Give one of the ids: {ids}.")
    if not found:
        raise _unknown(field, "clinician", [c.shown_name for c in clinicians])
    return found[0]


def wish_for(session: Session, site: SiteRef, who: int | str | None, only: bool) -> Wish:
    """The wish that `preferred_clinician` and `only_preferred` say."""
    if who is None or who == "":
        if only:
            raise invalid("preferred_clinician", "Say which clinician, or choose anyone.")
        return NO_WISH
    kind = PreferenceKind.ONLY if only else PreferenceKind.IF_POSSIBLE
    return Wish(kind, clinician_of(session, site, who, "preferred_clinician").id)


def class_of(session: Session, service: Service, label: str) -> str:
    """The class a label means: `regular` is a walk-in's unless the service says otherwise."""
    if label != _REGULAR:
        return label
    targets = known(session, service.site_id).targets.get(service.id, ())
    return label if label in {one.entry_class for one in targets} else EntryClass.WALK_IN.value


def _unknown(field: str, what: str, names: list[str]) -> Refused:
    right = f"one of: {', '.join(names)}" if names else f"a {what} of this clinic; it has none"
    return Refused(
        f"No {what} of this clinic is meant by that. Give {right}.",
        field=field,
        kind=RefusalKind.INVALID,
        code="invalid",
        details={"expected": right},
    )
