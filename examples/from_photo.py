"""Three pictures from a photograph, closer to it and further away: `python from_photo.py [PHOTO]`."""

import sys
from pathlib import Path

from sogni import ImageParams, SogniClient

MODEL = "krea2_turbo_fp8_scaled"


def make_photo(client: SogniClient) -> Path:
    """A stand-in for those who have no photograph at hand."""
    project = client.projects.create(ImageParams("a harbour on a summer morning", model_id=MODEL, seed=1))
    return project.wait(timeout=600)[0].save("from-photo/photo.png", overwrite=True)


def main() -> None:
    with SogniClient(sandbox=True) as client:
        photo = Path(sys.argv[1]) if len(sys.argv) > 1 else make_photo(client)
        # All three are ordered before the first is waited for, so they are rendered side by side.
        projects = {
            strength: client.projects.create(
                ImageParams(
                    "the harbour at night, lanterns on the water",
                    model_id=MODEL,
                    starting_image=photo,
                    starting_image_strength=strength,
                    output_format="jpg",
                )
            )
            for strength in (0.2, 0.5, 0.8)
        }
        for strength, project in projects.items():
            (picture,) = project.wait(timeout=600)
            name = f"from-photo/night-{strength:.1f}.jpg"
            print(f"{strength:.0%} of the photograph:", picture.save(name, overwrite=True))


if __name__ == "__main__":
    main()
