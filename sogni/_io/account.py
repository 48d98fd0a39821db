"""What takes several calls or a signature: signing in and out, making an account, moving tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from .._deadline import Deadline
from .._protocol import account_calls, auth, given, permits, signing, token_calls
from .._protocol.call import Call
from .._protocol.signing import Secret, Wallet
from .._store import sign_in as store
from ..errors import (
    ApiError,
    AuthenticationError,
    PermissionDenied,
    Problem,
    SigningRefused,
    SogniError,
    ValidationError,
)
from ..types.account import TokenPair
from ..types.transactions import SigningRequest
from .keeper import Keeper

if TYPE_CHECKING:
    from .engine import Engine

T = TypeVar("T")

Confirm = Callable[[SigningRequest], object]

NOT_BY_KEY = "An API key may not do this: sign in with user name and password, `client.account.login(...)`."
WRONG = "Check user name and password: together they make the wallet that says who you are."
WHOSE_LIMIT = 10.0
DEPOSIT_TRIES = 4


# --- signing in and out ---------------------------------------------------------------------------------------------


def login(
    engine: Engine,
    username: str,
    password: Secret,
    *,
    remember_me: bool,
    app_source: str | None,
    deadline: Deadline,
) -> None:
    """Sign in with name and password: nonce, signature, tokens."""
    wallet = signing.wallet(username, password)
    version, nonce = _begin(engine, wallet, deadline)
    call = account_calls.login(
        wallet_address=wallet.address,
        signature=wallet.sign_in(nonce, testnet=engine.settings.testnet),
        remember_me=remember_me,
        app_source=_source(engine, app_source),
    )
    failure: ApiError
    try:
        pair, name = engine.request(call, deadline)
    except ApiError as error:
        if error.status in (401, 403, 404):
            error.hint = WRONG
        failure = error.with_traceback(None)
    else:
        _enter(engine, pair, version, name or username, wallet.address)
        return
    raise failure


def create(
    engine: Engine,
    username: str,
    email: str,
    password: Secret,
    *,
    subscribe: bool,
    turnstile: Secret | None,
    referral_code: str | None,
    remember_me: bool,
    app_source: str | None,
    deadline: Deadline,
) -> None:
    """Make an account and sign in to it."""
    given.text("email", email)
    wallet = signing.wallet(username, password)
    version, nonce = _begin(engine, wallet, deadline)
    app_id = engine.settings.app_id()
    call = account_calls.create(
        app_id=app_id,
        username=username,
        email=email,
        subscribe=subscribe,
        wallet_address=wallet.address,
        signature=wallet.sign_up(
            nonce,
            app_id=app_id,
            username=username,
            email=email,
            subscribe=subscribe,
            testnet=engine.settings.testnet,
        ),
        turnstile_token=None if turnstile is None else turnstile.reveal(),
        remember_me=remember_me,
        app_source=_source(engine, app_source),
        referral_code=referral_code,
    )
    _enter(engine, engine.request(call, deadline), version, username, wallet.address)


def _begin(engine: Engine, wallet: Wallet, deadline: Deadline) -> tuple[int, str]:
    engine.place  # noqa: B018 - a stored sign-in is found before the version is noted
    version = engine.credentials.version
    return version, engine.request(account_calls.nonce(wallet.address), deadline)


def _enter(engine: Engine, pair: TokenPair, version: int, username: str, address: str) -> None:
    engine.sign_in(pair, version=version, fresh=True)
    engine.know(username, address)


def _source(engine: Engine, given: str | None) -> str | None:
    text = given if given is not None else engine.settings.app_source
    return text.strip() or None if text else None


def logout(engine: Engine, deadline: Deadline) -> None:
    """End the session at the service and here, and forget it if it is stored; here in every case."""
    engine.place  # noqa: B018 - a stored sign-in is found before it is looked for
    if not engine.credentials.signed_in:
        _forget(engine)
        engine.credentials.clear()
        return
    failure: SogniError | None = None
    before = engine.credentials.tokens
    try:
        try:
            engine.request(account_calls.logout(), deadline)
        except AuthenticationError:
            # A pair that was renewed because of the refusal must not stay alive at the service.
            if engine.credentials.tokens not in (None, before):
                engine.request(account_calls.logout(), deadline)
    except AuthenticationError:
        pass  # signed out already
    except SogniError as error:
        failure = error.with_traceback(None)
    _forget(engine)
    engine.credentials.clear()
    if failure is not None:
        raise failure


def _forget(engine: Engine) -> None:
    keeper = engine.keeper
    if keeper is not None:
        keeper.forget()


def save(engine: Engine, profile: str | None, *, keyring: bool) -> None:
    """Store the sign-in of a client, for the next ones that are given none."""
    name = store.profile_name(profile if profile is not None else engine.settings.profile)
    place = engine.place
    if place.loopback_only:
        raise ValidationError(
            problems=[Problem("profile", "the sandbox brings its own sign-in; there is nothing to store.")]
        )
    if engine.credentials.signed_in:
        with suppress(SogniError):
            # Whose it is tells apart, later, who stored what.
            engine.account_address(Deadline(WHOSE_LIMIT))
    with store.held(name):
        stored = None
        # A renewal may come in between: what it has replaced is worthless.
        while stored is None or (stored.token, stored.api_key) != _secrets(engine):
            stored = _to_store(engine, auth.rest_base(place.rest_endpoint), keyring)
            store.write(name, stored)
            engine.keep(Keeper(name, stored))


def _secrets(engine: Engine) -> tuple[str | None, str | None]:
    pair = engine.credentials.tokens
    return None if pair is None else pair.token, engine.credentials.api_key


def _to_store(engine: Engine, rest_endpoint: str, keyring: bool) -> store.SignIn:
    known, pair = engine.current_account, engine.credentials.tokens
    if not engine.credentials.signed_in:
        raise AuthenticationError("Nobody is signed in, so there is nothing to store.", hint="Sign in first.")
    return store.SignIn(
        rest_endpoint=rest_endpoint,
        api_key=engine.credentials.api_key,
        token=None if pair is None else pair.token,
        refresh_token=None if pair is None else pair.refresh_token,
        username=known.username,
        address=known.wallet_address,
        keyring=keyring,
    )


# --- moving tokens --------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Movement:
    """Tokens that are to move.

    Attributes:
        password: The wallet's.
        provider: `base` or `etherlink`.
        units: How many, in units of 10**-18; None for no limit.
        contract, spender: Addresses that must be those of what is signed.
        confirm: Shown what is about to be signed; signs only when it answers with something true.
    """

    password: Secret
    provider: str
    units: int | None
    contract: str | None = None
    spender: str | None = None
    confirm: Confirm | None = None


def own_wallet(engine: Engine, password: Secret, deadline: Deadline) -> Wallet:
    """The wallet of the account; a wrong password makes another one, which is noticed here."""
    known = engine.current_account
    if known.username is None or known.wallet_address is None:
        engine.profile(deadline)
        known = engine.current_account
    if known.username is None or known.wallet_address is None:
        raise AuthenticationError("The service does not tell whose account this is.", hint="Sign in again.")
    wallet = signing.wallet(known.username, password)
    if not permits.same_address(wallet.address, known.wallet_address):
        message = f"password is not that of the account {known.username}: it makes another wallet."
        raise ValidationError(problems=[Problem("password", message)])
    return wallet


def withdraw(engine: Engine, movement: Movement, deadline: Deadline) -> SigningRequest:
    """Withdraw tokens to the wallet of the account; answers what was signed."""
    wallet = own_wallet(engine, movement.password, deadline)
    assert movement.units is not None
    call = token_calls.withdraw_permit(wallet_address=wallet.address, amount=movement.units, provider=movement.provider)
    permit = _permit(engine, "withdraw", wallet, movement, request(engine, call, deadline))
    signed = token_calls.withdraw(
        wallet_address=wallet.address,
        amount=movement.units,
        provider=movement.provider,
        signature=wallet.sign(permit.domain, permit.types, permit.message),
    )
    request(engine, signed, deadline)
    return permit.request


def deposit(engine: Engine, movement: Movement, last: bool, deadline: Deadline) -> bool:
    """Deposit tokens of the wallet; False when the wallet has to allow it first, and this was not the last try."""
    wallet = own_wallet(engine, movement.password, deadline)
    assert movement.units is not None
    call = token_calls.deposit(wallet_address=wallet.address, amount=movement.units, provider=movement.provider)
    try:
        request(engine, call, deadline)
    except ApiError as error:
        if last or str(error.error_code) != str(token_calls.ALLOWANCE_TOO_LOW):
            raise
        return False
    return True


def approve(engine: Engine, spender: str, movement: Movement, deadline: Deadline) -> SigningRequest:
    """Let the service move tokens of the wallet; answers what was signed."""
    wallet = own_wallet(engine, movement.password, deadline)
    call = token_calls.approve_permit(wallet_address=wallet.address, spender=spender, provider=movement.provider)
    permit = _permit(engine, "approve", wallet, movement, request(engine, call, deadline))
    signed = token_calls.approve(
        wallet_address=wallet.address,
        spender=spender,
        provider=movement.provider,
        deadline=permit.deadline,
        signature=wallet.sign(permit.domain, permit.types, permit.message),
    )
    request(engine, signed, deadline)
    return permit.request


def _permit(engine: Engine, purpose: str, wallet: Wallet, movement: Movement, data: object) -> permits.Permit:
    asked = permits.Asked(
        purpose=purpose,
        owner=wallet.address,
        provider=movement.provider,
        testnet=engine.settings.testnet,
        units=movement.units,
        contract=movement.contract,
        spender=movement.spender,
    )
    permit = permits.check(data, asked, now=time.time())
    if movement.confirm is not None:
        if not movement.confirm(permit.request):
            raise SigningRefused("Nothing was signed: confirm said no.", hint="")
    elif permit.too_much:
        raise permits.too_much(permit.request, movement.units)
    return permit


def request(engine: Engine, call: Call[T], deadline: Deadline) -> T:
    """Ask something that needs a person; a refused key is told what it lacks."""
    failure: ApiError
    try:
        return engine.request(call, deadline)
    except (AuthenticationError, PermissionDenied) as error:
        if engine.credentials.uses_api_key:
            error.hint = NOT_BY_KEY
        failure = error
    raise failure.with_traceback(None)
