"""A local Sogni network: the real protocol on one loopback port, with small real media and faults on request.

    from sogni.sandbox import Sandbox

    with Sandbox() as net, net.client() as client:
        ...
"""

from .records import LogEntry, Submission, Upload
from .sandbox import Sandbox

__all__ = ["LogEntry", "Sandbox", "Submission", "Upload"]
