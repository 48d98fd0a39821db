"""Inputs for the fuzzer: JSON of any shape with the words of the protocol in it, and bytes that were JSON once."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

PROJECT = "0F8FAD5B-D9CB-469F-A165-70867728950E"
KINDS = [
    "jobState",
    "jobProgress",
    "jobETA",
    "jobResult",
    "jobError",
    "jobRetry",
    "projectQueue",
    "artistCancelConfirmation",
    "authenticated",
    "swarmModels",
    "changeNetwork",
    "balanceUpdate",
    "toastMessage",
    "appAlert",
    "somethingElse",
]
STATES = ("queued", "assigned", "initiatingModel", "jobStarted", "jobCompleted", "jobProgress", "x")
# Every name that any reader looks for, so that odd values get to where they hurt.
NAMES = [
    "type",
    "jobID",
    "imgID",
    "jobIndex",
    "step",
    "stepCount",
    "progress",
    "hasImage",
    "etaSeconds",
    "etaMin",
    "etaMax",
    "error",
    "error_message",
    "isFromWorker",
    "attempt",
    "maxAttempts",
    "queuePosition",
    "estimatedStartSeconds",
    "queueStatus",
    "waitingReason",
    "jobWaitingReasons",
    "reason",
    "message",
    "performedStepCount",
    "lastSeed",
    "userCanceled",
    "triggeredNSFWFilter",
    "nsfwDetected",
    "nsfwSources",
    "resultUrl",
    "outputFormat",
    "artifacts",
    "contentType",
    "success",
    "result",
    "sha256",
    "maskBox",
    "maskWidth",
    "maskSelections",
    "samVersion",
    "didCancel",
    "clientType",
    "username",
    "activeProjects",
    "unclaimedCompletedProjects",
    "workerJobs",
    "completedWorkerJobs",
    "status",
    "id",
    "model",
    "imageCount",
    "createTime",
    "updateTime",
    "endTime",
    "worker",
    "name",
    "performedSteps",
    "seedUsed",
    "clientRequestData",
    "preparation",
    "phase",
    "consentRequired",
    "requiredPlans",
    "data",
    "projects",
    "project",
    "jobs",
    "items",
    "files",
    "loras",
    "models",
    "minWidth",
    "maxWidth",
    "steps",
    "min",
    "max",
    "default",
    "allowed",
    "options",
    "downloadUrl",
    "uploadUrl",
    "url",
    "enabled",
    "assets",
    "address",
    "walletAddress",
    "errorCode",
    "retryAfter",
    "details",
    "workerCount",
    "SID",
    "tier",
    "media",
    "width",
    "height",
    "ratio",
    "aspect",
    "label",
    "value",
    "tokens",
    "token",
    "cost",
    "network",
    "finished",
]
SEEDS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 0.5, 1e308, -1e308, float("nan"), float("inf"), 10**30, -(10**30), 2**63,
    "", "x", "A", "B", "0", "1e9", "nan", PROJECT, PROJECT.lower(), "completed", "errored", "active", "jobCompleted",
    "jobError", "jobProgress", "queued", "genfailure", "1001", "\ud800", "\x00", "é🌊", "9" * 400,
    "2026-01-01T00:00:00Z",
    "e30=", "http://x", [], {},
)  # fmt: skip


class Inputs:
    """A source of inputs that a seed repeats."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def value(self, depth: int = 3) -> Any:
        """Any JSON value."""
        dice = self.dice
        chance = dice.random()
        if depth <= 0 or chance < 0.55:
            return dice.choice(SEEDS)
        if chance < 0.75:
            return [self.value(depth - 1) for _ in range(dice.randint(0, 3))]
        return self.object(depth - 1)

    def object(self, depth: int = 2) -> dict[str, Any]:
        """An object with names that somebody reads."""
        return {self.dice.choice(NAMES): self.value(depth) for _ in range(self.dice.randint(0, 7))}

    def payload(self) -> dict[str, Any]:
        """The body of a frame about the project that is under way."""
        body = self.object()
        dice = self.dice
        if dice.random() < 0.9:
            body["jobID"] = PROJECT
        if dice.random() < 0.8:
            body["imgID"] = dice.choice("ABCD")
        if dice.random() < 0.6:
            body["type"] = dice.choice(STATES)
        if dice.random() < 0.5:
            body["jobIndex"] = dice.choice((0, 1, 2, -1, 7))
        return body

    def message(self) -> bytes:
        """A frame as bytes: whole, or broken in one of many ways."""
        dice = self.dice
        body = json.dumps(self.payload() if dice.random() < 0.7 else self.value(4)).encode()
        data: Any = base64.b64encode(self.broken(body) if dice.random() < 0.3 else body).decode()
        if dice.random() < 0.05:
            data = self.value()
        envelope = json.dumps({"type": dice.choice(KINDS), "data": data}).encode()
        return self.broken(envelope) if dice.random() < 0.4 else envelope

    def broken(self, data: bytes) -> bytes:
        """The same with a few bytes changed, cut, doubled, or put in."""
        dice, raw = self.dice, bytearray(data)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(raw) + 1)
            act = dice.randrange(5)
            if act == 0 and at < len(raw):
                raw[at] = dice.randrange(256)
            elif act == 1:
                del raw[at:]
            elif act == 2:
                raw[at:at] = raw[: dice.randint(0, 40)]
            elif act == 3:
                raw[at:at] = dice.choice((b"[" * 3000, b'{"a":' * 3000, b"\xff\xfe", b"NaN", b"1e999", b'"', b"\\u"))
            else:
                del raw[at : at + dice.randint(1, 8)]
        return bytes(raw)

    def answer(self) -> tuple[int, str, dict[str, str], bytes]:
        """Status, reason, headers and body of an HTTP answer."""
        dice = self.dice
        status = dice.choice((200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 412, 423, 429, 500, 502, 503, 599))
        body = json.dumps(self.value(4)).encode()
        if dice.random() < 0.3:
            body = json.dumps({"status": "success", "data": self.value(4)}).encode()
        if dice.random() < 0.3:
            body = self.broken(body)
        if dice.random() < 0.1:
            body = b"<html>" + bytes(dice.randrange(256) for _ in range(dice.randint(0, 400)))
        headers = {}
        if dice.random() < 0.4:
            headers["Retry-After"] = dice.choice(
                ("1", "-5", "1.5", "9" * 40, "soon", "Sun, 06 Nov 1994 08:49:37 GMT", "Wed, 99 Abc 0000 25:61:61", "٣")
            )
        if dice.random() < 0.2:
            headers["Location"] = dice.choice(("http://[", "//x", "\ud800", "https://u:p@h/x?y"))
        return status, dice.choice(("", "OK", "Ünfug", "x" * 300)), headers, body
