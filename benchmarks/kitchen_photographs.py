"""Instructions by noun for photographs of kitchens with polygon annotations, as an Inst2Seg benchmark file.

Reads a list of {image, width, height, instances: [{category, polygon}]}, polygons x1 y1 x2 y2 ... in 0..1.
Keeps images with an object of KITCHEN. The instructions of an image name every such category in it, and as
many of them that are absent.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.plurals import plural

KITCHEN = (
    "apple", "banana", "bottle", "bowl", "cup", "fork", "knife", "orange", "spoon", "wine glass",
)  # fmt: skip
"""The categories asked for, by their names in COCO."""
LOOKALIKES = {"cup": {"wine glass"}, "wine glass": {"cup"}, "apple": {"orange"}, "orange": {"apple"}}
"""Categories that annotations may label by the first name; they do not count as absent."""


def read_photographs(path: Path) -> list[dict[str, Any]]:
    """Read annotations as images of the Inst2Seg benchmark form, always with the same absent categories.

    Raises InvalidInputError for a file of another form.
    """
    rng = random.Random(0)
    try:
        entries = [convert(entry, rng) for entry in json.loads(path.read_text())]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInputError(
            f"{path} is not a list of images with polygon annotations: {error!r}"
        ) from None
    return [entry for entry in entries if entry]


def convert(entry: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
    """Convert the annotations of one image; None if it has no object of KITCHEN."""
    sides = entry["width"], entry["height"]
    found: dict[str, list[list[list[float]]]] = {}
    for instance in entry["instances"]:
        if instance["category"] in KITCHEN:
            polygon = [value * sides[i % 2] for i, value in enumerate(instance["polygon"])]
            found.setdefault(instance["category"], []).append([polygon])
    if not found:
        return None
    unsure = set(found).union(*(LOOKALIKES.get(name, set()) for name in found))
    options = sorted(set(KITCHEN) - unsure)
    absent = rng.sample(options, min(len(found), len(options)))
    items = [item(name, masks) for name, masks in found.items()] + [item(name, None) for name in absent]
    return {"image": entry["image"], "width": sides[0], "height": sides[1], "annotation": items}


def item(category: str, masks: list[list[list[float]]] | None) -> dict[str, Any]:
    """Build the instruction for all objects of one category. masks: polygons of each, None if absent."""
    count = len(masks or ())
    text = f"the {category}" if count < 2 else f"all the {plural(category)}"
    return {"text": text, "level": "concept", "kind": category, "mask": masks}
