"""Who is let in: sandbox keys and minted tokens, and nobody's secret in the log."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import websocket

from sogni.sandbox import Sandbox


@pytest.mark.parametrize("path", ["/v1/account/me", "/v1/projects/x", "/api/v1/models/list", "/v1/loras/comfy"])
def test_real_keys_are_refused_everywhere(net: Sandbox, rest: Any, path: str) -> None:
    answer = rest.get(path, headers={"api-key": "sk-real-secret"})
    assert answer.status_code == 401
    assert answer.json() == {"status": "error", "errorCode": 102, "message": answer.json()["message"]}
    assert "sk-real-secret" not in repr(net.log)


def test_without_credentials_only_the_catalogue_is_open(rest: Any) -> None:
    assert rest.get("/api/v1/models/list", headers={}).status_code == 200
    for path in ("/v1/account/me", "/v1/projects/x", "/v2/projects/x", "/v1/jobs/list", "/api/v1/artist/projects/sync"):
        assert rest.get(path, headers={}).status_code == 401


def test_each_key_is_an_account(rest: Any) -> None:
    names = [
        rest.get("/v1/account/me", headers={"api-key": key}).json()["data"]["username"]
        for key in ("sandbox-key", "sandbox", "sandbox-other")
    ]
    assert names[0] == names[1] == "sandbox"
    assert names[2] not in ("sandbox", "sandbox-other")


def test_tokens_go_in_as_they_are(net: Sandbox, rest: Any) -> None:
    token, refresh = net.mint_tokens()
    assert rest.get("/v1/account/me", headers={"Authorization": token}).status_code == 200
    for wrong in (f"Bearer {token}", refresh, token[:-2] + "xx", "nonsense"):
        assert rest.get("/v1/account/me", headers={"Authorization": wrong}).status_code == 401
    assert token not in repr(net.log)


def test_an_expired_token_is_renewed_once(net: Sandbox, rest: Any) -> None:
    token, refresh = net.mint_tokens(expires_in=-1)
    assert rest.get("/v1/account/me", headers={"Authorization": token}).status_code == 401
    renew = net.url + "/v1/account/refresh-token"
    # An old key that is sent along does not matter there.
    answer = requests.post(renew, json={"refreshToken": refresh}, headers={"Authorization": token}, timeout=5)
    pair = answer.json()["data"]
    assert rest.get("/v1/account/me", headers={"Authorization": pair["token"]}).status_code == 200
    assert pair["refreshToken"] != refresh
    assert net.renewals == 1
    again = requests.post(renew, json={"refreshToken": refresh}, timeout=5)
    assert (again.status_code, again.json()["errorCode"]) == (401, 104)
    _, late = net.mint_tokens(refresh_expires_in=-1)
    assert requests.post(renew, json={"refreshToken": late}, timeout=5).status_code == 401
    assert requests.post(renew, data=b"not json", timeout=5).status_code == 400
    assert net.renewals == 1


@pytest.mark.parametrize(
    ("key", "app", "status"), [("sk-real", "app", 401), ("", "app", 401), ("sandbox-key", "", 400)]
)
def test_upgrades_are_refused(net: Sandbox, talk: Any, key: str, app: str, status: int) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        talk(app, key)
    assert caught.value.status_code == status
    assert [entry.kind for entry in net.log] == ["request", "refused"]
    assert net.open_sockets == 0


def test_unknown_paths_are_errors_in_json(rest: Any) -> None:
    answer = rest.get("/v1/nothing/here")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, 122)
    answer = requests.delete(rest.net.url + "/v1/projects/1", headers={"api-key": "sandbox-key"}, timeout=5)
    assert answer.status_code in (404, 405)
    assert answer.json()["status"] == "error"


def test_it_listens_on_the_loopback_interface_only(net: Sandbox) -> None:
    runner = net._running()._runner
    assert runner is not None
    assert [address[0] for address in runner.addresses] == ["127.0.0.1"]
