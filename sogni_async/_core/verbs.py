"""The verbs: one call from an idea to a result. `client.projects.create` is the layer below, with full control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Union, overload

from sogni._deadline import Deadline

from .ordering import place
from .projects import Projects
from .result import Result

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sogni.types.keywords import AudioOptions, ImageOptions, VideoOptions
    from sogni.types.media import MediaInput

    from .project import AnyEvent

    Size = Union[str, tuple[int, int]]
    Quality = Literal["fast", "balanced", "best"]
    OnEvent = Callable[[AnyEvent], object]
    Percent = Union[bool, Callable[[int], object]]
    Money = Union[Decimal, float, str]


class Verbs:
    """One verb for each thing that can be made.

    All of them choose a model that the catalogue lists, unless `model` names one, order one output, wait for it and
    return it. What they have in common:

    Args:
        quality: `fast`, `balanced` or `best`: which models to choose from.
        model: A model id instead.
        on_event: Called with every event, where the call waits.
        progress: True for a line on standard error; or called with 0 to 100.
        timeout: Seconds for the whole call; None waits without limit.
        max_cost: Order nothing that would cost more tokens; of `token_type`, which is `spark` then unless given. Not
            for videos that are made larger: their price depends on the file.
        **keywords: Any parameter of the project type, as in `ImageParams`, `VideoParams` and `AudioParams`.
    Raises:
        ValidationError: what is wrong with the call, all of it together.
        ModelNotFound, ModelNotAvailable: the catalogue does not list the model, or none of those to choose from.
        TooExpensive: the estimate is above `max_cost`; nothing was ordered.
        WaitTimeout: the time is up; what was ordered carries on, `project_id` says as what.
        ContentWithheld: the sensitive-content filter kept the result back.
        ProjectFailed, ApiError, TransportError: why it failed.
    """

    def _resource(self) -> Projects:
        raise NotImplementedError

    async def image(
        self,
        prompt: str,
        *,
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[ImageOptions],
    ) -> Result:
        """Make a picture from a text.

        Args:
            prompt: What to make.
            size: `"1024x768"`, `(1024, 768)` or the name of a size of the model, such as `"square_hd"`; the model's own
                when not given.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"text": prompt, "size": size, "quality": quality, "model": model}
        return await place(self._resource(), "image", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def edit(
        self,
        prompt: str,
        images: MediaInput | Sequence[MediaInput],
        *,
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[ImageOptions],
    ) -> Result:
        """Change a picture, or make one of several, as a text says.

        Args:
            prompt: What to change.
            images: One picture or a list of them; they become `context_images` or `starting_image`, whichever the model
                edits.
            size: As for `image`.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"text": prompt, "media": images, "size": size, "quality": quality, "model": model}
        return await place(self._resource(), "edit", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def video(
        self,
        prompt: str,
        *,
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[VideoOptions],
    ) -> Result:
        """Make a clip from a text; with `reference_image`, `reference_audio` or `reference_video` from that as well.

        Args:
            prompt: What to make.
            size: `"1280x768"` or `(1280, 768)`; the model's own when not given.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"text": prompt, "size": size, "quality": quality, "model": model}
        return await place(self._resource(), "video", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def music(
        self,
        prompt: str,
        *,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[AudioOptions],
    ) -> Result:
        """Make a piece of music; with `lyrics` a song.

        Args:
            prompt: What it sounds like.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"text": prompt, "quality": quality, "model": model}
        return await place(self._resource(), "music", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def speech(
        self,
        text: str,
        *,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[AudioOptions],
    ) -> Result:
        """Have a text read aloud; with `reference_audio` in that voice.

        Args:
            text: What to say, 4096 characters at most.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"text": text, "quality": quality, "model": model}
        return await place(self._resource(), "speech", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    @overload
    async def upscale(
        self,
        media: MediaInput,
        *,
        kind: Literal["image"] | None = None,
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[ImageOptions],
    ) -> Result: ...
    @overload
    async def upscale(
        self,
        media: MediaInput,
        *,
        kind: Literal["video"],
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[VideoOptions],
    ) -> Result: ...
    async def upscale(
        self,
        media: MediaInput,
        *,
        kind: Literal["image", "video"] | None = None,
        size: Size | None = None,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Any,
    ) -> Result:
        """Make a picture or a video larger.

        Args:
            media: The picture or the video.
            kind: Which of the two it is, where neither its name nor its first bytes tell.
            size: What it shall become: as for `image` or `video`; a video's shorter edge becomes 1080 or 1440 px, which
                `quality` chooses when there is no size.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"media": media, "kind": kind, "size": size, "quality": quality, "model": model}
        return await place(self._resource(), "upscale", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def segment(
        self,
        image: MediaInput,
        what: str | None = None,
        *,
        cutout: bool = False,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[ImageOptions],
    ) -> Result:
        """Find something in a picture: its mask, white where it is.

        Args:
            image: The picture.
            what: What to find, 240 characters at most; the subject of the picture when not given. `sam3_prompt` takes
                points and boxes instead.
            cutout: True for the thing itself on nothing, instead of the mask.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"media": image, "text": what, "cutout": cutout, "quality": quality, "model": model}
        return await place(self._resource(), "segment", wish, keywords, on_event, progress, Deadline(timeout), max_cost)

    async def model3d(
        self,
        image: MediaInput,
        *,
        quality: Quality = "balanced",
        model: str | None = None,
        on_event: OnEvent | None = None,
        progress: Percent = False,
        timeout: float | None = None,
        max_cost: Money | None = None,
        **keywords: Unpack[ImageOptions],
    ) -> Result:
        """Make a 3D object (GLB) of what a picture shows; `left_view_image` and its sisters show other sides of it.

        Args:
            image: The picture, or the front.
            quality, model, on_event, progress, timeout, max_cost, keywords: See `Verbs`.
        """
        wish = {"media": image, "quality": quality, "model": model}
        return await place(self._resource(), "model3d", wish, keywords, on_event, progress, Deadline(timeout), max_cost)
