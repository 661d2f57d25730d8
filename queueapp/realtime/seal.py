"""That what comes over Redis to be shown on screens was said by one of the same processes.

The same secret, database, address and code: another copy that shares the Redis by mistake, or a
newer release beside an older one, is not listened to.
"""

import hashlib
import hmac
from pathlib import Path

from sqlalchemy.engine import make_url

from queueapp.config import Settings
from queueapp.marks import mark_of

_MAC_BYTES = 16
_PROGRAM = Path(__file__).parent.parent
_READ = ("*.py", "*.po", "*.html")


class Seal:
    """Marks what is said and knows the mark; `kin` is a name for all who have the same."""

    def __init__(self, settings: Settings, templates: Path) -> None:
        database = make_url(settings.database_url).set(username=None, password=None)
        program = mark_of((_PROGRAM, templates), _READ)
        parts = (settings.secret_key, settings.public_url, str(database), program)
        self._key = hashlib.blake2b("\n".join(parts).encode(), digest_size=32).digest()
        self.kin = self._mac(b"kin").hex()[:12]

    def close(self, topic: str, body: bytes) -> bytes:
        """`body` with a mark that holds for `topic` alone."""
        return self._mac(topic.encode() + b"\0" + body) + body

    def open(self, topic: str, sealed: bytes) -> bytes | None:
        """The body; None where the mark is not ours."""
        mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        is_ours = hmac.compare_digest(mac, self._mac(topic.encode() + b"\0" + body))
        return body if is_ours else None

    def _mac(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._key, digest_size=_MAC_BYTES).digest()
