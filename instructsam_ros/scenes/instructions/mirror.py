"""Instructions and annotations of a mirrored image."""

from __future__ import annotations

import re
from typing import Any

_SWAPPED = {"left": "right", "right": "left", "leftmost": "rightmost", "rightmost": "leftmost"}
_SIDES = re.compile(r"\b(leftmost|rightmost|left|right)\b", re.IGNORECASE)


def flip(text: str) -> str:
    """Swap left and right, keeping capitals; its own inverse."""

    def swap(match: re.Match[str]) -> str:
        word = match[0]
        other = _SWAPPED[word.lower()]
        return other.capitalize() if word[0].isupper() else other

    return _SIDES.sub(swap, text)


def mirror_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """Mirror the annotations horizontally, for the mirrored image.

    The camera frame is mirrored (x to -x). A mirrored world frame would not be right-handed, so
    ``R_world_cam`` and ``pos_world`` stay those of the original scene.
    """
    width = meta["K"]["width"]
    mirrored = []
    for entry in meta["objects"]:
        x, y, z = entry["pos_cam"]
        changed = {"pos_cam": [-x, y, z]}
        if entry["centroid"]:
            u, v = entry["centroid"]
            x0, y0, x1, y1 = entry["bbox"]
            changed |= {"centroid": [width - 1 - u, v], "bbox": [width - x1, y0, width - x0, y1]}
        mirrored.append(entry | changed)
    principal = meta["K"] | {"cx": width - 1 - meta["K"]["cx"]}
    hands = [entry | {"side": flip(entry["side"])} for entry in meta.get("hands", ())]
    return meta | {"K": principal, "objects": mirrored, **({"hands": hands} if "hands" in meta else {})}
