"""The connection thread against peers that misbehave in time and in TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import sogni
from sogni import LinkState, SogniClient, WaitTimeout
from sogni._io import link
from sogni.sandbox import Sandbox


def test_a_peer_that_answers_no_ping_is_left(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PING_INTERVAL", 1.0)
    sandbox.script(deaf=True)
    with SogniClient(sandbox=sandbox, app_id="app") as client:
        client.projects.wait_for_models(timeout=20)
        sandbox.wait_for(lambda: len([entry for entry in sandbox.log if entry.kind == "open"]) == 2, timeout=20)


def test_a_quiet_peer_that_answers_pings_is_kept(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PING_INTERVAL", 1.0)
    with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert client.projects.wait_for_models(timeout=20)
        reconnected = threading.Event()
        client.on_state(lambda state: reconnected.set() if state.link is LinkState.RECONNECTING else None)
        assert not reconnected.wait(3.2)
        assert len([entry for entry in sandbox.log if entry.kind == "open"]) == 1


def test_a_connection_that_nothing_needs_is_closed_and_opened_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PING_INTERVAL", 1.0)
    with SogniClient(sandbox=sandbox, app_id="app") as client:
        client._engine._feed._idle_close = 0.5
        client.projects.wait_for_models(timeout=20)
        sandbox.wait_for(lambda: sandbox.open_sockets == 0)
        assert client.state.link is LinkState.IDLE
        assert client.projects.wait_for_models(timeout=20)


class TlsPeer:
    """A server that speaks just enough over TLS: the catalogue for every GET, `authenticated` for an upgrade."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._listener.getsockname()[1]
        self.upgrades: list[str] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(raw,), daemon=True).start()

    def _talk(self, raw: socket.socket) -> None:
        self._open.append(raw)
        try:
            peer = self._context.wrap_socket(raw, server_side=True)
            self._open.append(peer)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = peer.recv(4096)
                if not piece:
                    return
                head += piece
            text = head.decode()
            key = next(
                (line.split(": ")[1] for line in text.split("\r\n") if line.lower().startswith("sec-websocket-key")), ""
            )
            if not key:
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
                return
            self.upgrades.append(text)
            accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
            peer.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            for kind, data in (("authenticated", {}), ("swarmModels", {"some-model": 3})):
                body = base64.b64encode(json.dumps(data).encode()).decode()
                frame = json.dumps({"type": kind, "data": body}).encode()
                peer.sendall(bytes((0x81, len(frame))) + frame)
            while peer.recv(4096):
                pass
        except OSError:
            pass

    def close(self) -> None:
        self._listener.close()
        for peer in self._open:
            peer.close()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[TlsPeer, Path]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    peer = TlsPeer(context)
    yield peer, bundle
    peer.close()


def secure(peer: TlsPeer, **options: object) -> SogniClient:
    here = f"localhost:{peer.port}"
    return SogniClient(
        "a-key",
        rest_endpoint=f"https://{here}",
        socket_endpoint=f"wss://{here}",
        app_id="app",
        **options,  # type: ignore[arg-type]
    )


def test_tls_with_the_right_authority(tls: tuple[TlsPeer, Path]) -> None:
    peer, bundle = tls
    with secure(peer, verify=str(bundle)) as client:
        (model,) = client.projects.wait_for_models(timeout=20)
        assert (model.id, model.worker_count) == ("some-model", 3)
    assert "api-key: a-key" in peer.upgrades[0]


def test_tls_is_verified_by_default(tls: tuple[TlsPeer, Path]) -> None:
    peer, _ = tls
    with secure(peer, retries=1) as client:
        with pytest.raises(sogni.ConnectFailed):
            client.projects.get_supported_models()
        with pytest.raises(WaitTimeout):
            client.projects.wait_for_models(timeout=0.5)
    assert peer.upgrades == []
