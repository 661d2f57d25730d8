"""Migrated, empty databases by copying one that was migrated once per test run."""

import shutil
import uuid
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from queueapp.db import migrate
from queueapp.db.engine import make_engine
from tests.services import locked

TEMPLATE = "queueapp_template"


def migrated(url: str) -> None:
    """Bring the database at `url` to the newest schema."""
    engine = make_engine(url)
    migrate.upgrade(engine)
    engine.dispose()


class SqliteMaker:
    """Copies a migrated file, which stands in `directory`, to `where` if it is not to be there."""

    def __init__(self, directory: Path, where: Path | None = None) -> None:
        self._directory = where or directory
        self._template = directory / f"{TEMPLATE}.sqlite"
        with locked(directory / "sqlite.lock"):
            if not self._template.exists():
                unfinished = self._template.with_suffix(".new")
                migrated(f"sqlite:///{unfinished}")
                unfinished.rename(self._template)

    def make(self, *, empty: bool = False) -> str:
        """The URL of a new database: migrated, or with nothing in it at all."""
        path = self._directory / f"{uuid.uuid4().hex}.sqlite"
        if not empty:
            shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def copy(self, url: str) -> str:
        """The URL of a new database with all that is in another, to which nobody is connected."""
        path = self._directory / f"{uuid.uuid4().hex}.sqlite"
        original = make_url(url).database
        assert original
        assert not Path(f"{original}-wal").exists()
        shutil.copyfile(original, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """Remove the database of `make`."""
        path = make_url(url).database
        assert path
        for suffix in ("", "-wal", "-shm"):
            Path(path + suffix).unlink(missing_ok=True)


class PostgresqlMaker:
    """Creates databases from a migrated template."""

    def __init__(self, directory: Path, server_url: str) -> None:
        self._url = make_url(server_url)
        self._server = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        with locked(directory / "template.lock"):
            self._make_template()

    def _make_template(self) -> None:
        with self._server.connect() as connection:
            query = sa.text("SELECT 1 FROM pg_database WHERE datname = :name")
            if connection.execute(query, {"name": TEMPLATE}).scalar():
                return
            connection.execute(sa.text(f"CREATE DATABASE {TEMPLATE}_new"))
            migrated(self._named(f"{TEMPLATE}_new"))
            connection.execute(sa.text(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}"))

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def make(self, *, empty: bool = False) -> str:
        """The URL of a new database: migrated, or with nothing in it at all."""
        return self._make_from("template0" if empty else TEMPLATE)

    def copy(self, url: str) -> str:
        """The URL of a new database with all that is in another, to which nobody is connected."""
        original = make_url(url).database
        assert original
        return self._make_from(original)

    def _make_from(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        with self._server.connect() as connection:
            # Through the log, as is usual since 15, takes longer.
            is_new = (connection.dialect.server_version_info or (0,)) >= (15,)
            how = "STRATEGY FILE_COPY" if is_new else ""
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} {how}"))
        return self._named(name)

    def drop(self, url: str) -> None:
        """Remove the database of `make`, with whoever is still connected."""
        with self._server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))

    def dispose(self) -> None:
        """Close the connections to the server."""
        self._server.dispose()
