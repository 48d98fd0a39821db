"""The constants of every job request. Workers on Macs fail on a missing key, so all of them are sent."""

from __future__ import annotations


def envelope(project_id: str) -> dict[str, object]:
    """The top level of the message without its key frame; new lists each time, so that no two messages share one."""
    return {
        "selectedUpscalingModel": "OFF",
        "doCanvasBlending": False,
        "animationIsOn": False,
        "canvasIsOn": False,
        "frameRate": 24,
        "generatedVideoSeconds": 10,
        "cnVideoFrames": [],
        "cnVideoFramesSketch": [],
        "cnVideoFramesSegmented": [],
        "cnVideoFramesSegmentedSubject": [],
        "cnVideoFramesSegmentedBackground": [],
        "cnVideoFramesFace": [],
        "cnVideoFramesBoth": [],
        "cnVideoFramesDepth": [],
        "cnVideoFramesPose": [],
        "siVideoFrames": [],
        "previews": 0,
        "numberOfImages": 1,
        "disableSafety": False,
        "jobID": project_id,
    }


def key_frame(model_id: object) -> dict[str, object]:
    """What the one key frame of every message starts with."""
    return {
        "stepsIsEnabled": True,
        "guidanceScaleIsEnabled": True,
        "strengthIsEnabled": True,
        "isEnabled": True,
        "processing": "CPU, GPU",
        "frameIndex": 0,
        "siRotation": 0,
        "siRotationIsEnabled": True,
        "siDragOffset": [0, 0],
        "siDragOffsetIsEnabled": True,
        "siZoomScale": 1,
        "siZoomScaleIsEnabled": True,
        "siImageBackgroundColor": "black",
        "cnDragOffset": [0, 0],
        "cnDragOffsetIsEnabled": True,
        "cnRotation": 0,
        "cnRotationIsEnabled": True,
        "cnZoomScale": 1,
        "cnZoomScaleIsEnabled": True,
        "cnImageBackgroundColor": "clear",
        "controlNetZoomPanIsOn": False,
        "currentControlNets": None,
        "startingImage": None,
        "startingImageZoomPanIsOn": False,
        "useLastImageAsGuideImageInAnimation": True,
        "useLastImageAsCNImageInAnimation": False,
        "strength": 0.5,
        "scheduler": None,
        "timeStepSpacing": None,
        "modelID": model_id,
        "positivePrompt": "",
        "stylePrompt": "",
    }
