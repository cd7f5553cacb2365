"""Reader of HD-EPIC's object masks (arXiv 2502.04144): objects when they are picked up and put down.

assoc_info.json: {video: {association: {name, tracks: [{track_id, time_segment, masks}]}}}; mask_info.json:
{video: {mask: {frame_number, 3d_location, bbox, fixture}}}. Releases before April 2025 write all_frames for
masks, and frame_info.json. Only objects that are being moved have masks, so no noun is exhaustive, none is
absent, and "the plate" is written only where no other plate of the video is moved.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.hand_instructions import Action, action_instructions
from instructsam_ros.training.data.hd_epic_names import object_noun, unknown_words, words_of
from instructsam_ros.training.data.image_files import ImageFile, image_file
from instructsam_ros.training.data.narrations import Narration, actions_at, read_hd_epic_narrations
from instructsam_ros.training.data.noun_classes import read_noun_classes
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

TOLERANCE = 0.1
"""Seconds by which a mask's frame may lie outside of the movement that it begins or ends."""
AGREEMENT = 0.5
"""Least IoU of a mask's box and the annotated box that agree; they come from different annotators."""
HIGHEST = 10_000_000
"""No video has as many frames."""


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
        try:
            is_unique = len({self.frame_name.format(video="v", frame=frame) for frame in (1, 2)}) == 2
        except (LookupError, ValueError):
            is_unique = False
        if not is_unique:
            raise ValueError(f"frame_name must contain {{video}} and {{frame}}, got {self.frame_name!r}")


@dataclass(frozen=True)
class _Object:
    """An object in one frame. box: left, top, right, bottom in pixels."""

    association: str
    noun: str
    image: ImageFile
    mask: ImageFile
    box: tuple[float, ...]
    fixture: str

    def masks(self) -> NDArray[np.bool_]:
        """Read its mask, bool [1, H, W], upright as the image."""
        return self.image.upright(self.mask.read().any(-1)[None])

    def agrees(self) -> bool:
        """Whether the mask fills the annotated box. Raises InvalidInputError for a damaged mask."""
        rows, columns = (np.flatnonzero(self.masks()[0].any(axis)) for axis in (1, 0))
        if not rows.size:
            return False
        own = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        sides = (min(own[i + 2], self.box[i + 2]) - max(own[i], self.box[i]) for i in (0, 1))
        shared = math.prod(max(side, 0) for side in sides)
        areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (own, self.box))
        return bool(shared >= AGREEMENT * (areas - shared))


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, video by video, those of a video by frame number.

    Raises InvalidInputError for missing files and folders and for files that are not of this format.
    """
    for folder in (settings.images, settings.masks):
        if not folder.is_dir():
            raise InvalidInputError(f"there is no folder {folder}")
    associations, infos = _json_object(settings.assoc_info), _json_object(settings.mask_info)
    narrations = read_hd_epic_narrations(settings.narrations) if settings.narrations else {}
    known: frozenset[str] = frozenset()
    if settings.noun_classes:
        classes = read_noun_classes(settings.noun_classes)
        known = frozenset(word for each in classes for noun in each.instances for word in words_of(noun))
    for video in settings.videos or associations:
        tracks = _tracks(video, associations.get(video), known, settings.assoc_info, broken)
        frames = _frames(video, tracks, infos.get(video), settings, broken)
        for number in sorted(frames):
            yield from _samples(video, number, frames[number], tracks, narrations.get(video, ()), settings)


@dataclass(frozen=True)
class _Track:
    """A movement of an object. noun: None for an object without a name."""

    association: str
    noun: str | None
    start: float
    stop: float
    masks: tuple[str, ...]


def _tracks(
    video: str, associations: Any, known: frozenset[str], path: Path, broken: BrokenRecords
) -> list[_Track]:
    found = []
    for key, entry in associations.items() if isinstance(associations, dict) else [("", None)]:
        try:
            noun = object_noun(entry["name"])
            words = unknown_words(noun, known) if noun and known else []
            if words:
                noun = None
            for track in entry["tracks"]:
                start, stop = (float(time) for time in track["time_segment"])
                masks = track["masks"] if "masks" in track else track["all_frames"]
                found.append(_Track(key, noun, start, stop, tuple(map(str, masks))))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            broken.add(path, f"{video}.{key}", f"no association of a name and tracks: {error!r}")
            continue
        if words:
            broken.add(path, f"{video}.{key}", f"{entry['name']!r}: {words[0]!r} is in no known noun")
    return found


def _frames(
    video: str, tracks: list[_Track], infos: Any, settings: Settings, broken: BrokenRecords
) -> dict[int, list[_Object]]:
    """Objects by frame number. Those without a name are none."""
    frames: dict[int, list[_Object]] = {}
    if not isinstance(infos, dict):
        broken.add(settings.mask_info, video, "the masks of the video are not described")
        return {}
    for track in tracks:
        for key in track.masks if track.noun else ():
            try:
                number, found = _object(video, key, track, infos.get(key), settings)
                frames.setdefault(number, []).append(found)
            except InvalidInputError as error:
                broken.add(settings.mask_info, f"{video}.{key}", error)
    return frames


def _object(video: str, key: str, track: _Track, info: Any, settings: Settings) -> tuple[int, _Object]:
    try:
        number, fixture = info["frame_number"], info.get("fixture")
        left, top, right, bottom = (float(side) for side in info["bbox"])
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"no mask with frame_number and bbox: {error!r}") from None
    if type(number) is not int or not 0 <= number < HIGHEST:
        raise InvalidInputError(f"frame_number {number!r} is not an integer in 0..{HIGHEST - 1}")
    names = (f"{key}.png", f"{video}/{key}.png")
    name = next((name for name in names if (settings.masks / name).is_file()), names[0])
    image = image_file(settings.images, settings.frame_name.format(video=video, frame=number))
    return number, _Object(
        association=track.association,
        noun=track.noun or "",
        image=image,
        mask=image_file(settings.masks, name),
        box=(left, top, right, bottom),
        fixture=_kind(fixture),
    )


def _samples(
    video: str,
    number: int,
    objects: list[_Object],
    tracks: list[_Track],
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
        phrases=(Phrase("", partial(_no_masks, image)),),
        record=f"{video}, frame {number}",
        source="hd_epic",
    )
    rng = np.random.default_rng((settings.seed, zlib.crc32(template.image.encode()), 1))
    more = list(action_instructions(entities, actions, rng))
    about = {"fixture": objects[0].fixture} if len(objects) == 1 and objects[0].fixture else {}
    if settings.check_boxes:
        about["box"] = "agrees" if all(each.agrees() for each in objects) else "disagrees"
    for sample in noun_samples(labels, template, settings.instructions, settings.seed, more):
        yield replace(sample, labels={**sample.labels, **about})


def _kind(fixture: Any) -> str:
    """The kind of a fixture, "counter" of "P01_counter.001"; "" for none, which the files write as "Null"."""
    if not isinstance(fixture, str) or fixture.lower() == "null":
        return ""
    return re.sub(r"^P\d+_|\.\d+$", "", fixture)


def _no_masks(image: ImageFile) -> NDArray[np.bool_]:
    return np.zeros((0, *image.size()), bool)


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}: {error.strerror}; HD-EPIC needs assoc_info.json and mask_info.json"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path} is no JSON object")
    return content
