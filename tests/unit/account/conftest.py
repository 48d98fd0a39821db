"""A state folder of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files of the installation live in this test."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SOGNI_STATE_DIR", str(folder))
    for name in ("SOGNI_API_KEY", "SOGNI_PROFILE", "SOGNI_SANDBOX_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder
