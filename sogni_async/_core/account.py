"""The account: signing in and out, who it is, what it holds."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io import account as work
from sogni._io.engine import Engine
from sogni._protocol import account_calls, given, permits
from sogni._protocol.signing import Secret
from sogni.errors import ApiError
from sogni.types.account import Balance, CurrentAccount, Profile, WalletBalance

from .._bridge import Bridge
from .link import link_ready
from .subscriptions import Subscriptions
from .tokens import Tokens

# The service answers a switch at once; in the published clients nobody waits longer.
SWITCH_LIMIT = 30.0


class Account(Subscriptions, Tokens):
    """`client.account`: sign-in, profile, balances, rewards, history, tokens and the subscription.

    Everything here that asks raises ApiError when the service refuses (AuthenticationError when nobody is signed in),
    and TransportError when it does not answer. `timeout` is the limit of a whole call in seconds.
    """

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge

    def __repr__(self) -> str:
        return "Account()"

    # --- signing in and out -----------------------------------------------------------------------------------------

    async def login(
        self,
        username: str,
        password: str,
        *,
        remember_me: bool = True,
        app_source: str | None = None,
        timeout: float | None = None,
    ) -> CurrentAccount:
        """Sign this client in with name and password, whoever was signed in before.

        The password stays here: it makes the wallet of the account, which signs a text of the service. The tokens are
        then in `client.tokens`; `save_sign_in` stores them for other programs.

        Args:
            username: Name of the account; upper and lower case are the same.
            password: Its password, exactly.
            remember_me: Ask for a session that lasts.
            app_source: Product label; by default the client's.
        Returns:
            What is known of the account then; e-mail and balance come with `me` and `refresh_balance`.
        Raises:
            ApiError: the service knows no account with this wallet: name or password is wrong.
            SessionChanged: another sign-in came first.
        Source: `POST /v1/account/nonce`, `POST /v1/account/login`.
        """
        secret = Secret(password)
        del password  # a traceback must not show it
        await self._bridge.call(
            work.login,
            self._engine,
            username,
            secret,
            remember_me=remember_me,
            app_source=app_source,
            deadline=Deadline(timeout),
        )
        return self._engine.current_account

    async def create(
        self,
        username: str,
        email: str,
        password: str,
        *,
        subscribe: bool = False,
        turnstile_token: str | None = None,
        referral_code: str | None = None,
        remember_me: bool = True,
        app_source: str | None = None,
        timeout: float | None = None,
    ) -> CurrentAccount:
        """Make an account and sign in to it.

        Args:
            username: Name of the account; see `validate_username`.
            email: Its e-mail address.
            password: Its password. It cannot be reset: the wallet is made of it.
            subscribe: Whether to get news by e-mail.
            turnstile_token: What a browser gets from Cloudflare Turnstile; the service refuses to go without.
            referral_code: Who recommended it.
            remember_me: Ask for a session that lasts.
            app_source: Product label; by default the client's.
        Source: `POST /v1/account/nonce`, `POST /v1/account/create`.
        """
        secret, turnstile = Secret(password), None if turnstile_token is None else Secret(turnstile_token)
        del password, turnstile_token  # a traceback must not show them
        await self._bridge.call(
            work.create,
            self._engine,
            username,
            email,
            secret,
            subscribe=subscribe,
            turnstile=turnstile,
            referral_code=referral_code,
            remember_me=remember_me,
            app_source=app_source,
            deadline=Deadline(timeout),
        )
        return self._engine.current_account

    async def logout(self, timeout: float | None = 30.0) -> None:
        """Sign out, here and at the service, and forget the sign-in if it is a stored one.

        This client is signed out in every case, also when the service cannot be told; that is raised then. Projects
        that run carry on at the service; who waits for one here gets SessionChanged.

        Source: `POST /v1/account/logout`.
        """
        await self._bridge.call(work.logout, self._engine, Deadline(timeout))

    async def save_sign_in(self, profile: str | None = None, *, keyring: bool = False) -> None:
        """Store the sign-in of this client in a private file, for clients that are given none.

        Tokens that are stored are renewed by one process at a time, and stored again.

        Args:
            profile: Name to store it under; by default `SOGNI_PROFILE`, then `default`.
            keyring: Keep the secrets in the keyring of the system (extra `keyring`).
        Raises:
            AuthenticationError: nobody is signed in.
            ConfigError: it cannot be stored.
        """
        await self._bridge.call(work.save, self._engine, profile, keyring=keyring)

    async def validate_username(self, username: str, timeout: float | None = None) -> bool:
        """Whether a name can still be taken.

        Source: `POST /v1/account/username/validate`.
        """
        call = account_calls.validate_username(given.text("username", username))
        try:
            await self._bridge.call(self._engine.request, call, Deadline(timeout))
        except ApiError as error:
            if str(error.error_code) != str(account_calls.NAME_TAKEN):
                raise
            return False
        return True

    async def get_nonce(self, wallet_address: str, timeout: float | None = None) -> str:
        """The text that a wallet has to sign to sign in; `login` does all of it.

        Source: `POST /v1/account/nonce`.
        """
        call = account_calls.nonce(given.address("wallet_address", wallet_address))
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def set_device_id(self, device_id: str, timeout: float | None = None) -> None:
        """Tell the service which device this is.

        Source: `POST /v1/account/device-id`.
        """
        await self._bridge.call(self._engine.request, account_calls.set_device_id(device_id), Deadline(timeout))

    # --- who it is and what it has ----------------------------------------------------------------------------------

    async def me(self, timeout: float | None = None) -> Profile:
        """Who is signed in; `client.current_account` knows it then, too.

        Source: `GET /v1/account/me`.
        """
        return await self._bridge.call(self._engine.profile, Deadline(timeout))

    async def account_balance(self, timeout: float | None = None) -> Balance:
        """What the account holds, asked for now.

        Source: `GET /v4/account/balance`.
        """
        return await self._bridge.call(self._engine.request, account_calls.balance(), Deadline(timeout))

    async def refresh_balance(self, timeout: float | None = None) -> Balance:
        """What the account holds, asked for now and kept in `client.current_account`.

        Source: `GET /v4/account/balance`.
        """
        return await self._bridge.call(self._engine.balance, Deadline(timeout))

    async def wallet_balance(
        self, wallet_address: str | None = None, provider: str = "base", timeout: float | None = None
    ) -> WalletBalance:
        """What a wallet holds on its chain.

        Args:
            wallet_address: The wallet; by default the account's own.
            provider: `base` or `etherlink`.
        Source: `GET /v2/wallet/balance`.
        """
        given.one_of("provider", provider, permits.PROVIDERS)
        deadline = Deadline(timeout)
        if wallet_address is None:
            wallet_address = await self._bridge.call(self._engine.account_address, deadline)
        call = account_calls.wallet_balance(given.address("wallet_address", wallet_address), provider)
        return await self._bridge.call(self._engine.request, call, deadline)

    async def switch_network(self, network: str, timeout: float | None = SWITCH_LIMIT) -> str:
        """Go to another network with the connection, opening it if need be.

        Args:
            network: `fast` or `relaxed`.
        Returns:
            The network in use then; the service may have chosen the other one.
        Raises:
            WaitTimeout: no answer came; the network is the one from before.
        Source: frame `changeNetwork`.
        """
        given.one_of("network", network, ("fast", "relaxed"))
        deadline = Deadline(timeout)
        await link_ready(self._engine, self._bridge, deadline)
        inbox = await self._bridge.call(self._engine.switch_network, network)
        try:
            return str(await self._bridge.take(inbox, deadline, f"the network {network}"))
        finally:
            self._engine.end_switch(inbox)
