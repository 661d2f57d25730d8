"""What the suite starts for itself."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from tests import services
from tests.conftest import need


def test_a_redis_of_ones_own_passes_messages(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as listener:
        listener.subscribe("line")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        client.publish("line", "B12")
        assert listener.get_message(timeout=5)["data"] == b"B12"


def test_a_postgresql_keeps_to_the_disk_only_when_asked(postgresql_url: str) -> None:
    with services.postgresql(durable=True) as durable_url:
        for url, fsync in ((postgresql_url, "off"), (durable_url, "on")):
            engine = sa.create_engine(url)
            with engine.connect() as connection:
                assert connection.execute(sa.text("SHOW fsync")).scalar() == fsync
            engine.dispose()


def test_the_shared_postgresql_goes_when_its_run_is_gone(tmp_path: Path) -> None:
    need("initdb")
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    url = services.shared_postgresql(tmp_path, run.pid)
    home = Path(url.partition("host=")[2])
    assert services.shared_postgresql(tmp_path, run.pid) == url
    assert home.is_dir()
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 10
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not home.exists()


def test_no_test_reaches_another_machine() -> None:
    with pytest.raises(Exception, match=r"192\.0\.2\.1.*allowed"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_what_shares_a_server_runs_in_one_process(request: pytest.FixtureRequest) -> None:
    if not hasattr(request.config, "workerinput"):
        return
    # So does xdist tell a test's group to whoever hands the tests out.
    assert request.node.nodeid.endswith("@test_services")
