"""Reader of HOT3D clips (arXiv 2411.19167): one tar archive per clip of 150 frames.

FRAME.objects.json: {object: [{masks_modal: {stream: {height, width, rle}}, masks_amodal: ...}]}, where rle is
a flat list of (start, length) pairs along the rows, starts counted from 1, empty for no pixel. Test clips
have no objects.json. Objects are numbers; ``names`` gives their nouns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.json_files import json_errors, read_json_object
from instructsam_ros.training.data.mask_codec import check_size, encode_masks, rle_masks
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.tar_members import TarMember, tar_archives, tar_members
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class Settings:
    """clips: a folder of clip-*.tar, or one of them. names: a JSON file {object: noun}.

    stream: of the images, "214-1" is Aria's RGB camera. masks: "modal" without, "amodal" with hidden parts.
    every: use each so many-th frame. instructions: about each image, drawn by ``seed``.
    """

    clips: Path
    names: Path
    stream: str = "214-1"
    masks: Literal["modal", "amodal"] = "modal"
    every: int = 15
    instructions: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "every", "instructions")
        check_range(self, 0, math.inf, "seed")


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, clip by clip and frame by frame.

    Raises InvalidInputError where there is no archive, and for a file that is none or is no table of names.
    """
    names = read_json_object(settings.names)
    if not all(isinstance(noun, str) and noun for noun in names.values()):
        raise InvalidInputError(f"{settings.names} must map object numbers to nouns")
    for archive in tar_archives(settings.clips):
        for frame, group in groupby(tar_members(archive, broken), attrgetter("key")):
            members = {member.name.removeprefix(f"{frame}."): member for member in group}
            objects = members.get("objects.json")
            if objects is None or not frame.isdigit() or int(frame) % settings.every:
                continue
            image = members.get(f"image_{settings.stream}.jpg")
            if image is None:
                broken.add(archive, frame, f"there is no image of stream {settings.stream}")
                continue
            damaged: set[str] = set()
            entities = tuple(_entities(objects, image, names, settings, broken, damaged))
            labels = NounLabels(entities, ambiguous=frozenset(damaged))
            template = Sample(
                image=f"{archive.stem}/{image.name}",
                read=image.read,
                instruction="",
                phrases=(Phrase("", image.no_masks),),
                record=f"{archive.name}: {frame}",
                source="hot3d",
            )
            yield from noun_samples(labels, template, settings.instructions, settings.seed)


def _entities(
    objects: TarMember,
    image: TarMember,
    names: Mapping[str, str],
    settings: Settings,
    broken: BrokenRecords,
    damaged: set[str],
) -> Iterator[Entity]:
    """Objects of a frame with a name and at least one pixel. damaged: gets the nouns of the others."""
    try:
        with json_errors("it"):
            content = json.loads(objects.read_bytes())
        instances = [(key, item) for key, items in content.items() for item in items]
    except (InvalidInputError, TypeError, AttributeError) as error:
        broken.add(objects, "the file", f"is no JSON of the objects of a frame: {error}")
        return
    for number, (key, item) in enumerate(instances):
        try:
            if key not in names:
                raise InvalidInputError(f"{settings.names} has no noun for object {key}")
            mask = _mask(item, f"masks_{settings.masks}", settings.stream)
        except InvalidInputError as error:
            broken.add(objects, f"object {key} ({number})", error)
            damaged.add(names.get(key, ""))
            continue
        if mask is not None and mask.any():
            height, width = mask.shape
            yield Entity(names[key], rle_masks(encode_masks(mask[None]), height, width, image))


def _mask(item: Any, kind: str, stream: str) -> NDArray[np.bool_] | None:
    """Decode a mask [H, W]; None for an object outside of the stream's view."""
    try:
        encoded = item[kind].get(stream)
        if encoded is None:
            return None
        height, width, rle = encoded["height"], encoded["width"], encoded["rle"]
    except (TypeError, KeyError, AttributeError):
        raise InvalidInputError(f"there is no {kind} with height, width and rle") from None
    height, width = check_size(height, width)
    if not isinstance(rle, list) or len(rle) % 2 or not all(type(value) is int for value in rle):
        raise InvalidInputError("rle is no list of (start, length) pairs")
    mask = np.zeros(height * width, bool)
    for start, length in zip(rle[::2], rle[1::2], strict=True):
        if start < 1 or length < 0 or start - 1 + length > len(mask):
            raise InvalidInputError(f"the run ({start}, {length}) is outside of {width}x{height} pixels")
        mask[start - 1 : start - 1 + length] = True
    return mask.reshape(height, width)
