"""A site's stamp, which the database itself renews whenever one of the site's settings changes.

It is random, so that one of a change that was taken back never stands for another change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OF_A_SITE = ("service", "room", "opening_hour", "opening_exception")
OF_A_SERVICE = ("reason", "service_target")
COLUMNS = ("slug", "name", "timezone", "settings")

SQLITE_SITE = """
CREATE TRIGGER site_settings_{verb} AFTER {verb} {columns} ON site
BEGIN UPDATE site SET settings_stamp = random() & 9007199254740991 WHERE id = NEW.id; END
"""
SQLITE_ROW = """
CREATE TRIGGER {table}_settings_{verb} AFTER {verb} ON {table}
BEGIN UPDATE site SET settings_stamp = random() & 9007199254740991 WHERE id IN ({sites}); END
"""

POSTGRESQL = """
CREATE FUNCTION new_settings_stamp() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(random() * 9007199254740992)::bigint $$;

CREATE FUNCTION site_settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.settings_stamp := new_settings_stamp();
  RETURN NEW;
END $$;
CREATE TRIGGER site_settings_insert BEFORE INSERT ON site
  FOR EACH ROW EXECUTE FUNCTION site_settings_changed();
CREATE TRIGGER site_settings_update BEFORE UPDATE OF {columns} ON site
  FOR EACH ROW EXECUTE FUNCTION site_settings_changed();

CREATE FUNCTION settings_of_site_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE site SET settings_stamp = new_settings_stamp() WHERE id IN (OLD.site_id, NEW.site_id);
  RETURN NULL;
END $$;
CREATE FUNCTION settings_of_service_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE site SET settings_stamp = new_settings_stamp() WHERE id IN
    (SELECT site_id FROM service WHERE id IN (OLD.service_id, NEW.service_id));
  RETURN NULL;
END $$;
"""
POSTGRESQL_ROW = """
CREATE TRIGGER {table}_settings AFTER INSERT OR UPDATE OR DELETE ON {table}
  FOR EACH ROW EXECUTE FUNCTION settings_of_{owner}_changed();
"""


def upgrade() -> None:
    op.add_column(
        "site", sa.Column("settings_stamp", sa.BigInteger(), server_default="0", nullable=False)
    )
    if op.get_bind().dialect.name == "sqlite":
        _on_sqlite()
    else:
        _on_postgresql()


def _on_sqlite() -> None:
    op.execute(SQLITE_SITE.format(verb="insert", columns=""))
    op.execute(SQLITE_SITE.format(verb="update", columns="OF " + ", ".join(COLUMNS)))
    rows = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}
    for verb, of in rows.items():
        for table in OF_A_SITE:
            sites = ", ".join(f"{row}.site_id" for row in of)
            op.execute(SQLITE_ROW.format(table=table, verb=verb, sites=sites))
        for table in OF_A_SERVICE:
            services = ", ".join(f"{row}.service_id" for row in of)
            sites = f"SELECT site_id FROM service WHERE id IN ({services})"
            op.execute(SQLITE_ROW.format(table=table, verb=verb, sites=sites))


def _on_postgresql() -> None:
    op.execute(POSTGRESQL.format(columns=", ".join(COLUMNS)))
    for owner, tables in (("site", OF_A_SITE), ("service", OF_A_SERVICE)):
        for table in tables:
            op.execute(POSTGRESQL_ROW.format(table=table, owner=owner))
