"""The REST endpoints of an account: sign-in, profile, balances, news; what is about money is in `token_calls`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import given
from .auth import Hidden, read_pair
from .call import Call, an_object, nothing, segment

if TYPE_CHECKING:
    from ..types.account import Balance, Profile, TokenPair, WalletBalance
    from ..types.notices import Announcement
    from ..types.stats import LeaderboardEntry

NAME_TAKEN = 108


# --- signing in -----------------------------------------------------------------------------------------------------


def nonce(wallet_address: str) -> Call[str]:
    """The text that a sign-in has to sign."""

    def read(data: object) -> str:
        found = data.get("nonce") if isinstance(data, Mapping) else None
        if not isinstance(found, str) or not found:
            raise ValueError("no nonce")
        return found

    body = {"walletAddress": wallet_address}
    return Call(method="POST", path="/v1/account/nonce", read=read, body=body, auth=False, repeatable=False)


def login(
    *, wallet_address: str, signature: str, remember_me: bool, app_source: str | None
) -> Call[tuple[TokenPair, str | None]]:
    """Signs in; brings the tokens and the name. The wallet says who it is."""

    def read(data: object) -> tuple[TokenPair, str | None]:
        name = data.get("username") if isinstance(data, Mapping) else None
        return read_pair(data), name if isinstance(name, str) and name else None

    body = Hidden(walletAddress=wallet_address, signature=signature, rememberMe=remember_me, appSource=app_source)
    return Call(method="POST", path="/v1/account/login", read=read, body=body, auth=False, repeatable=False)


def create(
    *,
    app_id: str,
    username: str,
    email: str,
    subscribe: bool,
    wallet_address: str,
    signature: str,
    turnstile_token: str | None,
    remember_me: bool,
    app_source: str | None,
    referral_code: str | None,
) -> Call[TokenPair]:
    """Makes an account; brings its first two tokens."""
    body = Hidden(
        appid=app_id,
        username=username,
        email=email,
        subscribe=int(subscribe),
        walletAddress=wallet_address,
        turnstileToken=turnstile_token,
        signature=signature,
        rememberMe=remember_me,
        appSource=app_source,
        referralCode=referral_code,
    )
    return Call(method="POST", path="/v1/account/create", read=read_pair, body=body, auth=False, repeatable=False)


def logout() -> Call[None]:
    """Ends the session at the service."""
    return Call(method="POST", path="/v1/account/logout", read=nothing, body={}, repeatable=False)


def validate_username(username: str) -> Call[None]:
    """Whether a name may be taken: an error with the code 108 says that it is."""
    body = {"username": username}
    return Call(method="POST", path="/v1/account/username/validate", read=nothing, body=body, auth=False)


# --- who it is and what it has --------------------------------------------------------------------------------------


def me() -> Call[Profile]:
    """The profile of the account."""

    def read(data: object) -> Profile:
        from ..types.account import Profile
        from .wire import structure

        fields = dict(an_object(data))
        # On the wire the address has another name than anywhere else.
        fields["email"] = fields.pop("currentEmail", None) or fields.get("email")
        return structure(fields, Profile)

    return Call(method="GET", path="/v1/account/me", read=read)


def balance() -> Call[Balance]:
    """What the account holds."""

    def read(data: object) -> Balance:
        from ..types.account import Balance
        from .wire import structure

        return structure(data, Balance)

    return Call(method="GET", path="/v4/account/balance", read=read)


def wallet_balance(wallet_address: str, provider: str) -> Call[WalletBalance]:
    """What a wallet holds on a chain."""

    def read(data: object) -> WalletBalance:
        from ..types.account import WalletBalance
        from .wire import structure

        return structure(data, WalletBalance)

    query = {"walletAddress": wallet_address, "provider": provider}
    return Call(method="GET", path="/v2/wallet/balance", read=read, query=query)


def set_device_id(device_id: str) -> Call[None]:
    """Tells the service which device this is."""
    body = {"deviceId": given.text("device_id", device_id)}
    return Call(method="POST", path="/v1/account/device-id", read=nothing, body=body, repeatable=False)


# --- leaderboard ----------------------------------------------------------------------------------------------------


def leaderboard(query: Mapping[str, object]) -> Call[tuple[LeaderboardEntry, ...]]:
    """One page of a leaderboard. Without its last slash the path would be a redirect."""

    def read(data: object) -> tuple[LeaderboardEntry, ...]:
        from ..types.stats import LeaderboardEntry
        from .wire import structure_list

        return structure_list([] if data is None else data, LeaderboardEntry)

    return Call(method="GET", path="/v1/leaderboard/", read=read, query=query)


# --- announcements --------------------------------------------------------------------------------------------------


def announcements(platform: str | None) -> Call[tuple[Announcement, ...]]:
    """What is announced now and was not dismissed by the account; with or without the envelope."""

    def read(data: object) -> tuple[Announcement, ...]:
        entries = data.get("announcements") if isinstance(data, Mapping) else data
        found = map(announcement, entries if isinstance(entries, list) else ())
        return tuple(one for one in found if one is not None)

    platform = platform.strip() if platform else None
    return Call(method="GET", path="/v1/announcements/active", read=read, query={"platform": platform or None})


def dismiss_announcement(announcement_id: str) -> Call[None]:
    """Has an announcement never shown again to this account."""
    path = f"/v1/announcements/{segment(given.text('announcement_id', announcement_id))}/dismiss"
    return Call(method="POST", path=path, read=nothing, body={}, repeatable=False)


def announcement(data: object) -> Announcement | None:
    """An announcement of either way; None for what is none."""
    if not isinstance(data, Mapping) or not isinstance(data.get("id"), str) or not data["id"]:
        return None
    from attrs import evolve

    from ..types.notices import Announcement
    from .wire import structure

    fields = dict(data)
    close = seconds(fields.pop("autoCloseMs", None))
    found = structure(fields, Announcement)
    safe = tuple(action for action in found.actions if action.href.lower().startswith(("https://", "http://")))
    return evolve(found, auto_close=close, actions=safe)


# --- helpers --------------------------------------------------------------------------------------------------------


def seconds(milliseconds: object) -> float | None:
    """Seconds of milliseconds; None for what is no duration."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)) or not 0 < milliseconds < 2**53:
        return None
    return milliseconds / 1000
