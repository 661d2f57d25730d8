"""What gunicorn's own process loads (`--config python:queueapp.preloaded`), for all it forks.

A web process that was killed is then back without loading everything anew, which takes two of the
three seconds until its screens are told again, and several share most of their memory. Each makes
an app, and with it database connections, of its own.
"""

import importlib.util

from queueapp.loading import load_app

if importlib.util.find_spec("gevent"):
    from gevent import monkey

    # Before anything else is loaded, as some of it keeps what it finds here.
    monkey.patch_all()

load_app()
