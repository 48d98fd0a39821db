"""Sign-ins at rest: private, replaced in one step, for one host only."""

from __future__ import annotations

import json
import os
import stat
import sys
import types
from pathlib import Path

import pytest

from sogni._store import sign_in as store
from sogni._store.sign_in import SignIn
from sogni.errors import ConfigError, ValidationError

HOST = "https://api.example.invalid"
KEY = SignIn(rest_endpoint=HOST, api_key="the-api-key-1", username="me", address="0xAb")
PAIR = SignIn(rest_endpoint=HOST, token="the-access-token", refresh_token="the-refresh-token")


@pytest.mark.parametrize("sign_in", [KEY, PAIR], ids=["key", "tokens"])
def test_what_is_stored_is_read(state: Path, sign_in: SignIn) -> None:
    assert store.read("default") is None
    store.write("default", sign_in)
    assert store.read("default") == sign_in
    assert store.read("other") is None
    assert store.remove("default")
    assert not store.remove("default")
    assert store.read("default") is None


def test_no_repr_shows_a_secret() -> None:
    assert "the-" not in repr(KEY) + repr(PAIR)


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_files_are_private_from_the_first_moment(state: Path) -> None:
    old = os.umask(0)
    try:
        store.write("default", KEY)
        with store.held("default"):
            pass
    finally:
        os.umask(old)
    path = store.path_of("default")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.chmod(0o755)
    store.write("default", PAIR)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in path.parent.iterdir() if entry.suffix != ".lock") == ["default.json"]


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_file_that_others_may_read_is_not_used(state: Path) -> None:
    store.write("default", KEY)
    store.path_of("default").chmod(0o640)
    with pytest.raises(ConfigError, match="others") as caught:
        store.read("default")
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", '{"rest_endpoint": 5, "api_key": "x"}', '{"rest_endpoint": "h"}'),
        *('{"api_key": "the-key"}', '{"rest_endpoint": "h", "token": "the-key"}'),
    ],
)
def test_a_damaged_file_is_said_to_be_one(state: Path, content: str) -> None:
    store.write("default", KEY)
    store.path_of("default").write_text(content)
    with pytest.raises(ConfigError, match="damaged") as caught:
        store.read("default")
    assert "the-key" not in str(caught.value)
    store.write("default", PAIR)
    assert store.read("default") == PAIR


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a b", "x" * 65, "\u00e4"], ids=ascii)
def test_names_of_profiles(state: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="profile"):
        store.profile_name(name)


def test_which_profile(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.profile_name(None) == "default"
    monkeypatch.setenv("SOGNI_PROFILE", "work")
    assert store.profile_name(None) == "work"
    assert store.profile_name("home-2") == "home-2"


def test_a_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path / "file"))
    assert store.read("default") is None
    assert not store.remove("default")
    with pytest.raises(ConfigError, match="SOGNI_STATE_DIR") as caught:
        store.write("default", KEY)
    assert "the-" not in str(caught.value)
    with pytest.raises(ConfigError), store.held("default"):
        pass


def test_the_keyring_is_used_when_asked_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    library = types.ModuleType("keyring")
    library.set_password = lambda service, name, text: kept.update({(service, name): text})  # type: ignore[attr-defined]
    library.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    library.delete_password = lambda service, name: kept.pop((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", library)
    sign_in = SignIn(rest_endpoint=HOST, api_key="the-api-key-1", keyring=True)
    store.write("default", sign_in)
    assert list(kept) == [("sogni", "default")]
    assert json.loads(store.path_of("default").read_text()) == {"rest_endpoint": HOST, "keyring": True}
    assert store.read("default") == sign_in
    store.remove("default")
    assert kept == {}
    store.write("default", sign_in)
    kept.clear()
    with pytest.raises(ConfigError, match="damaged"):
        store.read("default")


def test_without_the_keyring_library(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="extra") as caught:
        store.write("default", SignIn(rest_endpoint=HOST, api_key="the-key", keyring=True))
    assert "sogni[keyring]" in caught.value.hint
    assert not store.path_of("default").exists()
