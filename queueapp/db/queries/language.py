"""What language a visit's own pages speak."""

from sqlalchemy.orm import Session

from queueapp.db.models import Site, Visit
from queueapp.domain.languages import WRITTEN_IN, offered


def language_of(session: Session, visit: Visit | None) -> str:
    """The person's, where pages speak it; else the clinic's. English without a visit."""
    if visit is None:
        return WRITTEN_IN
    usual = session.get_one(Site, visit.site_id).rules.language
    return offered(visit.patient.language, usual) if visit.patient else usual
