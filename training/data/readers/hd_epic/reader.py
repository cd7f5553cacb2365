"""Reader of HD-EPIC's object masks (arXiv 2502.04144): objects when they are picked up and put down.

assoc_info.json: {video: {association: {name, tracks: [{track_id, time_segment, masks}]}}}; mask_info.json:
{video: {mask: {frame_number, 3d_location, bbox, fixture}}}. Releases before April 2025 write all_frames for
masks, and frame_info.json. Only objects that are being moved have masks, so no noun is exhaustive, none is
absent, and "the plate" is written only where no other plate of the video is moved.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.epic_kitchens.narrations import (
    Narration,
    actions_at,
    read_hd_epic_narrations,
)
from instructsam_ros.training.data.epic_kitchens.noun_classes import read_noun_classes
from instructsam_ros.training.data.hand_instructions import Action, action_instructions
from instructsam_ros.training.data.image_files import check_folder, check_frame_name, frame_file, image_file
from instructsam_ros.training.data.json_files import read_json_object
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.readers.hd_epic.names import unknown_words, words_of
from instructsam_ros.training.data.readers.hd_epic.tracks import (
    MaskedObject,
    MaskInfo,
    Track,
    parse_mask_info,
    parse_tracks,
)
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

TOLERANCE = 0.1
"""Seconds by which a mask's frame may lie outside of the movement that it begins or ends."""


@dataclass(frozen=True)
class Settings:
    """assoc_info, mask_info: the JSON files, or those of an earlier release. masks: folder of MASK.png or
    VIDEO/MASK.png. images: folder of the frames, named by ``frame_name`` with {video} and {frame}, the frame
    number from 0.

    videos: names, () for all. noun_classes: HD_EPIC_noun_classes.csv; names with a word that it does not know
    are broken records. narrations: HD_EPIC_Narrations as CSV, for what is being done. frames_per_second: of
    the videos. check_boxes: read all masks ahead and label samples with whether mask and box agree.
    instructions: about each image, drawn by ``seed``.
    """

    assoc_info: Path
    mask_info: Path
    masks: Path
    images: Path
    frame_name: str = "{video}/{frame:06d}.jpg"
    videos: tuple[str, ...] = ()
    noun_classes: Path | None = None
    narrations: Path | None = None
    frames_per_second: float = 30.0
    check_boxes: bool = False
    instructions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "instructions")
        check_range(self, 0, math.inf, "seed")
        check_range(self, 1, 1000, "frames_per_second")
        check_frame_name(self.frame_name)


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, video by video, those of a video by frame number.

    Raises InvalidInputError for missing files and folders and for files that are not of this format.
    """
    for folder in (settings.images, settings.masks):
        check_folder(folder)
    if not settings.mask_info.is_file():
        raise InvalidInputError(
            f"there is no {settings.mask_info}, which describes the masks that assoc_info.json lists"
        )
    associations, infos = read_json_object(settings.assoc_info), read_json_object(settings.mask_info)
    narrations = read_hd_epic_narrations(settings.narrations) if settings.narrations else {}
    known: frozenset[str] = frozenset()
    if settings.noun_classes:
        classes = read_noun_classes(settings.noun_classes)
        known = frozenset(word for each in classes for noun in each.instances for word in words_of(noun))
    for video in settings.videos or associations:
        tracks = _tracks(video, associations.get(video), known, settings.assoc_info, broken)
        if not tracks:
            continue
        frames = _frames(video, tracks, infos.get(video), settings, broken)
        for number in sorted(frames):
            yield from _samples(video, number, frames[number], tracks, narrations.get(video, ()), settings)


def _tracks(
    video: str, associations: Any, known: frozenset[str], path: Path, broken: BrokenRecords
) -> list[Track]:
    if not isinstance(associations, dict):
        broken.add(path, video, "the movements of the video are not listed")
        return []
    found: list[Track] = []
    for key, entry in associations.items():
        try:
            tracks = list(parse_tracks(key, entry))
        except InvalidInputError as error:
            broken.add(path, f"{video}.{key}", error)
            continue
        noun = tracks[0].noun if tracks else None
        if known and noun and (words := unknown_words(noun, known)):
            broken.add(path, f"{video}.{key}", f"{entry['name']!r}: no known noun contains {words[0]!r}")
            tracks = [replace(track, noun=None) for track in tracks]
        found += tracks
    return found


def _frames(
    video: str, tracks: list[Track], infos: Any, settings: Settings, broken: BrokenRecords
) -> dict[int, list[MaskedObject]]:
    """Objects with a name by frame number."""
    frames: dict[int, list[MaskedObject]] = {}
    if not isinstance(infos, dict):
        broken.add(settings.mask_info, video, "the masks of the video are not described")
        return {}
    for track in tracks:
        for key in track.masks if track.noun else ():
            try:
                found = _object(video, key, track, parse_mask_info(infos.get(key)), settings)
                if settings.check_boxes:
                    found.masks()
            except InvalidInputError as error:
                broken.add(settings.mask_info, f"{video}.{key}", error)
            else:
                frames.setdefault(found.info.frame, []).append(found)
    return frames


def _object(video: str, key: str, track: Track, info: MaskInfo, settings: Settings) -> MaskedObject:
    names = (f"{key}.png", f"{video}/{key}.png")
    name = next((name for name in names if (settings.masks / name).is_file()), names[0])
    image = frame_file(settings.images, settings.frame_name, video, info.frame)
    return MaskedObject(track.association, track.noun or "", image, image_file(settings.masks, name), info)


def _samples(
    video: str,
    number: int,
    objects: list[MaskedObject],
    tracks: list[Track],
    narrations: tuple[Narration, ...],
    settings: Settings,
) -> Iterator[Sample]:
    image, time = objects[0].image, number / settings.frames_per_second
    entities = tuple(Entity(each.noun, each.masks) for each in objects)
    moved = {
        each.association: each.noun
        for each in tracks
        if each.start - TOLERANCE <= time <= each.stop + TOLERANCE
    }
    actions = list(actions_at(narrations, time))
    if len(moved) == 1:  # with two, neither is "what is being moved"
        actions += [Action("move", noun) for noun in moved.values() if noun]
    shown = {each.association for each in objects}
    labels = NounLabels(
        entities,
        ambiguous=frozenset(each.noun for each in tracks if each.noun and each.association not in shown),
    )
    template = Sample(
        image=image.path.relative_to(settings.images).as_posix(),
        read=image.read,
        instruction="",
        phrases=(Phrase("", image.no_masks),),
        record=f"{video}, frame {number}",
        source="hd_epic",
    )
    rng = np.random.default_rng((settings.seed, zlib.crc32(template.image.encode()), 1))
    more = list(action_instructions(entities, actions, rng))
    fixtures = {each.info.fixture for each in objects} - {""}
    about = {"fixture": fixtures.pop()} if len(fixtures) == 1 else {}
    if settings.check_boxes:
        about["box"] = "agrees" if all(each.agrees() for each in objects) else "disagrees"
    for sample in noun_samples(labels, template, settings.instructions, settings.seed, more):
        yield replace(sample, labels={**sample.labels, **about})
