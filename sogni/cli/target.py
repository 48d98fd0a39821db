"""Where outputs go: what `-o` means, checked before anything is ordered."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from .exits import CommandError

if TYPE_CHECKING:
    from sogni import Picture, Result

# File name endings to the format that is ordered for them, by what the network makes.
FORMATS = {
    "image": {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".webp": "webp"},
    "video": {".mp4": "mp4", ".mov": "mov"},
    "audio": {".mp3": "mp3", ".flac": "flac", ".wav": "wav"},
    "model": {".glb": "glb"},
}


@frozen
class Target:
    """A place for outputs.

    Attributes:
        folder: The folder, whether it exists or not.
        name: File name without its ending; None to have one made of prompt and seed.
        suffix: Its ending, as it was given.
    """

    folder: Path
    name: str | None = None
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Target:
        """A folder, unless it has an ending; an existing folder is one, whatever it looks like."""
        path = Path(os.path.expanduser(text))
        if text.endswith(("/", "\\")) or not path.suffix or path.is_dir():
            return cls(path)
        return cls(path.parent, path.stem, path.suffix)

    def format(self, kinds: Sequence[str], chosen: str | None = None) -> str | None:
        """The format to order, which `-o` and `--format` have to agree about; None when neither says one.

        Args:
            kinds: What may come: `image`, `video`, `audio`, `model`.
            chosen: The value of `--format`.
        Raises:
            CommandError: they contradict each other, or there is no such format.
        """
        if not self.suffix:
            return chosen
        known = {suffix: found for kind in kinds for suffix, found in FORMATS[kind].items()}
        found = known.get(self.suffix.lower())
        if found is None:
            allowed = ", ".join(known)
            raise CommandError(
                f"-o: nothing is saved as {self.suffix} here; what there is: {allowed}.",
                hint=f"If it is meant as a folder, write {self.folder / self._file}/.",
            )
        if chosen is not None and chosen != found:
            raise CommandError(f"-o ends in {self.suffix}, but --format is {chosen}.", hint="Leave one of the two out.")
        return None if found == "glb" else found

    def check(self) -> None:
        """Find out whether files can be made there, and leave nothing behind.

        Raises:
            CommandError: they cannot.
        """
        place = self.folder.absolute()
        # A folder that is to be made is made within the nearest one that exists.
        existing = next((folder for folder in (place, *place.parents) if os.path.lexists(folder)), place)
        if not existing.is_dir():
            raise CommandError(f"-o: {self.folder} cannot be a folder: {existing} is a file.")
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise CommandError(f"-o: nothing can be written into {existing}: {reason}.") from problem

    def save(self, result: Result, *, overwrite: bool = False) -> Path:
        """Save an output; an ending that does not fit its real content is replaced."""
        if self.suffix:
            return result.save(self.folder / self._file, overwrite=overwrite, sidecar=False)
        return result.save(f"{self.folder}/", name=self.name, overwrite=overwrite, sidecar=False)

    def save_preview(self, picture: Picture, number: int) -> Path:
        """Save a preview beside the outputs, under a name of its own."""
        return picture.save(f"{self.folder}/", name=f"preview-{picture.job_id.lower()}-{number}")

    @property
    def _file(self) -> str:
        return f"{self.name}{self.suffix}"
