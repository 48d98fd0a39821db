"""The tokens of an account: history, rewards, withdrawing and depositing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal

from sogni._deadline import Deadline
from sogni._io import account as work
from sogni._io.engine import Engine
from sogni._protocol import given, permits, token_calls
from sogni._protocol.signing import Secret
from sogni.types.transactions import Reward, SigningRequest, TransactionPage

from .._bridge import Bridge

Amount = str | int | Decimal
Confirm = Callable[[SigningRequest], object]


class TransactionPages:
    """The pages of a history, from `client.account.transaction_history`; each is asked for when it is needed."""

    def __init__(
        self,
        engine: Engine,
        bridge: Bridge,
        *,
        address: str | None,
        status: str,
        limit: int,
        offset: int,
        provider: str | None,
        timeout: float | None,
    ) -> None:
        self._engine = engine
        self._bridge = bridge
        self._address = address
        self._status = status
        self._limit = limit
        self._next: int | None = offset
        self._provider = provider
        self._timeout = timeout

    def __aiter__(self) -> AsyncIterator[TransactionPage]:
        return self

    async def __anext__(self) -> TransactionPage:
        if self._next is None:
            raise StopAsyncIteration
        deadline = Deadline(self._timeout)
        if self._address is None:
            self._address = await self._bridge.call(self._engine.account_address, deadline)
        call = token_calls.transactions(
            address=self._address,
            status=self._status,
            limit=self._limit,
            offset=self._next,
            provider=self._provider,
        )
        page = await self._bridge.call(self._engine.request, call, deadline)
        self._next = page.next_offset
        if not page.transactions and page.offset:
            # The page before was the last one, and full.
            raise StopAsyncIteration
        return page


class Tokens:
    """The part of `client.account` about tokens.

    What moves tokens needs the password, which makes the wallet that signs. The service says what is to be signed, and
    that is compared with what was asked for: chain, name of the contract, wallet, amount, deadline. `contract` and
    `confirm` make sure of the rest; SigningRefused names every difference, and nothing is signed then.
    """

    _engine: Engine
    _bridge: Bridge

    def transaction_history(
        self,
        *,
        limit: int = 50,
        status: str = "completed",
        address: str | None = None,
        provider: str | None = None,
        offset: int = 0,
        timeout: float | None = None,
    ) -> TransactionPages:
        """The bookings of the account, page after page.

        Args:
            limit: Bookings of a page.
            status: Only these.
            address: The wallet; by default the account's own.
            provider: Only those of a chain.
            offset: How many to leave out.
            timeout: Seconds for each page.
        Source: `GET /v1/transactions/list`.
        """
        return TransactionPages(
            self._engine,
            self._bridge,
            address=None if address is None else given.address("address", address),
            status=status,
            limit=limit,
            offset=offset,
            provider=provider,
            timeout=timeout,
        )

    async def rewards(self, provider: str | None = None, timeout: float | None = None) -> list[Reward]:
        """The rewards of the account, and which of them can be claimed.

        Args:
            provider: Those of a chain.
        Source: `GET /v4/account/rewards`.
        """
        return list(await self._bridge.call(self._engine.request, token_calls.rewards(provider), Deadline(timeout)))

    async def claim_rewards(
        self,
        ids: Sequence[str],
        *,
        provider: str = "base",
        turnstile_token: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Claim rewards.

        Args:
            ids: Which, by their `id`.
            provider: Their chain.
            turnstile_token: What a browser gets from Cloudflare Turnstile, where the service wants it.
        Source: `POST /v3/account/reward/claim`.
        """
        call = token_calls.claim_rewards(ids, provider, turnstile_token)
        del turnstile_token  # a traceback must not show it
        await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def withdraw(
        self,
        password: str,
        amount: Amount,
        provider: str = "base",
        *,
        contract: str | None = None,
        spender: str | None = None,
        confirm: Confirm | None = None,
        timeout: float | None = None,
    ) -> SigningRequest:
        """Withdraw SOGNI to the wallet of the account. It is never repeated by itself.

        Args:
            password: The account's.
            amount: How many tokens, such as `"1.5"`.
            provider: `base` or `etherlink`.
            contract, spender: Addresses that must be named in what is signed.
            confirm: Gets the `SigningRequest` and answers whether to sign it; called on a thread that may wait.
        Returns:
            What was signed.
        Raises:
            SigningRefused: what the service wants to have signed is something else; nothing was signed.
            ValidationError: amount or password is wrong; nothing was asked.
        Source: `POST /v1/account/token/withdraw/permit`, `POST /v2/account/token/withdraw`.
        """
        secret = Secret(password)
        del password  # a traceback must not show it
        movement = _movement(secret, amount, provider, contract, spender, confirm)
        return await self._bridge.call(work.withdraw, self._engine, movement, Deadline(timeout))

    async def deposit(
        self,
        password: str,
        amount: Amount,
        provider: str = "base",
        *,
        contract: str | None = None,
        spender: str | None = None,
        confirm: Confirm | None = None,
        retry_pause: float = 10.0,
        timeout: float | None = None,
    ) -> None:
        """Deposit SOGNI of the wallet, allowing the service to take them where it may not yet.

        A time-out leaves open whether the tokens moved: look at the history before trying again.

        Args:
            password: The account's.
            amount: How many tokens, such as `"1.5"`.
            provider: `base` or `etherlink`.
            contract, spender: Addresses that must be named in what is signed.
            confirm: Gets the `SigningRequest` and answers whether to sign it; without it no more than `amount` is
                allowed.
            retry_pause: Seconds that the chain needs to know of the approval; three tries follow it.
        Raises:
            SigningRefused: what the service wants to have signed is something else; nothing was signed.
        Source: `POST /v3/account/token/deposit`; after code 149 as `approve_token_usage`.
        """
        secret = Secret(password)
        del password  # a traceback must not show it
        movement = _movement(secret, amount, provider, contract, spender, confirm)
        deadline = Deadline(timeout)
        for attempt in range(work.DEPOSIT_TRIES):
            last = attempt == work.DEPOSIT_TRIES - 1
            if await self._bridge.call(work.deposit, self._engine, movement, last, deadline):
                return
            if attempt == 0:
                await self._bridge.call(work.approve, self._engine, "account", movement, deadline)
            await self._bridge.pause(deadline.remaining(retry_pause) or 0.0)

    async def approve_token_usage(
        self,
        password: str,
        spender: str = "account",
        provider: str = "base",
        *,
        amount: Amount | None = None,
        contract: str | None = None,
        spender_address: str | None = None,
        confirm: Confirm | None = None,
        timeout: float | None = None,
    ) -> SigningRequest:
        """Let a contract of the service move SOGNI of the wallet; `deposit` does it by itself.

        Args:
            password: The account's.
            spender: `account` or `staker`.
            provider: `base` or `etherlink`.
            amount: How many tokens at most; more than that, or any number, has to be confirmed.
            contract, spender_address: Addresses that must be named in what is signed.
            confirm: Gets the `SigningRequest` and answers whether to sign it.
        Returns:
            What was signed.
        Source: `POST /v1/contract/token/approve/permit`, `POST /v1/contract/token/approve`.
        """
        secret = Secret(password)
        del password  # a traceback must not show it
        given.one_of("spender", spender, permits.SPENDERS)
        movement = _movement(secret, amount, provider, contract, spender_address, confirm)
        return await self._bridge.call(work.approve, self._engine, spender, movement, Deadline(timeout))


def _movement(
    password: Secret,
    amount: Amount | None,
    provider: str,
    contract: str | None,
    spender: str | None,
    confirm: Confirm | None,
) -> work.Movement:
    return work.Movement(
        password=password,
        provider=given.one_of("provider", provider, permits.PROVIDERS),
        units=None if amount is None else permits.units(amount),
        contract=None if contract is None else given.address("contract", contract),
        spender=None if spender is None else given.address("spender", spender),
        confirm=confirm,
    )
