"""Reader of EPIC-KITCHENS VISOR (arXiv 2209.13064), sparse and dense: one JSON per video.

A noun that a frame does not list is never taken to be absent: VISOR labels the objects that are being used,
and others lie around without a label; "exhaustive" is about the nouns that are listed. What certainly does
not exist is an object in a hand that is labelled as touching nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.epic_kitchens.narrations import Narration, actions_at, read_epic_narrations
from instructsam_ros.training.data.epic_kitchens.noun_classes import read_noun_classes, readable_noun
from instructsam_ros.training.data.image_files import check_folder
from instructsam_ros.training.data.json_files import read_text_table
from instructsam_ros.training.data.json_stream import stream_object
from instructsam_ros.training.data.readers.visor.annotations import (
    corrected,
    parse_annotation,
    unknown_contacts,
)
from instructsam_ros.training.data.readers.visor.images import find_image
from instructsam_ros.training.data.readers.visor.instructions import frame_samples
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

HELD = {
    "baked goods and grains", "containers", "cookware", "crockery", "cutlery", "fruits and nuts", "utensils",
    "vegetables",
}  # fmt: skip
"""Categories of nouns that a hand holds when it touches them, as it does not with furniture or water."""
SPLITS = ("train", "val", "test")


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
    check_folder(settings.images)
    side = _SideFiles(
        mapping=read_text_table(settings.frame_mapping) if settings.frame_mapping else {},
        held=_held_classes(settings.noun_classes) if settings.noun_classes else frozenset(),
        fixes=read_text_table(settings.contact_fixes) if settings.contact_fixes else {},
        narrations=read_epic_narrations(settings.narrations) if settings.narrations else {},
    )
    for path in _files(settings):
        frames = (value for key, value in stream_object(path) if key == "video_annotations")
        number = -1
        for number, frame in enumerate(frames):
            yield from _samples(frame, path, f"video_annotations[{number}]", settings, side, broken)
        if number < 0:
            raise InvalidInputError(f"{path} has no frames in video_annotations")


def _files(settings: Settings) -> list[Path]:
    side_files = {settings.frame_mapping, settings.contact_fixes}
    found = [settings.annotations]
    if settings.annotations.is_dir():
        found = [path for path in sorted(settings.annotations.rglob("*.json")) if path not in side_files]
    if not found:
        raise InvalidInputError(f"there is no JSON file in {settings.annotations}")
    return found


def _samples(
    frame: Any, path: Path, record: str, settings: Settings, side: _SideFiles, broken: BrokenRecords
) -> Iterator[Sample]:
    try:
        if not isinstance(frame, dict) or not isinstance(frame.get("annotations"), list):
            raise InvalidInputError("expected an image and a list of annotations")
        image = find_image(frame.get("image"), settings.images, side.mapping)
        size = image.annotated_size(path)
    except InvalidInputError as error:
        broken.add(path, record, error)
        return
    annotations, damaged = [], set()
    for place, entry in enumerate(frame["annotations"]):
        try:
            annotations.append(parse_annotation(entry, *size))
        except InvalidInputError as error:
            broken.add(path, f"{record}.annotations[{place}]", error)
            damaged.add(readable_noun(str(entry.get("name"))) if isinstance(entry, dict) else "")
    fixed = corrected(annotations, side.fixes.get(image.name, {}))
    for each in unknown_contacts(fixed):
        broken.add(path, f"{record}, {each.noun}", f"touches {each.contact}, which the frame does not list")
    template = Sample(
        image=image.file.path.relative_to(settings.images).as_posix(),
        read=image.file.read,
        instruction="",
        phrases=(Phrase("", image.file.no_masks),),
        record=record,
        source="visor",
        split=path.parent.name if path.parent.name in SPLITS else "",
    )
    number, narrations = image.epic_frame(), side.narrations.get(image.video, ())
    samples = frame_samples(
        fixed,
        image.file,
        size,
        template,
        settings.instructions,
        settings.seed,
        held=side.held,
        actions=() if number is None else actions_at(narrations, number),
        damaged=frozenset(damaged),
    )
    for sample in samples:
        if any(each.is_interpolated for each in fixed):
            sample = replace(sample, labels={**sample.labels, "annotation": "interpolated"})
        yield sample


def _held_classes(path: Path) -> frozenset[int]:
    return frozenset(each.id for each in read_noun_classes(path) if each.category in HELD)
