"""A client that floods, in a process of its own: `python -m tests.system.floods URL KIND SECONDS`.

It sends 1,000 messages a second, or frames of 16 MB, until it is cut off, then connects again.
Prints how often it was let in and how much it could send, as JSON.
"""

import json
import socket
import sys
import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from queueapp.commands import bench_live, bench_live_clinic
from queueapp.commands.bench_process import helper

MESSAGE = b"\x81\x81\0\0\0\x003"
FRAME = b"\x81\xff" + (1 << 24).to_bytes(8, "big") + b"\0\0\0\0" + b"4" * (1 << 24)
# A client of ours comes back no sooner.
_BACK_AFTER_S = 0.3


def flood(url: str, kind: str, seconds: float) -> dict[str, int]:
    """Do it; `sent` are messages, or bytes of frames."""
    until, let_in, sent = time.monotonic() + seconds, 0, 0
    host = url.partition("//")[2]
    while time.monotonic() < until:
        with socket.create_connection(("127.0.0.1", int(host.partition(":")[2]))) as wire:
            wire.sendall(
                f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\n"
                f"Origin: {url}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                .encode()
            )  # fmt: skip
            let_in += b" 101 " in wire.recv(4096)
            try:
                while time.monotonic() < until:
                    if kind == "messages":
                        wire.sendall(MESSAGE)
                        sent += 1
                        time.sleep(0.001)
                    else:
                        for start in range(0, len(FRAME), 1 << 14):
                            sent += wire.send(FRAME[start : start + (1 << 14)])
            except OSError:
                time.sleep(_BACK_AFTER_S)
    return {"let_in": let_in, "sent": sent}


def heard_during(kinds: list[str], seconds: float) -> dict[str, dict[str, Any]]:
    """100 phones' delays from a change to the screen (ms), in peace and during each flood."""
    found: dict[str, dict[str, Any]] = {}
    with (
        bench_live_clinic.open_clinic() as clinic,
        helper(bench_live.PHONES) as ears,
    ):
        web = clinic.web_process()
        ears.ask(open=clinic.screens(100, bench_live.LOBBIES))
        clinic.change(5.0, 2.0, 2)
        for kind in ["", *kinds]:
            with ExitStack() as stack:
                if kind:
                    words = "tests.system.floods", clinic.url, kind, str(seconds)
                    hostile = stack.enter_context(helper(*words))
                heard = bench_live.listen(clinic, ears, web, 5.0, seconds, 2)
                said = json.loads(hostile.hear()) if kind else {}
            p50, p99 = np.percentile(heard["events"] * 1000, [50, 99])
            ended = heard["heard"]["ended"]
            found[kind] = {"p50_ms": p50, "p99_ms": p99, "others_ended": ended, **said}
    return found


if __name__ == "__main__":
    print(json.dumps(flood(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
