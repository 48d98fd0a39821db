"""3D objects: a torus or a ball as a GLB file, wrapped in the picture that came in or in a landscape."""

from __future__ import annotations

import io
import json
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import ImageOps

from ..order import Order
from . import Made
from .inputs import load
from .lettering import mark
from .scenery import landscape

ROUND, TUBE = 36, 18
TEXTURE = 512

Vector = tuple[float, ...]


def render(order: Order, path: Path, stopped: Callable[[], bool]) -> Made:
    """Write an object."""
    chance = random.Random(f"{order.seed}|{order.prompt}")
    points, normals, places = _surface(chance.random() < 0.5, chance.uniform(0.28, 0.45))
    faces = _faces()
    path.write_bytes(_glb(points, normals, places, faces, _texture(order), order.prompt))
    return Made(content_type="model/gltf-binary", facts={"meshFaces": len(faces)})


def _surface(is_ball: bool, thick: float) -> tuple[list[Vector], list[Vector], list[Vector]]:
    points: list[Vector] = []
    normals: list[Vector] = []
    places: list[Vector] = []
    for i in range(ROUND + 1):
        around = math.tau * i / ROUND
        for j in range(TUBE + 1):
            across = (math.pi if is_ball else math.tau) * j / TUBE
            if is_ball:
                normal = (math.sin(across) * math.cos(around), math.cos(across), math.sin(across) * math.sin(around))
                point: Vector = normal
            else:
                normal = (math.cos(across) * math.cos(around), math.sin(across), math.cos(across) * math.sin(around))
                point = (
                    (1 + thick * math.cos(across)) * math.cos(around),
                    thick * math.sin(across),
                    (1 + thick * math.cos(across)) * math.sin(around),
                )
            points.append(point)
            normals.append(normal)
            places.append((i / ROUND, j / TUBE))
    return points, normals, places


def _faces() -> list[tuple[int, int, int]]:
    found = []
    for i in range(ROUND):
        for j in range(TUBE):
            a, b = i * (TUBE + 1) + j, (i + 1) * (TUBE + 1) + j
            found += [(a, a + 1, b), (b, a + 1, b + 1)]
    return found


def _texture(order: Order) -> bytes:
    slot = next((slot for slot in ("startingImage", "contextImage1") if slot in order.inputs), None)
    asked = order.options.get("textureSize")
    side = asked if isinstance(asked, int) and 0 < asked <= 4096 else TEXTURE
    size = (side, side)
    if slot is not None:
        image = ImageOps.fit(load(order, slot), size)
    else:
        image = landscape(order.seed, order.prompt, order.style, size)
    mark(image)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _glb(
    points: list[Vector],
    normals: list[Vector],
    places: list[Vector],
    faces: list[tuple[int, int, int]],
    texture: bytes,
    name: str,
) -> bytes:
    parts = [
        b"".join(struct.pack("<3f", *point) for point in points),
        b"".join(struct.pack("<3f", *normal) for normal in normals),
        b"".join(struct.pack("<2f", *place) for place in places),
        b"".join(struct.pack("<3H", *face) for face in faces),
        texture + bytes(-len(texture) % 4),
    ]
    views: list[dict[str, Any]] = []
    start = 0
    for part in parts:
        views.append({"buffer": 0, "byteOffset": start, "byteLength": len(part)})
        start += len(part)
    count = len(points)
    low = [min(point[axis] for point in points) for axis in range(3)]
    high = [max(point[axis] for point in points) for axis in range(3)]
    document = {
        "asset": {"version": "2.0", "generator": "Sogni sandbox"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name[:80] or "SANDBOX"}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}, "indices": 3, "material": 0}]}
        ],
        "materials": [
            {"doubleSided": True, "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0}}
        ],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 4, "mimeType": "image/jpeg"}],
        "buffers": [{"byteLength": start}],
        "bufferViews": views,
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3", "min": low, "max": high},
            {"bufferView": 1, "componentType": 5126, "count": count, "type": "VEC3"},
            {"bufferView": 2, "componentType": 5126, "count": count, "type": "VEC2"},
            {"bufferView": 3, "componentType": 5123, "count": 3 * len(faces), "type": "SCALAR"},
        ],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(parts)
    binary += bytes(-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
