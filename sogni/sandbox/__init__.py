"""A Sogni network of one's own on this computer, for tests, demonstrations and first steps: `Sandbox`."""

from .holder import SandboxAccount
from .records import LogEntry, Submission, Upload
from .sandbox import Sandbox

__all__ = ["LogEntry", "Sandbox", "SandboxAccount", "Submission", "Upload"]
