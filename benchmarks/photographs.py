"""Conversion of photographs with polygon annotations to a benchmark file for ``instructsam eval``.

    python -m benchmarks.photographs PHOTOGRAPHS/instances.json runs/photographs.json
    instructsam eval --model compact --annotations runs/photographs.json \\
      --images PHOTOGRAPHS --out runs/photographs

Reads a list of {image, width, height, instances: [{category, polygon}]}, polygons x1 y1 x2 y2 ... in 0..1.
Keeps images with an object of a category of the scene catalogue. The instructions of an image are "the
<plural>" for every such category in it, and for equally many categories that are absent.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from benchmarks.command import run
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.assets.catalogue import CATALOGUE

LOOKALIKES = {"cup": {"mug", "glass"}, "bottle": {"jar"}, "bowl": {"pot"}, "wine glass": {"glass"}}
"""Categories that annotations may label by the first name; they do not count as absent."""


def convert(entry: dict[str, Any], labelled: set[str], rng: random.Random) -> dict[str, Any] | None:
    """Convert the annotations of one image; None if it has no object of a category of the catalogue.

    labelled: the categories that the data set annotates; others may be present without an annotation.
    """
    width, height = entry["width"], entry["height"]
    found: dict[str, list[list[list[float]]]] = {}
    for instance in entry["instances"]:
        if instance["category"] in CATALOGUE:
            sides = (width, height)
            polygon = [value * sides[i % 2] for i, value in enumerate(instance["polygon"])]
            found.setdefault(instance["category"], []).append([polygon])
    if not found:
        return None
    unsure = set(found).union(*(LOOKALIKES.get(name, set()) for name in found))
    options = sorted(labelled.intersection(CATALOGUE) - unsure)
    absent = rng.sample(options, min(len(found), len(options)))
    items = [item(name, masks) for name, masks in found.items()] + [item(name, None) for name in absent]
    return {"image": entry["image"], "width": width, "height": height, "annotation": items}


def item(category: str, masks: list[list[list[float]]] | None) -> dict[str, Any]:
    """Build the instruction for all objects of one category. masks: polygons of each, None if absent."""
    count = len(masks or ())
    labels = {"kind": category, "cardinality": "none" if not count else "one" if count == 1 else "all"}
    return {"text": f"the {CATALOGUE[category].plural}", "level": "concept", "mask": masks, **labels}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("instances", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    rng = random.Random(0)
    try:
        images = json.loads(args.instances.read_text())
        labelled = {instance["category"] for entry in images for instance in entry["instances"]}
        entries = [convert(entry, labelled, rng) for entry in images]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInputError(
            f"{args.instances} is not a list of images with polygon annotations: {error!r}"
        ) from None
    kept = [entry for entry in entries if entry]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(kept, indent=1))
    count = sum(len(entry["annotation"]) for entry in kept)
    print(f"{args.out}: {len(kept)} images, {count} instructions")


if __name__ == "__main__":
    run(main)
