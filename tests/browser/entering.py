"""In already: a browser with the cookie that the sign-in form or a screen's link would give it."""

from datetime import UTC, datetime

from flask import Flask
from playwright.sync_api import Page

from queueapp.actions.logins import find_staff
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.app import _Sessions
from queueapp.db.session import Database
from queueapp.domain.viewer import Credential
from tests.served import Served
from tests.web.web_world import SECRET

_signer = Flask(__name__)
_signer.secret_key = SECRET


def remember(page: Page, served: Served, credential: Credential) -> Page:
    """`page`, whose browser is that screen, that patient's phone, or signed in as that staff."""
    if credential.kind == "staff":
        held = {
            "_user_id": f"{credential.id}:{credential.stamp}",
            "staff_since": datetime.now(UTC).timestamp(),
        }
    else:
        held = {credential.kind: [credential.id, credential.stamp]}
    serializer = _Sessions().get_signing_serializer(_signer)
    assert serializer
    value = str(serializer.dumps(held))
    page.context.add_cookies([{"name": "queueapp", "value": value, "url": served.url}])
    return page


def signed_in(page: Page, served: Served, email: str) -> Page:
    """`page`, whose browser is signed in with that login."""
    database = Database(served.database_url, secret=SECRET)
    with database.write() as session:
        staff = find_staff(session, email)
        assert staff
        credential = begin_sign_in(session, datetime.now(UTC), staff=staff).credential
    database.dispose()
    return remember(page, served, credential)
