"""Writer of the VISOR form (see ../readers/visor.py): one JSON per video with the polygons of its frames.

A phrase becomes the name of an entity; instructions beyond it, and those without a target, are lost. What
hands touch comes from samples of the kind "contact" about one hand, as the reader of VISOR makes them.
Coordinates are in 1920x1080 pixels; masks of images that are no whole fraction of it change at their edges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import AnnotatedImage, EncodedSample, names_all
from instructsam_ros.training.data.mask_codec import Rle, mask_api
from instructsam_ros.training.data.readers.visor.annotations import HANDS
from instructsam_ros.training.data.readers.visor.images import ASPECT, SPARSE

GENERIC = ("object", "hand")
"""Phrases that are no names where the same mask has another."""


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write annotations/VIDEO.json and images/; return the settings of the reader, relative to the folder.

    The video is the first folder of an image's name. Raises InvalidInputError for boxes, and for images of
    another aspect ratio than 16:9.
    """
    videos: dict[str, list[dict[str, Any]]] = {}
    for image in images:
        image.save(folder / "images")
        path = PurePosixPath(image.name)
        video = path.parts[0] if len(path.parts) > 1 else "video"
        about = {"image_path": image.name, "name": path.name, "subsequence": "", "video": video}
        videos.setdefault(video, []).append({"image": about, "annotations": list(_annotations(image))})
    (folder / "annotations").mkdir()
    for video, frames in videos.items():
        content = {"info": {}, "video_annotations": frames}
        (folder / "annotations" / f"{video}.json").write_text(json.dumps(content), encoding="utf-8")
    return {"format": "visor", "annotations": "annotations", "images": "images"}


def _annotations(image: AnnotatedImage) -> Iterator[dict[str, Any]]:
    if abs(image.width * SPARSE[0] / (image.height * SPARSE[1]) - 1) > ASPECT:
        raise InvalidInputError(
            f"{image.name} is {image.width}x{image.height}; the VISOR form holds images of 16:9 alone"
        )
    entities: dict[bytes, tuple[str, Rle]] = {}
    whole = set()
    for each in image.samples:
        if each.sample.boxes_only:
            raise InvalidInputError(f"{image.name}: {each.sample.record}: the VISOR form holds no boxes")
        for phrase, rles in zip(each.sample.phrases, each.phrases, strict=True):
            whole |= {phrase.text} if names_all(each.sample) else set()
            for rle in rles:
                if entities.get(rle["counts"], GENERIC)[0] in GENERIC:
                    entities[rle["counts"]] = phrase.text, rle
    ids = {counts: f"{image.name}#{number}" for number, counts in enumerate(entities)}
    contacts = dict(_contacts(image.samples, ids))
    classes = {name: number for number, name in HANDS.items()}
    for counts, (name, rle) in entities.items():
        yield {
            "id": ids[counts],
            "name": name,
            "class_id": classes.get(name, -1),
            "exhaustive": "y" if name in whole else "inconclusive",
            "segments": _polygons(rle),
            **({"in_contact_object": contacts[name]} if name in contacts else {}),
        }


def _contacts(samples: Iterable[EncodedSample], ids: dict[bytes, str]) -> Iterator[tuple[str, str]]:
    """What each hand touches: the id of an entity, or "hand-not-in-contact"."""
    for each in samples:
        hand = re.search(r"\b(left|right) hand\b", each.sample.instruction)
        if hand and each.sample.labels.get("kind") == "contact":
            rles = each.rles()
            yield hand[0], ids[rles[0]["counts"]] if rles else "hand-not-in-contact"


def _polygons(rle: Rle) -> list[list[list[int]]]:
    """Outlines of a mask, scaled to the form's pixels, that give it back when they are filled (even-odd)."""
    mask: Any = np.ascontiguousarray(mask_api().decode(rle))
    scaled = cv2.resize(mask, SPARSE[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    outlines, _ = cv2.findContours(scaled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # A polygon has at least three corners; repeated ones change nothing.
    return [np.resize(outline[:, 0], (max(len(outline), 3), 2)).tolist() for outline in outlines]
