"""LoRAs: the public catalogue, and those that the account imported."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import rest
from sogni.errors import Problem, RateLimited, ServerError, ValidationError
from sogni.types.library import Lora, LoraCatalog, LoraConstraints, PersonalLora, PersonalLoras

from .._bridge import Bridge

# Seconds between two looks at an import, and between two looks at whether the client is still open.
EVERY = 30.0
SLICE = 1.0


class Loras:
    """The part of `client.projects` about the LoRA catalogue, which is kept for five minutes.

    Everything here raises ApiError when the service refuses, and TransportError when it does not answer.
    """

    _engine: Engine
    _bridge: Bridge

    async def available_loras(
        self,
        model_id: str | None = None,
        include_personal: bool = False,
        force_refresh: bool = False,
        timeout: float | None = None,
    ) -> LoraCatalog:
        """The LoRAs that orders may name; needs no account.

        Args:
            model_id: Only those that work with this model; none for a model that takes no LoRAs.
            include_personal: Also the account's own that are ready; these are asked for each time.
            force_refresh: Ask again.
            timeout: Seconds for the whole call.
        Raises:
            PermissionDenied: `include_personal` without a plan that has LoRAs of one's own.
        Source: `GET /v1/loras/comfy`, `GET /v1/loras/personal/catalog`.
        """
        from sogni._rules.loras import together

        deadline = Deadline(timeout)
        catalog = await self._bridge.call(self._engine.catalogue.loras, model_id, deadline, force=force_refresh)
        if not include_personal:
            return catalog
        return together(catalog, await self._own(deadline), model_id)

    async def get_lora(self, lora_id: str, timeout: float | None = None) -> Lora | None:
        """One LoRA, public or, with an id that begins with `personal-`, of the account; None if there is none.

        Source: `GET /v1/loras/comfy`, `GET /v1/loras/personal/catalog`.
        """
        from sogni._rules.loras import is_personal

        deadline = Deadline(timeout)
        if is_personal(lora_id):
            rows = await self._own(deadline)
        else:
            rows = (await self._bridge.call(self._engine.catalogue.loras, None, deadline)).loras
        return next((row for row in rows if row.lora_id == lora_id), None)

    async def supports_loras(self, model_id: str, timeout: float | None = None) -> bool:
        """Whether a model takes LoRAs at all.

        Source: `GET /v1/loras/comfy`.
        """
        catalog = await self._bridge.call(self._engine.catalogue.loras, None, Deadline(timeout))
        return model_id in catalog.models

    async def lora_constraints(self, timeout: float | None = None) -> LoraConstraints:
        """How many LoRAs an order may name, and how strong they may be.

        Source: `GET /v1/loras/comfy`.
        """
        return (await self._bridge.call(self._engine.catalogue.loras, None, Deadline(timeout))).constraints

    async def _own(self, deadline: Deadline) -> tuple[Lora, ...]:
        return await self._bridge.call(self._engine.request, rest.personal_catalog(), deadline)


class OwnLoras:
    """LoRAs that the account imported: `client.projects.personal_loras`.

    Everything here raises ApiError when the service refuses, TransportError when it does not answer, and SessionChanged
    when another account signs in meanwhile.
    """

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge

    async def list(self, timeout: float | None = None) -> PersonalLoras:
        """All of them in any status, and what may still be imported; also after a plan has ended.

        Source: `GET /v1/loras/personal`.
        """
        return await self._bridge.call(self._engine.request, rest.personal_loras(), Deadline(timeout))

    async def get(self, lora_id: str, timeout: float | None = None) -> PersonalLora:
        """One of them.

        Raises:
            ApiError: with `status` 404 when there is none of that id.
        Source: `GET /v1/loras/personal/{id}`.
        """
        return await self._bridge.call(self._engine.request, rest.personal_lora(lora_id), Deadline(timeout))

    async def import_lora(
        self, *, url: str, name: str, model_id: str, rights_confirmed: bool, timeout: float | None = None
    ) -> PersonalLora:
        """Have the service fetch a LoRA and look at it, which takes minutes: see `wait`.

        Args:
            url: Where it is, such as an address of Hugging Face or Civitai.
            name: For people.
            model_id: The model that it was made for.
            rights_confirmed: True to confirm that you may use it; the service refuses an import without.
            timeout: Seconds for the whole call, which ends long before the import.
        Returns:
            PersonalLora: its `status` is `queued`.
        Source: `POST /v1/loras/personal`.
        """
        call = rest.import_lora(url=url, name=name, model_id=model_id, rights_confirmed=rights_confirmed)
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def wait(self, lora_id: str, timeout: float | None = None, *, every: float = EVERY) -> PersonalLora:
        """Wait until an import has ended.

        Args:
            lora_id: Its id.
            timeout: Seconds to wait; None waits without limit.
            every: Seconds between two looks, unless a busy service asks for others.
        Returns:
            PersonalLora: its `status` is `ready`, `rejected` or `revoked`; `reason` says why it is not ready.
        Raises:
            WaitTimeout: the time is up; the import carries on.
            ApiError: with `status` 404 when there is none of that id.
        Source: `GET /v1/loras/personal/{id}`.
        """
        if isinstance(every, bool) or not isinstance(every, (int, float)) or not 0 <= every < float("inf"):
            message = f"every must be seconds from 0 on, not {every!r}."
            raise ValidationError(problems=[Problem("every", message, value=every, allowed="0 or more")])
        deadline = Deadline(timeout)
        call = rest.personal_lora(lora_id)
        version = await self._bridge.call(self._session)
        while True:
            pause: float = every
            try:
                lora = await self._bridge.call(self._engine.request, call, deadline)
                if lora.is_final:
                    return lora
            except (RateLimited, ServerError) as busy:
                if busy.retry_after is not None:
                    pause = busy.retry_after
            await self._pause(pause, version, deadline, lora_id)

    def _session(self) -> int:
        self._engine.place  # noqa: B018 - from here on the API key is known, which begins a session
        return self._engine.credentials.version

    async def _pause(self, seconds: float, version: int, deadline: Deadline, lora_id: str) -> None:
        """Lets time pass, but notices within a second that the client was closed or another account signed in."""
        until = Deadline(seconds)
        while True:
            self._engine.credentials.check(version)
            if deadline.expired:
                raise deadline.error(f"LoRA {lora_id}")
            left = until.remaining() or 0.0
            if left <= 0:
                return
            await self._bridge.pause(deadline.remaining(min(left, SLICE)) or 0.0)

    async def remove(self, lora_id: str, timeout: float | None = None) -> None:
        """Delete one of them; also after a plan has ended.

        Source: `DELETE /v1/loras/personal/{id}`.
        """
        await self._bridge.call(self._engine.request, rest.remove_lora(lora_id), Deadline(timeout))

    async def catalog(self, model_id: str | None = None, timeout: float | None = None) -> tuple[Lora, ...]:
        """Those that are ready, in the form of the public catalogue; asked for each time.

        Args:
            model_id: Only those that work with this model.
            timeout: Seconds for the whole call.
        Source: `GET /v1/loras/personal/catalog`.
        """
        from sogni._rules.loras import fitting

        rows = await self._bridge.call(self._engine.request, rest.personal_catalog(), Deadline(timeout))
        return fitting(rows, model_id)
