"""Projects and balances as the network's JSON: stored records, live look-ups, snapshots."""

from __future__ import annotations

import base64
import json
from typing import Any

from .state import PLAIN, Account, Job, Project


def job_record(job: Job, project: Project) -> dict[str, Any]:
    """One render."""
    record: dict[str, Any] = {
        # Old clients read `id` as the project's; the identity of a render is `imgID`.
        "id": project.id,
        "imgID": job.img_id,
        "jobIndex": job.index,
        "status": job.status,
        "reason": job.reason,
        "worker": {"username": job.worker, "name": job.worker, "address": "0x0"},
        "createTime": job.created,
        "startTime": job.started,
        "updateTime": job.ended or job.started or job.created,
        "endTime": job.ended,
        "performedSteps": job.step,
        "seedUsed": job.seed,
        "triggeredNSFWFilter": job.withheld,
        "network": project.network,
        "costActual": {"costInToken": str(job.cost)},
    }
    if job.labelled:
        record |= {"nsfwDetected": True, "nsfwSources": ["image"]}
    for name in ("outputFormat", "resultUrl", "result", "artifacts"):
        if name in job.result:
            record[name] = job.result[name]
    return record


def project_record(project: Project) -> dict[str, Any]:
    """A stored record, or an entry of a snapshot."""
    over = [job for job in project.jobs if job.ended is not None]
    request = json.dumps(project.request, separators=(",", ":")).encode()
    return {
        "id": project.id,
        "SID": project.sid,
        "appId": project.app_id,
        "appSource": project.app_source,
        "jobType": "video" if project.kind == "video" else "project",
        "model": {"id": project.model.id, "SID": project.model.sid, "name": project.model.name, "type": project.kind},
        "modelType": project.kind if project.kind in ("video", "audio") else None,
        "imageCount": len(project.jobs),
        "stepCount": project.step_count,
        "previewCount": project.request.get("previews", 0),
        "createTime": project.created,
        "updateTime": project.updated,
        "endTime": project.ended,
        "status": project.status if project.status != "progress" else "active",
        "reason": project.reason,
        "network": project.network,
        "sizePreset": project.keyframe.get("sizePreset", "custom"),
        "width": project.size[0],
        "height": project.size[1],
        "tokenType": project.token,
        "costEstimate": {"quote": {"project": {"costInToken": str(project.estimate)}}},
        "costActual": {"costInToken": str(project.cost)},
        "clientRequestData": base64.b64encode(request).decode(),
        "workerJobs": [job_record(job, project) for job in project.jobs if job not in over],
        "completedWorkerJobs": [job_record(job, project) for job in over],
    }


def live_record(project: Project) -> dict[str, Any]:
    """The owner's live look-up."""
    status = PLAIN.get(project.status, project.status)
    return project_record(project) | {"status": status, "finished": project.is_over}


def balance(account: Account) -> dict[str, Any]:
    """The balance of both tokens."""
    shown = {
        token: {
            "settled": str(purse.settled),
            "credit": "0",
            "debit": str(purse.debit),
            "net": str(purse.net),
        }
        for token, purse in account.purses.items()
    }
    shown["spark"]["premiumCredit"] = "0"
    return shown


def me(account: Account) -> dict[str, Any]:
    """The profile."""
    return {
        "username": account.name,
        "walletAddress": account.address,
        "currentEmail": f"{account.name}@sandbox.invalid",
        "emailVerified": True,
    }
