"""The fields that hold files: what is announced in the message and what is uploaded before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from .about import About
from .draft import Draft, Upload
from .fields import Field
from .values import is_list, truthy

# What a slot holds, for readers.
KINDS = {"image": "a picture", "audio": "a recording", "video": "a video"}


class Slot(Field):
    """One file, announced by a flag.

    Attributes:
        flag: The flag in the message.
        type: What the upload endpoint calls it.
        at: Which upload endpoint.
        slot: What the bytes are used for, which decides some content types.
        content_types: Where the content type is written.
        constant: A field of the message that is fixed as soon as there is a file.
        required: Refused without.
        all_or_nothing: An empty value is refused instead of meaning none.
        states_absence: The flag is written as False when there is no file.
        largest: Bytes that the service is known to take at most.
    """

    flag: str
    type: str
    at: str = "image"
    slot: str = "image"
    content_types: tuple[str, ...] = ()
    constant: tuple[str, object] | None = None
    required: bool = False
    all_or_nothing: bool = False
    states_absence: bool = False
    largest: int | None = None

    @property
    def always(self) -> bool:
        return self.required or self.states_absence

    def write(self, draft: Draft) -> None:
        value = draft.given.get(self.name)
        if draft.is_media(self.name, value):
            draft.key[self.flag] = True
            if self.constant:
                draft.key[self.constant[0]] = self.constant[1]
            self.upload(draft, value)
        elif self.required and not truthy(value):
            draft.refuse(self.name, "is required by this model", allowed="a file")
        elif self.all_or_nothing and value is not None and not truthy(value):
            draft.refuse(self.name, "must be a picture, or left out", value=value)
        elif self.states_absence:
            draft.key[self.flag] = False

    def upload(self, draft: Draft, value: object) -> None:
        """Notes the file to upload; True stands for one that is there already."""
        if value is not True:
            draft.uploads.append(
                Upload(
                    parameter=draft.prefix + self.name,
                    at=self.at,
                    type=self.type,
                    media=value,
                    slot=self.slot,
                    content_type_keys=self.content_types,
                    largest=self.largest,
                )
            )

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=KINDS[self.slot], use="file", required=self.required),)


class Pictures(Field):
    """A list of pictures, each announced by a flag of its own: `hasContextImage1` and so on.

    Attributes:
        most: How many entries the model takes; 0 for none at all, None when a check counts them.
        holes: What an empty entry is: `kept` (its number is skipped), `refused`, or `free` (an entry is only one when
            it holds a picture).
        shifted_by: A file that takes number 1 when it is there.
        upload_type: What the upload endpoint calls entry n.
    """

    most: int | None
    holes: Literal["kept", "refused", "free"] = "kept"
    shifted_by: str | None = None
    flag: str = "hasContextImage{n}"
    upload_type: str = "contextImage{n}"

    def put(self, draft: Draft, value: object) -> None:
        entries = self.check(draft, value)
        first = 2 if self.shifted_by and truthy(draft.get(self.shifted_by)) else 1
        for n, entry in enumerate(entries, first):
            label = f"{self.name}[{n - first}]"
            if draft.is_media(label, entry):
                draft.key[self.flag.format(n=n)] = True
                if entry is not True:
                    draft.uploads.append(
                        Upload(
                            parameter=draft.prefix + label,
                            at="image",
                            type=self.upload_type.format(n=n),
                            media=entry,
                        )
                    )

    def check(self, draft: Draft, value: object) -> Sequence[object]:
        """The entries, when the list is acceptable as a whole; else none, after noting a problem."""
        if not is_list(value):
            if truthy(value) or self.holes == "refused":
                draft.refuse(self.name, "must be a list of pictures", value=value)
            return ()
        entries: Sequence[object] = value  # type: ignore[assignment]
        if self.holes == "free":
            entries = [entry for entry in entries if truthy(entry)]
        if self.most is not None and len(entries) > self.most:
            allowed = f"at most {self.most} pictures" if self.most else "no pictures"
            draft.refuse(
                self.name,
                f"has {len(entries)} entries: this model takes {allowed}",
                value=f"{len(entries)} entries",
                allowed=allowed,
                nearest=self.most,
            )
            return ()
        if self.holes == "refused":
            for place, entry in enumerate(entries):
                if not truthy(entry):
                    draft.refuse(
                        f"{self.name}[{place}]", "is empty: every entry must be a picture", allowed="a picture"
                    )
                    return ()
        return entries

    @property
    def about(self) -> tuple[About, ...]:
        if self.most == 0:
            return (About(self.name, allowed="this model takes none", use="refused"),)
        allowed = "a list of pictures" if self.most is None else f"at most {self.most} pictures"
        return (About(self.name, allowed=allowed, use="file"),)


class Numbered(Field):
    """A file and a list of more of its kind that share one row of numbers: `hasReferenceVideo1` and so on.

    Attributes:
        more: The parameter with the list; an empty entry in it is refused.
        stem: The common part of flag, content type and upload.
    """

    more: str
    stem: str
    slot: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, self.more)

    def write(self, draft: Draft) -> None:
        files = [(self.name, draft.get(self.name))]
        listed = draft.get(self.more)
        if is_list(listed):
            entries: Sequence[object] = listed  # type: ignore[assignment]
            files += [(f"{self.more}[{place}]", entry) for place, entry in enumerate(entries)]
            for label, entry in files[1:]:
                if not truthy(entry):
                    draft.refuse(label, "is empty: every entry must be a file", allowed="a file")
        elif listed is not None:
            draft.refuse(self.more, "must be a list of files", value=listed)
        there = [(label, entry) for label, entry in files if draft.is_media(label, entry)]
        for n, (label, entry) in enumerate(there, 1):
            number = f"{self.stem}{n}"
            draft.key[f"has{number[0].upper()}{number[1:]}"] = True
            if entry is not True:
                draft.uploads.append(
                    # Nothing shows whether the service wants the numbered name as type or as id; the older published
                    # client sends both like this and so do saved uploads.
                    Upload(
                        parameter=draft.prefix + label,
                        at="media",
                        type=self.stem,
                        id=number,
                        media=entry,
                        slot=self.slot,
                        content_type_keys=(f"{number}ContentType",),
                    )
                )

    @property
    def about(self) -> tuple[About, ...]:
        return (
            About(self.name, allowed=KINDS[self.slot], use="file"),
            About(self.more, allowed="a list of further ones", use="file"),
        )


class OnlyWhen(Field):
    """A file that is left out unless a nested parameter has a certain value.

    Attributes:
        parameter, key, value: That parameter, the key in it, and the value.
    """

    parameter: str
    key: str
    value: str
    then: Slot

    def write(self, draft: Draft) -> None:
        record = draft.get(self.parameter)
        if isinstance(record, Mapping) and record.get(self.key) == self.value:
            self.then.write(draft)
        elif truthy(draft.get(self.name)):
            draft.warn(self.name, f"is used with {self.parameter} {self.key}={self.value!r} only and was left out")

    @property
    def about(self) -> tuple[About, ...]:
        only = f"with `{self.parameter}` of `{self.key}={self.value!r}` only"
        return tuple(about.but(allowed=f"{about.allowed}, {only}") for about in self.then.about)
