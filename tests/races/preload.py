"""What each racing process starts with: all that is slow to load, loaded once and forked."""

import gc

from sqlalchemy.orm import configure_mappers

from tests.races import contests  # noqa: F401

configure_mappers()
# A round of the collector would copy all of it into each process.
gc.freeze()
