"""How gunicorn is set up in these tests; its hooks run in the master."""

from __future__ import annotations

import sys

preload_app = True
workers = 3
accesslog = None


def on_exit(server: object) -> None:
    """Called when all workers are gone."""
    sys.modules["tests.servers.web"].render_in_master()
