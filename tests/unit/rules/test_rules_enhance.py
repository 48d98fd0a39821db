"""Enhancing and LoRAs: which results can be enhanced and by which order; what the LoRA catalogue advises."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from sogni._rules import enhance, loras
from sogni._rules.build import build_job
from sogni.errors import ValidationError
from sogni.types.catalog import ModelOptions, SizePreset
from sogni.types.library import Lora, LoraCatalog, LoraConstraints
from sogni.types.project import JobSnapshot, JobStatus

JOB = JobSnapshot(id="J", project_id="P", status=JobStatus.COMPLETED, seed=5)
PARENT: dict[str, Any] = {"type": "image", "model_id": "z_image_turbo_bf16", "positive_prompt": "a fox"}
PRESETS = (SizePreset(id="square", width=1024, height=1024), SizePreset(id="tall", width=768, height=1344))


@pytest.mark.parametrize(
    ("strength", "kept"),
    [("light", 1 - 0.15), ("medium", 1 - 0.35), ("heavy", 1 - 0.49), ("hevy", 1 - 0.35), (["light"], 1 - 0.35)],
)
def test_strengths(strength: object, kept: float) -> None:
    assert enhance.influence(strength) == kept
    assert enhance.order(strength, JOB, PARENT)["starting_image_strength"] == kept
    assert bool(enhance.odd_strength(strength)) is (strength not in ("light", "medium", "heavy"))


def test_what_is_always_the_same() -> None:
    assert enhance.order("light", JOB, PARENT) == {
        "type": "image",
        "model_id": "krea2_turbo_fp8_scaled",
        "network": "fast",
        "number_of_media": 1,
        "number_of_previews": 0,
        "steps": 8,
        "guidance": 1,
        "negative_prompt": "",
        "positive_prompt": "a fox",
        "starting_image_strength": 0.85,
        "seed": 5,
    }


@pytest.mark.parametrize(
    ("parent", "job", "overrides", "expected"),
    [
        ({"seed": 9}, {}, {}, {"seed": 5}),
        ({"seed": 9}, {"seed": 0}, {}, {"seed": 0}),
        ({"seed": 0}, {"seed": None}, {}, {"seed": 0}),
        ({}, {"seed": None}, {}, {"seed": None}),
        ({"style_prompt": "oil", "token_type": "sogni"}, {}, {}, {"style_prompt": "oil", "token_type": "sogni"}),
        ({"token_type": "sogni"}, {}, {"token_type": "spark"}, {"token_type": "spark"}),
        ({}, {"positive_prompt": "a red fox"}, {}, {"positive_prompt": "a fox"}),
        ({"positive_prompt": None}, {"positive_prompt": "a red fox"}, {}, {"positive_prompt": "a red fox"}),
        ({"positive_prompt": ""}, {"positive_prompt": "a red fox"}, {}, {"positive_prompt": ""}),
        ({"positive_prompt": None}, {}, {}, {"positive_prompt": ""}),
        ({}, {}, {"positive_prompt": "", "style_prompt": "ink"}, {"positive_prompt": "", "style_prompt": "ink"}),
        ({}, {}, {}, {"size_preset": None, "width": None, "height": None}),
        ({"width": 512}, {}, {}, {"size_preset": None, "width": None}),
        ({"width": 512, "height": 640}, {}, {}, {"size_preset": "custom", "width": 512, "height": 640}),
        (
            {"size_preset": "custom", "width": 512, "height": 640},
            {},
            {},
            {"size_preset": "custom", "width": 512, "height": 640},
        ),
        ({"size_preset": "custom"}, {}, {}, {"size_preset": None}),
        ({"size_preset": "tall", "width": 5, "height": 6}, {}, {}, {"size_preset": "custom", "width": 768}),
    ],
)
def test_what_is_inherited(parent: Any, job: Any, overrides: Any, expected: dict[str, object]) -> None:
    made = enhance.order("light", evolve(JOB, **job), PARENT | parent, presets=PRESETS, **overrides)
    assert {name: made.get(name) for name in expected} == expected
    plan = build_job(
        {**made, "starting_image": b"x"},
        project_id="E",
        options=ModelOptions(model_id="krea2_turbo_fp8_scaled", type="image"),
    )
    assert plan.warnings == ()
    assert plan.message["previews"] == 0


def test_presets_are_looked_up_only_where_they_are_needed() -> None:
    assert [enhance.parents_preset({"size_preset": name}) for name in (None, "", "custom", "tall")] == [
        *(None,) * 3,
        "tall",
    ]
    with pytest.raises(ValidationError, match="size_preset must be one of square, tall, not 'tal'") as caught:
        enhance.order("light", JOB, PARENT | {"size_preset": "tal"}, presets=PRESETS)
    assert caught.value.problems[0].nearest == "tall"


@pytest.mark.parametrize(
    ("job", "kind", "type", "model", "problem"),
    [
        ({}, "video", "video", "wan_v2.2-14b-fp8_t2v", "of type video"),
        ({}, "model", "image", "pixal3d_int8_i23d", "of type model"),
        ({}, "image", "image", "sam3_image_segment_bf16", "mask"),
        ({"withheld": True}, "image", "image", "birefnet_image_background_removal_fp16", "mask"),
        ({"status": JobStatus.PROCESSING, "withheld": True}, "image", "image", "krea", "is processing"),
        ({"status": JobStatus.FAILED}, "image", "image", None, "is failed"),
        ({"withheld": True}, "image", "image", "krea", "withheld"),
    ],
)
def test_what_cannot_be_enhanced(job: Any, kind: str, type: str, model: str | None, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        enhance.check(evolve(JOB, **job), kind, type, {"model_id": model})
    assert caught.value.problems[0].field == "result"


def test_what_can_be_enhanced() -> None:
    enhance.check(JOB, "image", "image", {})
    enhance.check(JOB, "image", "image", PARENT)


# LoRAs

CATALOG = LoraCatalog(
    loras=(
        Lora(lora_id="warm", model_ids=("m", "n"), ui={"min": -3, "max": 3}),
        Lora(lora_id="cold", model_ids=("n",)),
        Lora(lora_id="plain", model_ids=("m",), ui={"min": "low"}),
    ),
    models=("m", "n"),
    constraints=LoraConstraints(max_per_request=3, min_strength=-10, max_strength=10),
)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, []),
        ({"loras": ["warm", "plain"], "lora_strengths": [3, -10]}, []),
        ({"loras": ["warm"], "lora_strengths": ["much"]}, []),
        ({"loras": "warm"}, []),
        ({"loras": ["personal-x"], "lora_strengths": [10]}, []),
        ({"loras": ["warm"] * 4}, ["loras has 4 entries; the service takes 3 at most."]),
        ({"lora_strengths": [1]}, ["lora_strengths has 1 entries for 0 loras."]),
        ({"loras": ["cold", "none", []]}, ["loras[0] ('cold')", "loras[1] ('none')", "loras[2] ([])"]),
        ({"loras": ["warm"], "lora_strengths": [11]}, ["lora_strengths[0] is 11; the service takes -10 to 10."]),
        ({"loras": ["plain", "warm"], "lora_strengths": [1, -3.5]}, ["lora_strengths[1] is -3.5; warm takes -3 to 3"]),
    ],
)
def test_advice(fields: dict[str, object], found: list[str]) -> None:
    told = loras.advice({"model_id": "m", **fields}, CATALOG)
    assert len(told) == len(found)
    assert all(text.startswith(start) for text, start in zip(told, found, strict=True))


def test_the_catalogue_with_own_loras() -> None:
    own = (Lora(lora_id="personal-a", model_ids=("b", "m")), Lora(lora_id="personal-b", model_ids=("z",)))
    both = loras.together(CATALOG, own, "m")
    assert [row.lora_id for row in both.loras] == ["warm", "cold", "plain", "personal-a"]
    assert both.models == ("b", "m", "n")
    assert len(loras.together(CATALOG, own, None).loras) == 5
    assert loras.fitting(own, "") == own
    assert [loras.is_personal(id) for id in ("personal-a", "personal", None)] == [True, False, False]


# Files that are larger than what is known to be taken


def test_large_files_are_a_warning() -> None:
    plan = build_job(
        {
            "type": "video",
            "model_id": "flashvsr_v1.1_tiny_long_bf16",
            "positive_prompt": "",
            "number_of_media": 1,
            "reference_video": b"x",
            "upscale_resolution": 1080,
            "fps": 24,
            "frames": 48,
        },
        project_id="V",
        options=ModelOptions(model_id="flashvsr_v1.1_tiny_long_bf16", type="video"),
    )
    assert plan.large_files([100_000_000]) == plan.large_files([None]) == ()
    assert plan.large_files([120_500_000]) == ("reference_video has 120.5 MB; the service takes 100 MB at most.",)
