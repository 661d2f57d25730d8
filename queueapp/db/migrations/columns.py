"""The column types that migrations share.

They are frozen as all migrations are: what was run once must mean the same for ever. A type that
is to differ gets a name of its own here.
"""

import sqlalchemy as sa

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
