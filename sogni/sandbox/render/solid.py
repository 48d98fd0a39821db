"""3D objects: a tetrahedron as a GLB file."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from . import Order

_CORNERS = ((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1))
_FACES = ((0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2))


def draw(order: Order, path: Path) -> str:
    """Save a solid and answer its content type."""
    points = b"".join(struct.pack("<3f", *corner) for corner in _CORNERS)
    indices = b"".join(struct.pack("<3H", *face) for face in _FACES)
    binary = points + indices
    document = {
        "asset": {"version": "2.0", "generator": "Sogni sandbox"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": order.prompt[:80] or "SANDBOX"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "buffers": [{"byteLength": len(binary)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(points)},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(indices)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [-1] * 3, "max": [1] * 3},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return "model/gltf-binary"
