"""Settings from the environment, checked at start; each has a default for this machine alone."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_SHORTEST_SECRET = 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Browsers leave these out when they say where a page is from.
_USUAL = {"http": ":80", "https": ":443"}
_MOST_PROXIES = 8


class ConfigError(Exception):
    """A setting that cannot be used; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process runs with.

    `origins` are those whose pages may command and listen; `proxies` of ours stand before it.
    """

    database_url: str
    redis_url: str | None
    public_url: str
    origins: frozenset[str]
    secret_key: str
    var: Path
    proxies: int = 0

    @property
    def hosts(self) -> frozenset[str]:
        """The names it answers to: that of PUBLIC_URL, and this machine's own for itself."""
        name = urlsplit(self.public_url).hostname or ""
        return _LOOPBACK | {f"[{name}]" if ":" in name else name}

    @property
    def is_https(self) -> bool:
        """Whether people reach it over TLS."""
        return self.public_url.startswith("https://")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises ConfigError.

    `QUEUEAPP_VAR` is the directory of what the app keeps beside the database (default `var`);
    `serve` tells its processes by `QUEUEAPP_HOST` and `QUEUEAPP_PORT` where it listens.
    `TRUSTED_PROXIES` says how many proxies of the clinic's own pass requests on (default none).
    """
    env = os.environ if environ is None else environ
    host = env.get("QUEUEAPP_HOST", DEFAULT_HOST)
    port = int(env.get("QUEUEAPP_PORT", DEFAULT_PORT))
    var = Path(env.get("QUEUEAPP_VAR") or "var").resolve()
    public_url, origins = _public_url(env.get("PUBLIC_URL", ""), host, port)
    return Settings(
        database_url=_database_url(env.get("DATABASE_URL", ""), var),
        redis_url=_redis_url(env.get("REDIS_URL", "")),
        public_url=public_url,
        origins=origins,
        secret_key=_secret_key(env.get("SECRET_KEY", ""), var),
        var=var,
        proxies=_proxies(env.get("TRUSTED_PROXIES", "")),
    )


def _database_url(value: str, var: Path) -> str:
    if not value:
        var.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{var / 'queueapp.db'}"
    # By hand: whatever only starts other processes is to load no database.
    scheme, is_url, rest = value.partition("://")
    kind = scheme.partition("+")[0]
    if not is_url or kind not in ("sqlite", "postgresql"):
        raise ConfigError(
            "DATABASE_URL is not one queueapp can use. Give sqlite:////path/to/queueapp.db "
            "or postgresql://user:password@host/database."
        )
    file = rest.partition("?")[0].partition("/")[2]
    if kind == "sqlite" and file in ("", ":memory:"):
        raise ConfigError("DATABASE_URL: several processes share it, so it must name a file.")
    return value


def _redis_url(value: str) -> str | None:
    if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise ConfigError("REDIS_URL is not one of Redis. Give redis://host:6379/0, or leave it.")
    return value or None


def _proxies(value: str) -> int:
    if value and not (value.isascii() and value.isdigit() and int(value) <= _MOST_PROXIES):
        raise ConfigError(
            "TRUSTED_PROXIES is how many proxies of yours pass requests on: 1 behind one nginx, "
            "0 or left out without."
        )
    return int(value or 0)


def _public_url(value: str, host: str, port: int) -> tuple[str, frozenset[str]]:
    if value:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("PUBLIC_URL must be how people reach it: https://queue.example.org")
        if "@" in parts.netloc:
            raise ConfigError("PUBLIC_URL holds a name or password; leave it out.")
        if parts.path not in ("", "/") or parts.query:
            raise ConfigError("PUBLIC_URL: queueapp needs a host of its own, without a path.")
        origin = f"{parts.scheme}://{parts.netloc}".lower().removesuffix(_USUAL[parts.scheme])
        return origin, frozenset({origin})
    shown = "localhost" if host in ("0.0.0.0", "::", "") else host
    if ":" in shown:
        shown = f"[{shown}]"
    names = {shown, "localhost", "127.0.0.1"} if shown in ("localhost", "127.0.0.1") else {shown}
    return f"http://{shown}:{port}", frozenset(f"http://{name}:{port}" for name in names)


def _secret_key(value: str, var: Path) -> str:
    if value:
        if len(value) < _SHORTEST_SECRET:
            raise ConfigError(
                f"SECRET_KEY is too short: give {_SHORTEST_SECRET} characters or more."
            )
        return value
    path = var / "secret_key"
    try:
        var.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            unfinished = var / f".secret_key.{os.getpid()}"
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                f.write(secrets.token_hex(32))
            try:
                # Whoever of several starting processes comes first has made it.
                os.link(unfinished, path)
            except FileExistsError:
                pass
            finally:
                unfinished.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"SECRET_KEY is not set, and {path} cannot be kept ({error.strerror}). Set SECRET_KEY."
        ) from error
