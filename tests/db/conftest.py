"""A clinic in a session of the test's own."""

import pytest
from sqlalchemy.orm import Session

from tests.db.small_clinic import SmallClinic


@pytest.fixture
def clinic(session: Session) -> SmallClinic:
    """Two doctors and a nurse; tests of other things have a `clinic` of their own."""
    return SmallClinic(session)
