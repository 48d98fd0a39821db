"""Refused credentials, dead hosts, hostile answers: each has its own clear error, and nothing is lost or leaked."""

from __future__ import annotations

import logging
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sogni._protocol import runtime
from sogni.sandbox import Sandbox
from sogni_async import (
    ApiError,
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    LinkState,
    ProjectFailed,
    RateLimited,
    Retries,
    ServerError,
    SogniClient,
    SogniError,
    ValidationError,
    WaitTimeout,
)
from tests.orders import ORDER

SECRET = "a-real-key-that-nobody-may-see"


def at(sandbox: Sandbox, **more: object) -> SogniClient:
    return SogniClient(
        rest_endpoint=sandbox.rest_endpoint,
        socket_endpoint=sandbox.socket_endpoint,
        app_id="app",
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_nobody_signed_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOGNI_API_KEY", raising=False)
    async with at(sandbox) as client:
        with pytest.raises(AuthenticationError, match="SOGNI_API_KEY"):
            await client.projects.create(**ORDER)
        assert await client.projects.get_supported_models()


async def test_a_refused_key(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with at(sandbox, api_key=SECRET) as client:
        with pytest.raises(AuthenticationError) as rest:
            await client.projects.get_supported_models()
        assert (rest.value.status, rest.value.error_code) == (401, 102)
        with pytest.raises(AuthenticationError) as live:
            await client.projects.wait_for_models()
        assert client.state.link is LinkState.REFUSED
        for error in (rest.value, live.value):
            shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            assert SECRET not in shown
        assert SECRET not in repr(client) + str(vars(client))
    assert SECRET not in caplog.text
    assert not [entry for entry in sandbox.log if SECRET in str(entry)]


async def test_a_dead_host(closed_port: int) -> None:
    here = f"127.0.0.1:{closed_port}"
    async with SogniClient(
        "sandbox-key", rest_endpoint=f"http://{here}", socket_endpoint=f"ws://{here}", app_id="app", retries=1
    ) as client:
        with pytest.raises(ConnectFailed):
            await client.projects.create(**ORDER)
        with pytest.raises(WaitTimeout):
            await client.projects.wait_for_models(timeout=0.1)


async def test_a_busy_server_is_asked_again(sandbox: Sandbox) -> None:
    sandbox.fail_next("unavailable", path="/api/v1/models/list")
    sandbox.fail_next("rate_limit", path="/api/v2/models/tiers")
    async with SogniClient(sandbox=sandbox) as client:
        assert len(await (await client.projects.create(**ORDER)).wait(timeout=20)) == 1


async def test_what_does_not_get_better_is_told(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, retries=Retries(tries=1)) as client:
        for fault, error in (("rate_limit", RateLimited), ("unavailable", ServerError), ("bad_gateway", ServerError)):
            sandbox.fail_next(fault, times=None, path="/v1/account/me")
            with pytest.raises(error) as caught:
                await client.request("GET", "/v1/account/me")
            assert isinstance(caught.value, ApiError)
            sandbox.reset()
        for fault in ("not_json", "abort", "redirect"):
            sandbox.fail_next(fault, path="/v1/account/me")
            with pytest.raises(SogniError):
                await client.request("GET", "/v1/account/me")


async def test_an_upload_that_fails_orders_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.effect_noise((400, 400), 64).save(photo)
    async with SogniClient(sandbox=sandbox) as client:
        sandbox.script(times=2, fail_upload=403)
        with pytest.raises(SogniError):
            await client.projects.create(**ORDER, starting_image=photo)
        assert sandbox.submissions == []
        sandbox.script(cut_upload=10_000)
        project = await client.projects.create(**ORDER, starting_image=photo)
        await project.wait(timeout=20)
        (submission,) = sandbox.submissions
        assert submission.uploads[-1].size == photo.stat().st_size


async def test_a_download_that_breaks_is_resumed(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        (result,) = await (await client.projects.create(**ORDER)).wait(timeout=20)
        whole = await result.read()
        sandbox.script(cut_download=1_000)
        path = await result.save(tmp_path)
        assert path.read_bytes() == whole
        sandbox.script(expire_urls=True)
        assert (await result.save(tmp_path)).read_bytes() == whole
        assert len(list(tmp_path.glob("*.png"))) == 2


async def test_no_place_for_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("in the way")
    async with SogniClient(sandbox=sandbox) as client:
        (result,) = await (await client.projects.create(**ORDER)).wait(timeout=20)
        with pytest.raises(SogniError, match="a-file"):
            await result.save(tmp_path / "a-file" / "sub" / "x.png")
        assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


async def test_connecting_goes_on_until_it_works(sandbox: Sandbox) -> None:
    for knobs in ({"refuse_upgrade": 503}, {"close_on_connect": 0}, {"close_on_connect": 1011}):
        sandbox.script(**knobs)  # type: ignore[arg-type]
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            assert await client.projects.wait_for_models(timeout=20), knobs


async def test_refused_for_good(sandbox: Sandbox) -> None:
    for code in (4010, 4021, 4999):
        sandbox.script(close_on_connect=code)
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            with pytest.raises(AuthenticationError, match=str(code)):
                await client.projects.wait_for_models(timeout=20)
            assert client.state.link is LinkState.REFUSED
            assert await client.projects.wait_for_models(timeout=20), "the next call tries anew"


async def test_a_client_of_the_sandbox_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOGNI_SANDBOX_URL", "http://192.0.2.7:8080")
    with pytest.raises(ConfigError, match=r"SOGNI_SANDBOX_URL is 'http://192\.0\.2\.7:8080'.*this computer"):
        SogniClient()


@pytest.mark.parametrize("address", ["https://127.0.0.1:1", "example.com", "http://example.com", "http://[", "", 5])
async def test_what_is_no_sandbox(address: Any) -> None:
    with pytest.raises(ConfigError, match="sandbox"):
        SogniClient(sandbox=address)


async def test_a_sandbox_by_its_url(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox.url) as client:
        assert await client.projects.wait_for_models()


@pytest.mark.parametrize("name", ["api_key", "app_id", "app_source", "rest_endpoint", "proxy", "timeout", "retries"])
async def test_a_setting_of_another_kind(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        SogniClient(**{name: ["x"]})


async def test_the_sandbox_by_its_address(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOGNI_SANDBOX_URL", sandbox.url)
    monkeypatch.setenv("SOGNI_API_KEY", SECRET)
    async with SogniClient() as client:
        assert await client.projects.wait_for_models()
    assert {entry.credential for entry in sandbox.log if entry.kind == "request"} == {"api-key of sandbox"}


async def test_the_socket_can_be_ruled_out(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, disable_socket=True) as client:
        with pytest.raises(ConfigError, match="disable_socket"):
            await client.projects.create(**ORDER)
        with pytest.raises(ConfigError, match="disable_socket"):
            client.projects.on("job", print)


class TestTokens:
    async def test_a_token_that_ran_out_is_renewed_once_for_all(self, sandbox: Sandbox) -> None:
        token, refresh = sandbox.mint_tokens(expires_in=-10)
        async with at(sandbox) as client:
            client.set_tokens(token, refresh)
            assert await client.projects.wait_for_models()
            await (await client.projects.create(**ORDER)).wait(timeout=20)
            assert sandbox.renewals == 1
            assert client.tokens is not None
            assert client.tokens != (token, refresh)

    async def test_a_renewal_that_is_refused_signs_out(self, sandbox: Sandbox) -> None:
        token, refresh = sandbox.mint_tokens(expires_in=-10, refresh_expires_in=3600)
        async with at(sandbox) as client:
            client.set_tokens(token, refresh)
            sandbox.fail_next("unauthorized", path="/v1/account/refresh-token")
            with pytest.raises(AuthenticationError):
                await client.request("GET", "/v1/account/me")
            assert client.tokens is None

    async def test_a_busy_server_does_not_sign_out(self, sandbox: Sandbox) -> None:
        token, refresh = sandbox.mint_tokens(expires_in=-10)
        async with at(sandbox, retries=1) as client:
            client.set_tokens(token, refresh)
            sandbox.fail_next("unavailable", path="/v1/account/refresh-token")
            with pytest.raises(ServerError):
                await client.request("GET", "/v1/account/me")
            assert client.tokens == (token, refresh)
            assert (await client.request("GET", "/v1/account/me"))["username"] == "sandbox"


async def test_a_timeout_holds_while_the_server_hangs(sandbox: Sandbox) -> None:
    sandbox.script(http={"/api/*": "hang"}, times=None)
    async with SogniClient(sandbox=sandbox, retries=1) as client:
        for ask in (
            lambda: client.projects.create(**ORDER, timeout=0.3),
            lambda: client.projects.get_supported_models(timeout=0.3),
            lambda: client.projects.get_model_options("krea2_turbo_fp8_scaled", timeout=0.3),
            lambda: client.projects.get_size_presets("fast", "krea2_turbo_fp8_scaled", timeout=0.3),
            lambda: client.projects.estimate_audio_cost("spark", "ace_step_1.5_turbo", 30, 8, 1, timeout=0.3),
        ):
            with pytest.raises(WaitTimeout):
                await ask()
        assert sandbox.submissions == []


async def test_retries_are_silent(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    sandbox.fail_next("unavailable", path="/v1/account/me")
    async with SogniClient(sandbox=sandbox) as client:
        await client.request("GET", "/v1/account/me")
    assert capfd.readouterr().err == ""


async def test_a_timeout_is_a_number_of_seconds(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        wrongs: list[Any] = ["5", b"5", [], float("nan"), True]
        for wrong in wrongs:
            with pytest.raises(ValidationError, match="timeout"):
                await client.projects.get_supported_models(timeout=wrong)
        assert await client.projects.get_supported_models(timeout=float("inf"))
        project = await client.projects.create(**ORDER, timeout=10**400)
        assert len(await project.wait(timeout=float("inf"))) == 1
        with pytest.raises(WaitTimeout):
            await client.projects.get_size_presets("fast", "flux1-schnell-fp8", timeout=-1)


async def test_half_a_character_cannot_be_sent(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(ValidationError, match="positive_prompt"):
            await client.projects.create(**{**ORDER, "positive_prompt": "fox \ud800"})
        with pytest.raises(ValidationError):
            await client.projects.estimate_cost("krea2_turbo_fp8_scaled", 1, 8, 0, output_format="\ud800")


async def test_a_proxy_that_is_no_address_ends_the_wait(sandbox: Sandbox) -> None:
    async with SogniClient(
        "sandbox-key",
        rest_endpoint=sandbox.rest_endpoint,
        socket_endpoint=sandbox.socket_endpoint,
        app_id="app",
        proxy="http://127.0.0.1:notaport",
    ) as client:
        with pytest.raises(SogniError):
            await client.projects.wait_for_models(timeout=None)


async def test_only_functions_are_called_back(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        for wrong in (None, "print"):
            with pytest.raises(ValidationError, match="callback"):
                client.projects.on("job", wrong)  # type: ignore[arg-type]


async def test_closing_a_stream_ends_whoever_reads_it(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
        stream = project.events()
        kinds = [type(await stream.__anext__()).__name__ for _ in range(3)]
        assert "Started" in kinds
        await stream.aclose()
        assert [event async for event in stream] == []
        sandbox.release()
        assert len(await project.wait(timeout=20)) == 1


async def test_a_mistake_in_a_watcher_does_not_end_the_wait(sandbox: Sandbox) -> None:
    def mistaken(event: object) -> None:
        raise ValueError("a mistake")

    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        assert len(await project.wait(timeout=20, on_event=mistaken)) == 1


async def test_a_render_that_never_ends_is_canceled_after_asking(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(runtime.FLOORS, ("fast", "image"), 0.2)
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER, network="fast")
        with pytest.raises(ProjectFailed, match="took longer than"):
            await project.wait(timeout=20)
        assert sandbox.wait_for(lambda: sandbox.project(project.id)["status"] == "cancelled")
        looked = [entry for entry in sandbox.log if entry.kind == "request" and project.id in (entry.path or "")]
        assert looked, "the service was asked first"
