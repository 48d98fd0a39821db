"""A Celery application as a user writes it: one client, at module level, already in use when the pool forks."""

from __future__ import annotations

import json
import os
from typing import Any

from celery import Celery
from celery.signals import worker_shutdown
from redis import Redis

from sogni import SogniClient
from tests.orders import order

# Where the tests read what happened, without asking again and again.
DELIVERIES, PARENT = "test-deliveries", "test-parent"

REDIS = os.environ["TEST_REDIS"]
app = Celery("tasks", broker=f"redis+socket://{REDIS}", backend=f"redis+socket://{REDIS}")
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=1)

client = SogniClient(**json.loads(os.environ.get("TEST_CLIENT", "{}")))
client.projects.create(**order(positive_prompt="before")).wait(timeout=20)


def tell(name: str, news: object) -> None:
    """Say something to the test."""
    with Redis(unix_socket_path=REDIS) as redis:
        redis.rpush(name, json.dumps(news))


def draw(self: Any) -> dict[str, object]:
    """Orders under the task's id, so that a task that is delivered again orders nothing more."""
    tell(DELIVERIES, os.getpid())
    project = client.projects.create(**order(positive_prompt=f"child {os.getpid()}"), key=self.request.id, timeout=20)
    (result,) = project.wait(timeout=20)
    return {"pid": os.getpid(), "project": project.id, "bytes": len(result.read())}


app.task(draw, name="draw", bind=True)


def render_in_parent(**_: object) -> None:
    """What the parent of the pool does at its end."""
    (result,) = client.projects.create(**order(positive_prompt="parent")).wait(timeout=10)
    tell(PARENT, len(result.read()))


worker_shutdown.connect(render_in_parent)
