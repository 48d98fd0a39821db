"""A WSGI application as a user writes it: one client, at module level, already in use when gunicorn forks."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from sogni import ConnectionLost, SogniClient
from tests.orders import order

client = SogniClient(**json.loads(os.environ.get("TEST_CLIENT", "{}")))
# The sandbox holds the first order, so that it is under way at the fork, and renders the second.
under_way = client.projects.create(**order(positive_prompt="under way"))
before = client.projects.create(**order(positive_prompt="before"))
before.wait(timeout=20)


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """`/render` orders a picture, `/resume?ID` goes on with one, `/inherited` waits for what the master ordered."""
    path = environ["PATH_INFO"]
    asked = parse_qs(environ["QUERY_STRING"])
    answer: dict[str, object] = {"pid": os.getpid()}
    if path == "/inherited":
        try:
            under_way.wait(timeout=10)
        except ConnectionLost as lost:
            answer["lost"] = str(lost)
    else:
        if path == "/resume":
            project = client.projects.resume(asked["id"][0])
        else:
            project = client.projects.create(**order(positive_prompt=f"worker {os.getpid()}"))
        (result,) = project.wait(timeout=20)
        answer |= {"project": project.id, "bytes": len(result.read())}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def render_in_master() -> None:
    """What the master does at its end: it finishes what was under way, and orders once more."""
    finished = len(under_way.wait(timeout=10))
    again = len(client.projects.create(**order(positive_prompt="master")).wait(timeout=10))
    sys.stdout.write(f"\nmaster: {finished} {again}\n")
    sys.stdout.flush()
