"""Reader of EPIC-KITCHENS VISOR (arXiv 2209.13064), sparse and dense: one JSON per video.

A noun that a frame does not list is never taken to be absent: VISOR labels the objects that are being used,
and others lie around without a label; "exhaustive" is about the nouns that are listed. What certainly does
not exist is an object in a hand that is labelled as touching nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import ImageFile, image_file
from instructsam_ros.training.data.narrations import Narration, actions_at, read_epic_narrations
from instructsam_ros.training.data.noun_classes import read_noun_classes, readable_noun
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.visor_annotations import (
    corrected,
    parse_annotation,
    unknown_contacts,
)
from instructsam_ros.training.data.visor_instructions import frame_samples
from instructsam_ros.yaml_config import check_range

SPARSE, DENSE = (1080, 1920), (480, 854)
"""Height and width that coordinates are in; the names of dense files contain "interpolation"."""
HELD = {
    "baked goods and grains", "containers", "cookware", "crockery", "cutlery", "fruits and nuts", "utensils",
    "vegetables",
}  # fmt: skip
"""Categories of nouns that a hand holds when it touches them, as it does not with furniture or water."""
SPLITS = ("train", "val", "test")
ASPECT = 0.01
"""Largest relative difference of the aspect ratios of an image and its annotations."""


@dataclass(frozen=True)
class Settings:
    """annotations: a JSON file, or a folder with one per video. images: the folder of their images.

    frame_mapping: frame_mapping.json; with it ``images`` may hold EPIC-KITCHENS frames. noun_classes:
    EPIC_100_noun_classes_v2.csv, for instructions about what hands hold. contact_fixes: correct.json of
    VISOR-HOS. narrations: EPIC_100_train.csv, for instructions about what is being done; needs
    ``frame_mapping``. instructions: about each image, drawn by ``seed``.
    """

    annotations: Path
    images: Path
    frame_mapping: Path | None = None
    noun_classes: Path | None = None
    contact_fixes: Path | None = None
    narrations: Path | None = None
    instructions: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "instructions")
        check_range(self, 0, math.inf, "seed")
        if self.narrations and not self.frame_mapping:
            raise ValueError("narrations need frame_mapping, which holds the frame numbers of EPIC-KITCHENS")


@dataclass(frozen=True)
class _SideFiles:
    mapping: Mapping[str, Mapping[str, str]]
    held: frozenset[int]
    fixes: Mapping[str, Mapping[str, str]]
    narrations: Mapping[str, tuple[Narration, ...]]


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples in the order of the files.

    Raises InvalidInputError for a missing folder and for a file that is not of this format.
    """
    if not settings.images.is_dir():
        raise InvalidInputError(f"there is no image folder {settings.images}")
    side = _SideFiles(
        mapping=_json_object(settings.frame_mapping) if settings.frame_mapping else {},
        held=_held_classes(settings.noun_classes) if settings.noun_classes else frozenset(),
        fixes=_json_object(settings.contact_fixes) if settings.contact_fixes else {},
        narrations=read_epic_narrations(settings.narrations) if settings.narrations else {},
    )
    for path in _files(settings):
        frames = _json_object(path).get("video_annotations")
        if not isinstance(frames, list):
            raise InvalidInputError(f"{path} has no list video_annotations")
        for number, frame in enumerate(frames):
            record = f"video_annotations[{number}]"
            try:
                image = _image(frame, settings.images, side.mapping)
                size = _size(image, path)
            except InvalidInputError as error:
                broken.add(path, record, error)
                continue
            yield from _samples(frame, image, size, path, record, settings, side, broken)


def _samples(
    frame: Mapping[str, Any],
    image: ImageFile,
    size: tuple[int, int],
    path: Path,
    record: str,
    settings: Settings,
    side: _SideFiles,
    broken: BrokenRecords,
) -> Iterator[Sample]:
    annotations, damaged = [], set()
    for place, entry in enumerate(frame["annotations"]):
        try:
            annotations.append(parse_annotation(entry, *size))
        except InvalidInputError as error:
            broken.add(path, f"{record}.annotations[{place}]", error)
            damaged.add(readable_noun(str(entry.get("name"))) if isinstance(entry, dict) else "")
    name, video = frame["image"]["name"], frame["image"]["video"]
    fixed = corrected(annotations, side.fixes.get(_as_jpg(name), {}))
    for each in unknown_contacts(fixed):
        broken.add(path, f"{record}, {each.noun}", f"touches {each.contact}, which the frame does not list")
    template = Sample(
        image=image.path.relative_to(settings.images).as_posix(),
        read=image.read,
        instruction="",
        phrases=(Phrase("", partial(_no_masks, image)),),
        record=record,
        source="visor",
        split=path.parent.name if path.parent.name in SPLITS else "",
    )
    frame_number = re.search(r"(\d+)\.\w+$", side.mapping.get(video, {}).get(_as_jpg(name), ""))
    narrations = side.narrations.get(video, ()) if frame_number else ()
    samples = frame_samples(
        fixed, image, size, template, settings.instructions, settings.seed,
        held=side.held,
        actions=actions_at(narrations, int(frame_number[1]) if frame_number else 0),
        damaged=frozenset(damaged),
    )  # fmt: skip
    for sample in samples:
        if any(each.is_interpolated for each in fixed):
            sample = replace(sample, labels={**sample.labels, "annotation": "interpolated"})
        yield sample


def _image(frame: Any, images: Path, mapping: Mapping[str, Mapping[str, str]]) -> ImageFile:
    """Find the image: where image_path names it, in the folder of its video, or by its EPIC-KITCHENS name."""
    try:
        about, annotations = frame["image"], frame["annotations"]
        path, name, video = about["image_path"], about["name"], about["video"]
    except (TypeError, KeyError):
        raise InvalidInputError("expected image with image_path, name and video, and annotations") from None
    if not all(isinstance(text, str) for text in (path, name, video)) or not isinstance(annotations, list):
        raise InvalidInputError("image_path, name and video must be texts and annotations a list")
    names = [path, f"{video}/{name}", f"{video}/{about.get('subsequence')}/{name}"]
    names += [_as_jpg(candidate) for candidate in names]
    if epic := mapping.get(video, {}).get(_as_jpg(name)):
        names += [f"{video}/{epic}", f"{video[:3]}/rgb_frames/{video}/{epic}"]
    for candidate in names:
        if (images / candidate).is_file():
            return image_file(images, candidate)
    return image_file(images, path)  # which names what is missing


def _size(image: ImageFile, path: Path) -> tuple[int, int]:
    """Height and width that coordinates are in. Raises InvalidInputError for another aspect ratio."""
    size = DENSE if "interpolation" in path.name else SPARSE
    height, width = image.stored_size()
    if abs(width * size[0] / (height * size[1]) - 1) > ASPECT:
        raise InvalidInputError(f"{image.path} is {width}x{height}, its masks are {size[1]}x{size[0]}")
    return size


def _as_jpg(name: str) -> str:
    """The name of an image in frame_mapping.json; dense files write some with .png."""
    return str(PurePosixPath(name).with_suffix(".jpg")) if name.endswith(".png") else name


def _held_classes(path: Path) -> frozenset[int]:
    return frozenset(each.id for each in read_noun_classes(path) if each.category in HELD)


def _no_masks(image: ImageFile) -> NDArray[np.bool_]:
    return np.zeros((0, *image.size()), bool)


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path} is no JSON object")
    return content


def _files(settings: Settings) -> list[Path]:
    side_files = {settings.frame_mapping, settings.contact_fixes}
    found = [settings.annotations]
    if settings.annotations.is_dir():
        found = [path for path in sorted(settings.annotations.rglob("*.json")) if path not in side_files]
    if not found:
        raise InvalidInputError(f"there is no JSON file in {settings.annotations}")
    return found
