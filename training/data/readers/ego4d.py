"""Reader of Ego4D's hands and objects (arXiv 2110.07058, appendix G): boxes of the objects that are in use.

fho_main.json: {videos: [{video_uid, annotated_intervals: [{narrated_actions: [{structured_verb, is_rejected,
is_valid_action, is_partial, frames: [{frame_type, frame_number, boxes: [{object_type, structured_noun,
bbox}]}]}]}]}]}. State-change files (fho_scod_*.json): {clips: [{video_uid, pre_frame, pnr_frame,
post_frame}]}, each frame {frame_number, bbox: [{object_type, structured_noun, bbox}]}. A box is {x, y, width,
height} in pixels.

``frames`` is null where an action has none, ``structured_noun`` where annotators found no noun; such objects
are not named. Rejected and invalid actions are not read. Only objects in use have boxes, so no noun is
exhaustive and none is absent. All samples are ``boxes_only``.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.hand_instructions import Action, action_instructions
from instructsam_ros.training.data.image_files import ImageFile, check_folder, check_frame_name, frame_file
from instructsam_ros.training.data.json_stream import stream_object
from instructsam_ros.training.data.mask_codec import box_rles, is_number, rle_masks
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples, readable_noun
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.yaml_config import check_range

HANDS = {"left_hand": "left hand", "right_hand": "right hand"}
STATE_CHANGES = ("pre_frame", "pnr_frame", "post_frame")
DONE = ("contact_frame", "pnr_frame")
"""Frames in which the action is being done (PNR: the point of no return)."""


@dataclass(frozen=True)
class Settings:
    """annotations: fho_main.json or a state-change file. images: folder of the extracted frames, at the size
    of the videos, named by ``frame_name`` with {video} and {frame}.

    instructions: about each image, drawn by ``seed``.
    """

    annotations: Path
    images: Path
    frame_name: str = "{video}/{frame:07d}.jpg"
    instructions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "instructions")
        check_range(self, 0, math.inf, "seed")
        check_frame_name(self.frame_name)


@dataclass
class _Frame:
    """Distinct boxes (noun, x, y, width, height) of a frame of all its actions, and what is being done."""

    record: str
    boxes: dict[tuple[str, float, float, float, float], None] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples, video by video of fho_main.json or clip by clip, those of each by frame number.

    Raises InvalidInputError for a missing folder and for a file that is not of this format.
    """
    check_folder(settings.images)
    known = False
    for number, (key, entry) in enumerate(stream_object(settings.annotations)):
        if key not in ("videos", "clips"):
            continue
        known, frames = True, dict[int, _Frame]()
        try:
            video = entry["video_uid"]
            if not isinstance(video, str):
                raise TypeError
            actions = list(_actions(entry) if key == "videos" else [(entry, _state_changes(entry))])
        except (TypeError, KeyError, AttributeError):
            broken.add(settings.annotations, f"{key}, item {number}", "no entry of a video with its actions")
            continue
        for place, (action, found) in enumerate(actions):
            _collect(action, found, f"{video}, action {place}", frames, settings.annotations, broken)
        for frame in sorted(frames):
            try:
                image = frame_file(settings.images, settings.frame_name, video, frame)
                yield from _samples(image, frames[frame], settings, broken)
            except InvalidInputError as error:
                broken.add(settings.annotations, f"{video}, frame {frame}", error)
    if not known:
        raise InvalidInputError(f"{settings.annotations} has neither videos (fho_main.json) nor clips")


def _actions(video: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """The usable actions of a video of fho_main.json with their frames."""
    for interval in video["annotated_intervals"]:
        for action in interval["narrated_actions"] or ():
            if not action.get("is_rejected") and action.get("is_valid_action") is not False:
                yield action, [(frame.get("frame_type"), frame) for frame in action["frames"] or ()]


def _state_changes(clip: Mapping[str, Any]) -> list[Any]:
    return [(kind, clip[kind]) for kind in STATE_CHANGES if clip.get(kind)]


def _collect(
    action: Mapping[str, Any],
    found: Iterable[tuple[Any, Any]],
    record: str,
    frames: dict[int, _Frame],
    file: Path,
    broken: BrokenRecords,
) -> None:
    """Add the boxes of an action to the frames of the video."""
    verb = readable_noun(str(action.get("structured_verb") or "").lower())
    for kind, entry in found:
        try:
            number, boxes = entry["frame_number"], entry.get("boxes", entry.get("bbox"))
            if type(number) is not int or number < 0 or not isinstance(boxes, list | None):
                raise TypeError
        except (TypeError, KeyError, AttributeError):
            broken.add(file, f"{record}, {kind}", "expected a frame_number and a list of boxes")
            continue
        frame = frames.setdefault(number, _Frame(f"{record}, {kind}"))
        for place, each in enumerate(boxes or ()):
            try:
                kind_of_object, noun = each["object_type"], each.get("structured_noun")
                noun = HANDS.get(kind_of_object) or (noun and readable_noun(noun.lower()))
                box = tuple(each["bbox"][side] for side in ("x", "y", "width", "height"))
                if not all(is_number(side) for side in box):
                    raise TypeError
            except (TypeError, KeyError, AttributeError):
                broken.add(file, f"{record}, {kind}, box {place}", "no object_type, noun or box")
                continue
            if noun:
                frame.boxes[(noun, *box)] = None
                if kind_of_object == "object_of_change" and kind in DONE and not action.get("is_partial"):
                    frame.actions.append(Action(verb, noun))


def _samples(image: ImageFile, frame: _Frame, settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    size, entities, damaged = image.stored_size(), [], set()
    for noun, *box in frame.boxes:
        try:
            if not (rles := box_rles([box], *size)):
                raise InvalidInputError(f"the box {box} covers no pixel of {image}")
        except InvalidInputError as error:
            broken.add(settings.annotations, f"{frame.record}, {noun}", error)
            damaged.add(noun)
        else:
            entities.append(Entity(noun, rle_masks(rles, *size, image)))
    template = Sample(
        image=image.path.relative_to(settings.images).as_posix(),
        read=image.read,
        instruction="",
        phrases=(Phrase("", image.no_masks),),
        boxes_only=True,
        record=frame.record,
        source="ego4d",
    )
    rng = np.random.default_rng((settings.seed, zlib.crc32(template.image.encode()), 1))
    more = list(action_instructions(entities, frame.actions, rng))
    labels = NounLabels(tuple(entities), ambiguous=frozenset(damaged))
    yield from noun_samples(labels, template, settings.instructions, settings.seed, more)
