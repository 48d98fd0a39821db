"""Sogni for Python: pictures, video, music and speech from the Sogni Supernet, with no event loop anywhere.

    import sogni

    with sogni.SogniClient(sandbox=True) as client:
        ...

Every public name is imported on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core.client import SogniClient as SogniClient
    from ._core.project import EventStream as EventStream, Project as Project, ResultStream as ResultStream
    from ._core.result import ByteStream as ByteStream, Picture as Picture, Result as Result
    from ._rules.frames import calculate_video_frames as calculate_video_frames, frames_for_audio as frames_for_audio
    from ._version import VERSION as VERSION
    from .errors import (
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
        SubmissionUncertain as SubmissionUncertain,
        TransferError as TransferError,
        TransportError as TransportError,
        ValidationError as ValidationError,
        WaitTimeout as WaitTimeout,
    )
    from .events import (
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
    from .types.account import CostEstimate as CostEstimate
    from .types.catalog import (
        AvailableModel as AvailableModel,
        Choices as Choices,
        Model as Model,
        ModelOptions as ModelOptions,
        Range as Range,
        SizePreset as SizePreset,
        TextLimit as TextLimit,
        VideoAssetConfig as VideoAssetConfig,
    )
    from .types.media import MediaInput as MediaInput
    from .types.params import AudioParams as AudioParams, ImageParams as ImageParams, VideoParams as VideoParams
    from .types.project import (
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
    from .types.settings import Retries as Retries, Timeouts as Timeouts
else:
    _WHERE = {
        "AudioParams": ".types.params",
        "ImageParams": ".types.params",
        "VideoParams": ".types.params",
        "MediaInput": ".types.media",
        "ApiError": ".errors",
        "AuthenticationError": ".errors",
        "AvailableModel": ".types.catalog",
        "ByteStream": "._core.result",
        "CancelOutcome": ".types.project",
        "Canceled": ".events",
        "Choices": ".types.catalog",
        "ClientState": ".types.project",
        "ClosedError": ".errors",
        "Completed": ".events",
        "ConfigError": ".errors",
        "ConnectFailed": ".errors",
        "ConnectionLost": ".errors",
        "ConsentRequired": ".errors",
        "ContentWithheld": ".errors",
        "CostEstimate": ".types.account",
        "Displaced": ".errors",
        "Event": ".events",
        "EventStream": "._core.project",
        "Failed": ".events",
        "Finished": ".events",
        "Initiating": ".events",
        "InsufficientFunds": ".errors",
        "JobFailed": ".events",
        "JobSnapshot": ".types.project",
        "JobStatus": ".types.project",
        "LinkState": ".types.project",
        "Model": ".types.catalog",
        "ModelNotAvailable": ".errors",
        "ModelNotFound": ".errors",
        "ModelOptions": ".types.catalog",
        "PermissionDenied": ".errors",
        "Picture": "._core.result",
        "PlanLimit": ".errors",
        "Preparation": ".types.project",
        "Preview": ".events",
        "Problem": ".errors",
        "Progress": ".events",
        "Project": "._core.project",
        "ProjectCanceled": ".errors",
        "ProjectFailed": ".errors",
        "ProjectLost": ".errors",
        "ProjectSnapshot": ".types.project",
        "ProjectStatus": ".types.project",
        "ProtocolError": ".errors",
        "Provenance": ".types.project",
        "Queued": ".events",
        "Range": ".types.catalog",
        "RateLimited": ".errors",
        "Requeued": ".events",
        "Result": "._core.result",
        "ResultStream": "._core.project",
        "Retries": ".types.settings",
        "ServerError": ".errors",
        "SessionChanged": ".errors",
        "SizePreset": ".types.catalog",
        "SogniClient": "._core.client",
        "SogniError": ".errors",
        "Started": ".events",
        "SubmissionUncertain": ".errors",
        "TextLimit": ".types.catalog",
        "Timeouts": ".types.settings",
        "TransferError": ".errors",
        "TransportError": ".errors",
        "VERSION": "._version",
        "ValidationError": ".errors",
        "VideoAssetConfig": ".types.catalog",
        "WaitTimeout": ".errors",
        "WaitingReason": ".types.project",
        "calculate_video_frames": "._rules.frames",
        "frames_for_audio": "._rules.frames",
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
    "calculate_video_frames",
    "frames_for_audio",
]
