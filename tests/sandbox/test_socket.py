"""The socket: greeting, displacement, networks, subscriptions, and messages that are no frames."""

from __future__ import annotations

import json
from typing import Any

import websocket

from sogni.sandbox import Sandbox


def test_the_greeting(net: Sandbox, talk: Any) -> None:
    one = talk(greeted=False)
    (_, hello), (_, balance), (_, models) = frames = [one.receive() for _ in range(3)]
    assert [kind for kind, _ in frames] == ["authenticated", "balanceUpdate", "swarmModels"]
    assert (hello["username"], hello["clientType"], hello["balanceVersion"]) == ("sandbox", "artist", 2)
    assert hello["address"].startswith("0x")
    assert hello["activeProjects"] == hello["unclaimedCompletedProjects"] == []
    assert set(hello["tokens"]["spark"]) == {"settled", "credit", "debit", "net"}
    assert balance["spark"] == {"settled": "10000", "credit": "0", "debit": "0", "net": "10000", "premiumCredit": "0"}
    assert models["krea2_turbo_fp8_scaled"] > 0


def test_a_second_connection_displaces_the_first(net: Sandbox, talk: Any) -> None:
    first, elsewhere, stranger = talk("app"), talk("other"), talk("app", "sandbox-someone")
    second = talk("app")
    assert first.end() == 4015
    net.wait_for(lambda: net.open_sockets == 3)
    for one in (elsewhere, stranger, second):
        one.send("changeNetwork", "relaxed")
        assert one.until("changeNetwork")[-1][1] == {"network": "relaxed"}
    assert [(entry.connection, entry.code) for entry in net.log if entry.kind == "close"] == [(1, 4015)]


def test_switching_the_network_tells_its_models(talk: Any) -> None:
    one = talk()
    one.send("changeNetwork", "relaxed")
    assert [kind for kind, _ in one.until("swarmModels")] == ["changeNetwork", "swarmModels"]
    one.send("changeNetwork", "nonsense")
    assert one.receive() == ("changeNetwork", {"network": "relaxed"})


def test_subscriptions(talk: Any) -> None:
    one = talk(greeted=False, socketEventSubscriptions=json.dumps({"modelAvailability": False}))
    one.until("balanceUpdate")
    changes: list[tuple[Any, dict[str, bool]]] = [
        ({"subscriptions": {"projectQueue": True}}, {"modelAvailability": False, "projectQueue": True}),
        ({"unsubscribe": "projectQueue"}, {"modelAvailability": False, "projectQueue": False}),
        ({"reset": True, "subscribe": ["a", "b"]}, {"a": True, "b": True}),
        ({"event": "a", "enabled": False}, {"a": False, "b": True}),
        ({"c": True}, {"a": False, "b": True, "c": True}),
    ]
    for asked, result in changes:
        one.send("setSocketEventSubscriptions", asked)
        # The first frame is the answer: no `swarmModels` came before it.
        assert one.receive() == ("socketEventSubscriptionsUpdated", {"socketEventSubscriptions": result})


def test_what_is_no_frame_is_dropped_and_noted(net: Sandbox, talk: Any) -> None:
    one = talk()
    for message in ("no json", "[]", '{"type":1}', '{"type":"x","data":"*"}', '{"type":"x","data":5}', "[" * 100_000):
        one.ws.send(message)
    one.ws.send(b"\xff\xfe", opcode=websocket.ABNF.OPCODE_BINARY)
    one.send("futureFrame", {"a": 1})
    one.send("changeNetwork", "fast")
    assert one.receive()[0] == "changeNetwork"
    assert sum(entry.kind == "bad_frame" for entry in net.log) == 7


def test_pings_are_answered(talk: Any) -> None:
    one = talk()
    one.ws.ping("hello")
    assert one.ws.recv_data_frame(control_frame=True)[1].data == b"hello"


def test_chat_is_not_served(talk: Any) -> None:
    one = talk()
    one.send("llmJobRequest", {"jobID": "A", "type": "llm"})
    kind, data = one.receive()
    assert (kind, data["jobID"], data["error"]) == ("llmJobError", "A", "unsupported")
