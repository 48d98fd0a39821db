"""What the network tells about projects, jobs, models and balances: the JSON shapes, in one place."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import plans
from .books import text_of
from .catalog import Catalog
from .estimates import USD_PER_SECOND, USD_PER_TOKEN
from .state import ENDED, JOB_ENDED, PLAIN, Account, Job, Project, World, now_ms


def worker_job(project: Project, job: Job, *, hide_id: bool = False) -> dict[str, Any]:
    """One job of a stored or recovered project; `hide_id` puts the project's id in place of its own."""
    view: dict[str, Any] = {
        "id": project.id if hide_id else job.img_id,
        "imgID": job.img_id,
        "SID": project.sid * 1000 + job.index,
        "worker": {"id": job.worker, "username": job.worker, "name": job.worker, "address": "0x0"},
        "createTime": job.created,
        "startTime": job.started,
        "updateTime": job.ended or job.started or job.created,
        "endTime": job.ended,
        "status": job.status,
        "reason": job.reason or None,
        "performedSteps": job.step,
        "seedUsed": job.seed,
        "triggeredNSFWFilter": job.withheld,
        "nsfwDetected": job.labelled,
        "nsfwSources": ["image"] if job.labelled else [],
        "network": project.network,
        "jobIndex": job.index,
        "costActual": cost(job.cost, project.token) if job.status in JOB_ENDED else None,
    }
    if job.ended_well:
        view["outputFormat"] = output_format(project)
        view["result"] = {name: value for name, value in job.result.items() if name.endswith("256")}
        for name in ("resultUrl", "lastFrameUrl"):
            if name in job.result:
                view[name] = job.result[name]
    return view


def stored(project: Project, *, plain: bool = False, hide_ids: bool = False) -> dict[str, Any]:
    """A project as REST tells it; `plain` uses the words of the owner-scoped look-up."""
    over = [job for job in project.jobs if job.status in JOB_ENDED]
    going = [job for job in project.jobs if job.status not in JOB_ENDED and job.status != "created"]
    view: dict[str, Any] = {
        "id": project.id,
        "SID": project.sid,
        "appId": project.app_id,
        "appSource": project.app_source,
        "jobType": project.kind,
        "model": {
            "id": project.model.id,
            "SID": project.model.sid,
            "name": project.model.name,
            "type": project.model.media,
        },
        "artist": {"username": project.account.name, "address": project.account.address},
        "imageCount": len(project.jobs),
        "stepCount": project.step_count,
        "previewCount": project.request.get("previews", 0),
        "hasGuideImage": project.keyframe.get("hasStartingImage", False),
        "denoiseStrength": project.keyframe.get("strength", 0),
        "createTime": project.created,
        "updateTime": project.updated,
        "endTime": project.ended,
        "status": PLAIN[project.status] if plain else project.status,
        "reason": project.reason or None,
        "network": project.network,
        "txId": None,
        "tokenType": project.token,
        "billingMode": project.request.get("billingMode"),
        "costEstimate": {
            "rate": {"costPerRenderSecInUSD": str(USD_PER_SECOND)},
            "quote": {"project": cost(project.estimate, project.token)},
        },
        "costActual": cost(project.cost, project.token),
        "workerJobs": [worker_job(project, job, hide_id=hide_ids) for job in going],
        "completedWorkerJobs": [worker_job(project, job, hide_id=hide_ids) for job in over],
    }
    if reused := sum(1 for upload in project.inputs.values() if upload.asset_id is not None):
        view["reusedAssetCount"] = reused
    if plain:
        view["finished"] = project.status in ENDED
        view["waitingReason"] = waiting_reason(project)
    return view


def recovered(project: Project) -> dict[str, Any]:
    """A project as the recovery snapshot tells it."""
    view = stored(project, hide_ids=True)
    keyframe = project.keyframe
    counts: dict[str, int] = {}
    for job in project.jobs:
        counts[job.status] = counts.get(job.status, 0) + 1
    view |= {
        "width": project.size[0],
        "height": project.size[1],
        "sizePreset": keyframe.get("sizePreset"),
        "jobCountCompletedByState": counts,
        "premium": False,
        "provider": "sandbox",
        "clientRequestData": base64.b64encode(json.dumps(project.request).encode()).decode(),
    }
    if project.kind in ("video", "audio"):
        view["modelType"] = project.kind
    if project.kind == "video":
        view |= {"videoFrames": project.frames, "videoFps": project.fps}
    if (reason := waiting_reason(project)) is not None:
        view["waitingReason"] = reason
    return view


def snapshot(world: World, account: Account, app_id: str | None) -> dict[str, Any]:
    """The recovery snapshot of an app, or of a whole account."""
    return {
        "activeProjects": [recovered(project) for project in world.active(account, app_id)],
        "unclaimedCompletedProjects": [recovered(project) for project in world.unclaimed(account, app_id)],
        "serverTime": now_ms(),
    }


def recent_job(project: Project, job: Job) -> dict[str, Any]:
    """An entry of the list of recent jobs."""
    view = worker_job(project, job)
    view["parentRequest"] = {
        "id": project.id,
        "appSource": project.app_source,
        "model": {"id": project.model.id, "name": project.model.name},
    }
    return view


def waiting_reason(project: Project) -> dict[str, str] | None:
    """Why a project waits; None when it does not."""
    reason = project.script.waiting or ("no_workers" if project.script.no_workers else None)
    if reason is None or project.status not in ("pending", "queued"):
        return None
    return {"reason": reason, "message": f"Waiting: {reason.replace('_', ' ')}."}


def output_format(project: Project) -> str:
    """File type of the results."""
    asked = project.request.get("outputFormat")
    return str(asked or {"image": "png", "video": "mp4", "audio": "mp3", "model": "glb"}[project.kind])


def cost(tokens: Decimal, token: str) -> dict[str, str]:
    """An amount in every unit."""
    usd = tokens * USD_PER_TOKEN[token]
    return {
        "costInRenderSec": text_of(round(usd / USD_PER_SECOND, 2)),
        "costInUSD": text_of(round(usd, 6)),
        "costInToken": text_of(tokens),
        "costInSpark": text_of(round(usd / USD_PER_TOKEN["spark"], 4)),
        "costInSogni": text_of(round(usd / USD_PER_TOKEN["sogni"], 4)),
    }


def balances(account: Account, *, unclaimed: bool) -> dict[str, dict[str, str]]:
    """Balances of an account, for `/v4/account/balance` and `balanceUpdate`; only REST tells what a worker earned."""
    view: dict[str, dict[str, str]] = {}
    for token, purse in account.purses.items():
        view[token] = {
            "settled": text_of(purse.settled),
            "credit": "0",
            "debit": text_of(purse.debit),
            "net": text_of(purse.net),
        }
        if token == "spark":
            view[token]["premiumCredit"] = text_of(purse.premium)
        if unclaimed:
            view[token] |= {"relaxedUnclaimed": text_of(purse.relaxed), "fastUnclaimed": text_of(purse.fast)}
    return view


def entitled(account: Account) -> dict[str, Any]:
    """What an account is entitled to, as the socket tells it."""
    return plans.entitlement(account.plan, account.plan_version, account.spark_lock)


def authenticated(
    world: World, account: Account, number: int, app_id: str, *, bare: bool, testnet: bool, old: bool
) -> dict[str, Any]:
    """The first frame of a connection; `old` servers do not tell what the account is entitled to."""
    tokens = balances(account, unclaimed=False)
    tokens["spark"].pop("premiumCredit")
    view: dict[str, Any] = {
        "id": f"sandbox-connection-{number}",
        "clientType": "artist",
        "username": account.name,
        "address": account.address,
        "SID": account.sid,
        "clientSID": number,
        "addressSID": account.sid,
        "balanceVersion": 2,
        "tokens": tokens,
        "isMainnet": not testnet,
        "accountWasMigrated": False,
        "firstLoginAfterMigration": False,
        "hasUnclaimedAirdrop": False,
    }
    if not old:
        lock = {name: value for name, value in entitled(account).items() if name.startswith("freeSpark")}
        view |= {"subscriptionEntitlement": entitled(account), **lock}
    if not bare:
        found = snapshot(world, account, app_id)
        view["activeProjects"] = found["activeProjects"]
        view["unclaimedCompletedProjects"] = found["unclaimedCompletedProjects"]
        view["activeLLMJobIDs"] = []
    return view


def profile(account: Account) -> dict[str, Any]:
    """What `/v1/account/me` tells."""
    return {
        "username": account.name,
        "walletAddress": account.address,
        "currentEmail": account.email,
        "requestedUpdatedEmail": None,
        "emailVerified": True,
        "discordLinked": False,
        "discordUsername": None,
        "discordServerMember": False,
        "discord2FA": False,
    }


def loras(catalog: Catalog, model_id: str | None) -> Mapping[str, Any]:
    """The LoRA catalogue, of one model if given."""
    everything: Mapping[str, Any] = catalog.raw["loras"]
    if model_id is None:
        return everything
    return {**everything, "loras": [row for row in everything["loras"] if model_id in row["modelIds"]]}
