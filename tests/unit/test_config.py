"""Settings: a default for each, and words that say what would be right."""

from pathlib import Path

import pytest

from queueapp import config

SECRET = "a" * 16


def load(tmp_path: Path, **environ: str) -> config.Settings:
    return config.load({"QUEUEAPP_VAR": str(tmp_path), "SECRET_KEY": SECRET, **environ})


def test_without_any_setting_it_serves_on_this_machine(tmp_path: Path) -> None:
    settings = config.load({"QUEUEAPP_VAR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path / 'queueapp.db'}"
    assert settings.redis_url is None
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.origins == {"http://127.0.0.1:8000", "http://localhost:8000"}


def test_the_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    first = config.load({"QUEUEAPP_VAR": str(tmp_path)})
    assert len(first.secret_key) == 64
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert config.load({"QUEUEAPP_VAR": str(tmp_path)}).secret_key == first.secret_key


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
        ({"DATABASE_URL": "queue"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite"}, "DATABASE_URL is not one"),
        ({"DATABASE_URL": "sqlite://"}, "name a file"),
        ({"DATABASE_URL": "sqlite://queueapp.db"}, "name a file"),
        ({"DATABASE_URL": "sqlite:///:memory:?mode=ro"}, "name a file"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL"),
        ({"PUBLIC_URL": "queue.example.org"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://example.org/queue"}, "a host of its own"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    with pytest.raises(config.ConfigError, match=words):
        load(tmp_path, **environ)


def test_only_pages_of_the_public_address_may_listen(tmp_path: Path) -> None:
    settings = load(tmp_path, PUBLIC_URL="https://Queue.example.org/")
    assert settings.origins == {"https://queue.example.org"}
    assert settings.is_https


def test_where_it_listens_is_its_address_by_default(tmp_path: Path) -> None:
    everywhere = load(tmp_path, QUEUEAPP_HOST="0.0.0.0", QUEUEAPP_PORT="8100")
    assert everywhere.public_url == "http://localhost:8100"
    assert load(tmp_path, QUEUEAPP_HOST="10.1.2.3").origins == {"http://10.1.2.3:8000"}
