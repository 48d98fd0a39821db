"""The subscription of an account: its state, its use, the plans and the pages to pay on."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io import account as work
from sogni._io.engine import Engine
from sogni._protocol import given, token_calls
from sogni.types.subscription import Checkout, Plan, Subscription, SubscriptionUsage, TrialEligibility

from .._bridge import Bridge


class Subscriptions:
    """The part of `client.account` about the subscription."""

    _engine: Engine
    _bridge: Bridge

    async def get_subscription_status(self, timeout: float | None = None) -> Subscription:
        """The state of the subscription; a live frame that came meanwhile counts more than an older answer.

        Source: `GET /v1/subscriptions/status`.
        """
        return await self._bridge.call(self._engine.subscription, Deadline(timeout))

    async def refresh_subscription(self, timeout: float | None = None) -> Subscription:
        """The same as `get_subscription_status`.

        Source: `GET /v1/subscriptions/status`.
        """
        return await self.get_subscription_status(timeout)

    async def get_subscription_usage(self, timeout: float | None = None) -> SubscriptionUsage:
        """What was used in the running billing period.

        Source: `GET /v1/subscriptions/usage`.
        """
        return await self._bridge.call(self._engine.request, token_calls.subscription_usage(), Deadline(timeout))

    async def get_trial_eligibility(self, timeout: float | None = None) -> TrialEligibility:
        """Whether the account may begin a trial.

        Source: `GET /v1/subscriptions/trial-eligibility`.
        """
        return await self._bridge.call(self._engine.request, token_calls.trial_eligibility(), Deadline(timeout))

    async def get_subscription_plans(self, timeout: float | None = None) -> list[Plan]:
        """The plans there are, one for each term; no sign-in is needed.

        Source: `GET /v1/subscriptions/plans`.
        """
        return list(await self._bridge.call(self._engine.request, token_calls.subscription_plans(), Deadline(timeout)))

    async def create_subscription_checkout(
        self,
        plan_id: str,
        term: str,
        *,
        redirect_type: str = "web",
        app_source: str | None = None,
        start_trial: bool | None = None,
        device_id: str | None = None,
        timeout: float | None = None,
    ) -> Checkout:
        """A page to pay for a plan on, to be opened in a browser. An API key may not do this.

        Args:
            plan_id: Which plan, by its `plan_id`.
            term: `monthly` or `annual`.
            redirect_type: Where the page leads back to: `web`, `app`, `dashboard`, `photobooth` or `chat`.
            app_source: Product label; the client's is not used here.
            start_trial: Out of use, the service decides.
            device_id: Which device this is.
        Source: `POST /v1/iap/stripe/subscribe`.
        """
        call = token_calls.checkout(
            plan_id=given.text("plan_id", plan_id),
            term=given.one_of("term", term, token_calls.TERMS),
            redirect_type=given.one_of("redirect_type", redirect_type, token_calls.REDIRECTS),
            app_source=app_source,
            start_trial=start_trial,
            device_id=device_id,
        )
        return await self._bridge.call(work.request, self._engine, call, Deadline(timeout))

    async def create_subscription_portal_session(self, timeout: float | None = None) -> Checkout:
        """A page to manage the subscription on, to be opened in a browser. An API key may not do this.

        Source: `POST /v1/subscriptions/stripe/portal`.
        """
        return await self._bridge.call(work.request, self._engine, token_calls.portal(), Deadline(timeout))
