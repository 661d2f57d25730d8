"""Commits to SQLite files, in a process to be traced: `python -m tests.faults.committing N FILE…`.

On the second file and later ones the guard is off: SQLite is told not to wait for the disk.
"""

import sys

import sqlalchemy as sa

from queueapp.db.models import Site
from queueapp.db.session import Database


def main(commits: int, files: list[str]) -> None:
    """`commits` rows into each, one by one."""
    for n, file in enumerate(files):
        database = Database(f"sqlite:///{file}")
        if n > 0:
            # Once per connection, as `queueapp.db.engine` does the opposite.
            sa.event.listen(
                database.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF")
            )
        for turn in range(commits):
            with database.write() as session:
                session.add(Site(slug=f"{turn}", name="x", timezone="UTC", seq=0, settings={}))
        database.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
