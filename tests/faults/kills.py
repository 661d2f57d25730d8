"""`kill -9` at random moments of a busy clinic."""

import contextlib
import time
from random import Random

import psutil

from tests.faults.clinic import Clinic, Verdict
from tests.served import Served
from tests.services import wait_until

# One in so many kills all processes at once, as a power cut or the kernel's killer would.
ALL_AT_ONCE = 8
WAIT_S = (0.05, 0.6)


def kill_at_random(clinic: Clinic, served: Served, kills: int, seed: int = 0) -> Verdict:
    """Kill a web process, the worker, or everything, `kills` times; what is missing after that?

    The first two are a web process and the worker.
    """
    dice = Random(seed)
    with clinic.at_work():
        for n in range(kills):
            time.sleep(dice.uniform(*WAIT_S))
            if n > 2 and dice.randrange(ALL_AT_ONCE) == 0:
                served.kill()
                served.start()
            elif n == 1 or (n > 2 and dice.randrange(3) == 0):
                _kill(served, served.worker_process())
            else:
                _kill(served, dice.choice(served.web_processes()))
        time.sleep(WAIT_S[1])
    return clinic.judge()


def _kill(served: Served, victim: psutil.Process) -> None:
    processes = len(_running(served))
    victim.kill()
    assert served.process
    wait_until(
        lambda: served.is_ready() and len(_running(served) - {victim.pid}) >= processes,
        served.process,
        served.log,
    )


def _running(served: Served) -> set[int]:
    with contextlib.suppress(psutil.Error, ValueError):
        return {p.pid for p in (*served.web_processes(), served.worker_process())}
    return set()
