"""Moving media between this computer and the media store; the one door to sources, uploads and downloads."""

from __future__ import annotations

from .downloads import Fetch, download, fetch_bytes, fetch_file, iter_bytes, safe_name
from .source import FETCH_LIMIT, Source, content_type, open_source
from .store import ExpiredUrl, GivenUp
from .uploads import UploadPool, send, upload

__all__ = [
    "FETCH_LIMIT",
    "ExpiredUrl",
    "Fetch",
    "GivenUp",
    "Source",
    "UploadPool",
    "content_type",
    "download",
    "fetch_bytes",
    "fetch_file",
    "iter_bytes",
    "open_source",
    "safe_name",
    "send",
    "upload",
]
