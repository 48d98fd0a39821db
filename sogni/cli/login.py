"""`sogni login`, `logout`, `whoami` and `balance`: who the command works for, and what that account holds."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .context import Context
from .exits import CommandError

if TYPE_CHECKING:
    from sogni import SogniClient

_Shared = Annotated[Context, Parameter(parse=False)]
_Switch = Parameter(negative="")
_LONGEST = 16_384  # bytes of a secret from standard input


def login(
    *,
    username: str | None = None,
    profile: str | None = None,
    keyring: Annotated[bool, _Switch] = False,
    context: _Shared,
) -> None:
    """Sign in, and store it for this command and for programs that are given no key.

    The API key, or with --username the password, is asked for without showing it, or read from standard input when
    that is no terminal. Nothing secret is ever part of the command line.

    Args:
        username: Sign in with name and password instead of a key.
        profile: Name to store it under; SOGNI_PROFILE says it as well.
        keyring: Keep the secret in the keyring of the system instead of a file; needs the extra `keyring`.
    """
    if context.sandbox or os.environ.get("SOGNI_SANDBOX_URL"):
        raise CommandError("The sandbox needs no sign-in.", hint="Leave --sandbox and SOGNI_SANDBOX_URL out.")
    secret = _ask("Password" if username is not None else "API key")
    with _client(profile, api_key=None if username is not None else secret) as client:
        if username is not None:
            client.account.login(username, secret)
        del secret
        profile_of = client.account.me()
        client.account.save_sign_in(keyring=keyring)
    name = profile_of.username or "an account without a name"
    context.show.result(f"Signed in as {name}.", "signed_in", username=profile_of.username)
    if os.environ.get("SOGNI_API_KEY"):
        context.show.note("SOGNI_API_KEY is set: it comes first as long as it is.")


def logout(*, profile: str | None = None, context: _Shared) -> None:
    """Sign out, and forget what `sogni login` has stored.

    Args:
        profile: Name that it is stored under.
    """
    with _without_key(), _client(profile) as client:
        client.account.logout()
    context.show.result("Signed out.", "signed_out")
    if os.environ.get("SOGNI_API_KEY"):
        context.show.note("SOGNI_API_KEY is set: it is used as long as it is.")


def whoami(*, profile: str | None = None, context: _Shared) -> None:
    """Show whose account is used.

    Args:
        profile: Name that the sign-in is stored under.
    """
    with _client(profile, context=context) as client:
        found = client.account.me()
        pair = client.tokens is not None
    about = {"username": found.username, "wallet_address": found.wallet_address, "email": found.email}
    how = "by name and password" if pair else "by API key"
    text = f"{found.username or '-'} ({found.wallet_address or 'no wallet'}), signed in {how}"
    context.show.result(text, "account", **about, signed_in="tokens" if pair else "api_key")


def balance(*, profile: str | None = None, context: _Shared) -> None:
    """Show what the account holds.

    Args:
        profile: Name that the sign-in is stored under.
    """
    with _client(profile, context=context) as client:
        held = client.account.account_balance()
    rows = [
        {
            "token": name,
            "net": format(token.net, "f"),
            "settled": format(token.settled, "f"),
            "premium": None if token.premium_credit is None else format(token.premium_credit, "f"),
        }
        for name, token in (("spark", held.spark), ("sogni", held.sogni))
    ]
    context.show.rows("balance", rows)


@contextmanager
def _client(
    profile: str | None, *, api_key: str | None = None, context: Context | None = None
) -> Iterator[SogniClient]:
    from sogni import SogniClient

    sandbox = False if context is None else context.sandbox
    with SogniClient(api_key, sandbox=sandbox, profile=profile, disable_socket=True) as client:
        yield client


@contextmanager
def _without_key() -> Iterator[None]:
    """What is stored is meant, not what the environment says."""
    key = os.environ.pop("SOGNI_API_KEY", None)
    try:
        yield
    finally:
        if key is not None:
            os.environ["SOGNI_API_KEY"] = key


def _ask(what: str) -> str:
    """A secret from the terminal, not shown, or from the first line of standard input."""
    if sys.stdin is None:
        raise CommandError(f"There is nobody to ask for the {what}.")
    if sys.stdin.isatty():
        text = getpass.getpass(f"{what} (not shown): ", sys.stderr)
    else:
        text = sys.stdin.readline(_LONGEST).rstrip("\r\n")
    if not text:
        raise CommandError(f"No {what} was given.", hint="Type it when asked, or send it to standard input.")
    return text
