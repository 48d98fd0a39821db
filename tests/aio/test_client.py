"""What a client does before, without and after its connection."""

from __future__ import annotations

import pytest

import sogni_async
from sogni_async import ClosedError, ConfigError, LinkState, SogniClient, ValidationError


async def test_making_one_opens_nothing() -> None:
    client = SogniClient("key", app_id="app")
    assert client.state.link is LinkState.IDLE
    assert repr(client) == "SogniClient(idle)"
    await client.aclose()
    assert client.state.link is LinkState.CLOSED


async def test_closed_is_closed_and_may_be_closed_again() -> None:
    client = SogniClient("key", app_id="app")
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClosedError):
        await client.projects.get_supported_models()


async def test_setup_errors_name_the_value() -> None:
    with pytest.raises(ConfigError, match="network is 'slow'"):
        SogniClient("key", network="slow")
    with pytest.raises(ConfigError, match="app_id"):
        SogniClient("key", app_id=" ")


async def test_unknown_events_are_refused() -> None:
    async with SogniClient("key", app_id="app") as client:
        with pytest.raises(ValidationError, match="kind is 'jobs'"):
            client.projects.on("jobs", print)
        with pytest.raises(ValidationError, match="kind is 'what'"):
            client.on("what", print)


async def test_the_package_is_the_one_that_was_imported() -> None:
    assert SogniClient.__module__.startswith(sogni_async.__name__)
