"""The command `sogni`: pictures, models and costs from a terminal, and a local network to try them on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

MISSING = 'sogni: The command needs its extra: python -m pip install "sogni[cli]"'


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code.

    Args:
        tokens: The command line without the program; by default that of this process.
    Returns:
        int: the exit code, see `sogni.cli.exits`.
    """
    try:
        import cyclopts  # noqa: F401
        import rich  # noqa: F401
    except ImportError:
        print(MISSING, file=sys.stderr)
        return 1
    from .app import run

    return run(sys.argv[1:] if tokens is None else tokens)
