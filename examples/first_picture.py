"""A picture from a text. Without `sandbox=True`, and with SOGNI_API_KEY set, it comes from the real network."""

from sogni import SogniClient, SogniError

PROMPT = "a lighthouse in winter, snow on the rocks, evening light"


def main() -> None:
    with SogniClient(sandbox=True) as client:
        try:
            project = client.projects.create(
                type="image",
                model_id="krea2_turbo_fp8_scaled",
                positive_prompt=PROMPT,
                number_of_media=1,
                width=1024,
                height=768,
            )
            (picture,) = project.wait(timeout=600)
            print("saved", picture.save("pictures/"), "seed", picture.seed)
        except SogniError as error:
            raise SystemExit(f"{error.message} {error.hint}") from error


if __name__ == "__main__":
    main()
