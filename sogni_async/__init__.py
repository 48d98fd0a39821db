"""Sogni for asyncio: the same names as `sogni`, awaited.

    import sogni_async

    async with sogni_async.SogniClient(sandbox=True) as client:
        ...

Every public name is imported on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sogni._rules.frames import (
        calculate_video_frames as calculate_video_frames,
        frames_for_audio as frames_for_audio,
    )
    from sogni._version import VERSION as VERSION, __version__ as __version__
    from sogni.errors import (
        ApiError as ApiError,
        AuthenticationError as AuthenticationError,
        ClosedError as ClosedError,
        ConfigError as ConfigError,
        ConnectFailed as ConnectFailed,
        ConnectionLost as ConnectionLost,
        ConsentRequired as ConsentRequired,
        ContentWithheld as ContentWithheld,
        Displaced as Displaced,
        InsufficientFunds as InsufficientFunds,
        ModelNotAvailable as ModelNotAvailable,
        ModelNotFound as ModelNotFound,
        PermissionDenied as PermissionDenied,
        PlanLimit as PlanLimit,
        Problem as Problem,
        ProjectCanceled as ProjectCanceled,
        ProjectFailed as ProjectFailed,
        ProjectLost as ProjectLost,
        ProtocolError as ProtocolError,
        RateLimited as RateLimited,
        ServerError as ServerError,
        SessionChanged as SessionChanged,
        SogniError as SogniError,
        StorageError as StorageError,
        SubmissionUncertain as SubmissionUncertain,
        TransferError as TransferError,
        TransportError as TransportError,
        ValidationError as ValidationError,
        WaitTimeout as WaitTimeout,
    )
    from sogni.events import (
        Canceled as Canceled,
        Completed as Completed,
        Event as Event,
        Failed as Failed,
        Finished as Finished,
        Initiating as Initiating,
        JobFailed as JobFailed,
        Preview as Preview,
        Progress as Progress,
        Queued as Queued,
        Requeued as Requeued,
        Started as Started,
    )
    from sogni.types.account import CostEstimate as CostEstimate
    from sogni.types.catalog import (
        AvailableModel as AvailableModel,
        Choices as Choices,
        Model as Model,
        ModelOptions as ModelOptions,
        Range as Range,
        SizePreset as SizePreset,
        TextLimit as TextLimit,
        VideoAssetConfig as VideoAssetConfig,
    )
    from sogni.types.media import MediaInput as MediaInput
    from sogni.types.params import AudioParams as AudioParams, ImageParams as ImageParams, VideoParams as VideoParams
    from sogni.types.project import (
        CancelOutcome as CancelOutcome,
        ClientState as ClientState,
        JobSnapshot as JobSnapshot,
        JobStatus as JobStatus,
        LinkState as LinkState,
        Preparation as Preparation,
        ProjectSnapshot as ProjectSnapshot,
        ProjectStatus as ProjectStatus,
        Provenance as Provenance,
        WaitingReason as WaitingReason,
    )
    from sogni.types.settings import Retries as Retries, Timeouts as Timeouts

    from ._core.client import SogniClient as SogniClient
    from ._core.project import EventStream as EventStream, Project as Project, ResultStream as ResultStream
    from ._core.result import ByteStream as ByteStream, Picture as Picture, Result as Result
else:
    _WHERE = {
        "AudioParams": "sogni.types.params",
        "ImageParams": "sogni.types.params",
        "VideoParams": "sogni.types.params",
        "MediaInput": "sogni.types.media",
        "ApiError": "sogni.errors",
        "AuthenticationError": "sogni.errors",
        "AvailableModel": "sogni.types.catalog",
        "ByteStream": "._core.result",
        "CancelOutcome": "sogni.types.project",
        "Canceled": "sogni.events",
        "Choices": "sogni.types.catalog",
        "ClientState": "sogni.types.project",
        "ClosedError": "sogni.errors",
        "Completed": "sogni.events",
        "ConfigError": "sogni.errors",
        "ConnectFailed": "sogni.errors",
        "ConnectionLost": "sogni.errors",
        "ConsentRequired": "sogni.errors",
        "ContentWithheld": "sogni.errors",
        "CostEstimate": "sogni.types.account",
        "Displaced": "sogni.errors",
        "Event": "sogni.events",
        "EventStream": "._core.project",
        "Failed": "sogni.events",
        "Finished": "sogni.events",
        "Initiating": "sogni.events",
        "InsufficientFunds": "sogni.errors",
        "JobFailed": "sogni.events",
        "JobSnapshot": "sogni.types.project",
        "JobStatus": "sogni.types.project",
        "LinkState": "sogni.types.project",
        "Model": "sogni.types.catalog",
        "ModelNotAvailable": "sogni.errors",
        "ModelNotFound": "sogni.errors",
        "ModelOptions": "sogni.types.catalog",
        "PermissionDenied": "sogni.errors",
        "Picture": "._core.result",
        "PlanLimit": "sogni.errors",
        "Preparation": "sogni.types.project",
        "Preview": "sogni.events",
        "Problem": "sogni.errors",
        "Progress": "sogni.events",
        "Project": "._core.project",
        "ProjectCanceled": "sogni.errors",
        "ProjectFailed": "sogni.errors",
        "ProjectLost": "sogni.errors",
        "ProjectSnapshot": "sogni.types.project",
        "ProjectStatus": "sogni.types.project",
        "ProtocolError": "sogni.errors",
        "Provenance": "sogni.types.project",
        "Queued": "sogni.events",
        "Range": "sogni.types.catalog",
        "RateLimited": "sogni.errors",
        "Requeued": "sogni.events",
        "Result": "._core.result",
        "ResultStream": "._core.project",
        "Retries": "sogni.types.settings",
        "ServerError": "sogni.errors",
        "SessionChanged": "sogni.errors",
        "SizePreset": "sogni.types.catalog",
        "SogniClient": "._core.client",
        "SogniError": "sogni.errors",
        "Started": "sogni.events",
        "StorageError": "sogni.errors",
        "SubmissionUncertain": "sogni.errors",
        "TextLimit": "sogni.types.catalog",
        "Timeouts": "sogni.types.settings",
        "TransferError": "sogni.errors",
        "TransportError": "sogni.errors",
        "VERSION": "sogni._version",
        "__version__": "sogni._version",
        "ValidationError": "sogni.errors",
        "VideoAssetConfig": "sogni.types.catalog",
        "WaitTimeout": "sogni.errors",
        "WaitingReason": "sogni.types.project",
        "calculate_video_frames": "sogni._rules.frames",
        "frames_for_audio": "sogni._rules.frames",
    }

    def __getattr__(name):
        where = _WHERE.get(name)
        if where is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(where, __name__), name)
        return value

    def __dir__():
        return sorted(__all__)


__all__ = [
    "VERSION",
    "ApiError",
    "AudioParams",
    "AuthenticationError",
    "AvailableModel",
    "ByteStream",
    "CancelOutcome",
    "Canceled",
    "Choices",
    "ClientState",
    "ClosedError",
    "Completed",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "ConsentRequired",
    "ContentWithheld",
    "CostEstimate",
    "Displaced",
    "Event",
    "EventStream",
    "Failed",
    "Finished",
    "ImageParams",
    "Initiating",
    "InsufficientFunds",
    "JobFailed",
    "JobSnapshot",
    "JobStatus",
    "LinkState",
    "MediaInput",
    "Model",
    "ModelNotAvailable",
    "ModelNotFound",
    "ModelOptions",
    "PermissionDenied",
    "Picture",
    "PlanLimit",
    "Preparation",
    "Preview",
    "Problem",
    "Progress",
    "Project",
    "ProjectCanceled",
    "ProjectFailed",
    "ProjectLost",
    "ProjectSnapshot",
    "ProjectStatus",
    "ProtocolError",
    "Provenance",
    "Queued",
    "Range",
    "RateLimited",
    "Requeued",
    "Result",
    "ResultStream",
    "Retries",
    "ServerError",
    "SessionChanged",
    "SizePreset",
    "SogniClient",
    "SogniError",
    "Started",
    "StorageError",
    "SubmissionUncertain",
    "TextLimit",
    "Timeouts",
    "TransferError",
    "TransportError",
    "ValidationError",
    "VideoAssetConfig",
    "VideoParams",
    "WaitTimeout",
    "WaitingReason",
    "__version__",
    "calculate_video_frames",
    "frames_for_audio",
]
