"""How often the database is asked for each operation, counted in a process of our own."""

import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from queueapp import config
from queueapp.app import build
from queueapp.commands.bench_api_clients import visits
from queueapp.db.session import Database


def statements(environ: Mapping[str, str], clinics: list[dict[str, Any]]) -> dict[str, int]:
    """Statements by operation, of the second visit that the API is called for."""
    settings = config.load(environ)
    database = Database(settings.database_url, secret=settings.secret_key)
    client = build(settings, database, screens=("api",)).test_client()
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    found, answer, plan = {}, None, visits(clinics[:1], 0, 1)
    for _ in range(8):
        name, path, token, body = plan.send(answer) if answer else next(plan)
        asked.clear()
        said = client.post(
            f"/api/v1{path}", data=body, base_url=settings.public_url,
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(12)
            },
        )  # fmt: skip
        answer, found[name] = said.get_json(), len(asked)
    database.dispose()
    return found
