"""The value types that every part of the package exchanges: frozen, numpy only, no torch, no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

MAX_INSTRUCTION_CHARS = 2000


class Status(IntEnum):
    """How an instruction was answered; the values match msg/InstanceArray.msg."""

    OK = 0
    NO_TARGET = 1
    """The instruction was understood and nothing in the image answers it."""
    MAX_INSTANCES = 2
    """Further instances may be missing: all query slots of a phrase hold one, or the answer was cut off."""
    SATURATED = MAX_INSTANCES  # its name in the messages


@dataclass(frozen=True)
class CameraModel:
    """Pinhole intrinsics with distortion, as in sensor_msgs/CameraInfo (K and D).

    fx, fy, cx, cy are in pixels of an image of ``width`` x ``height``; integer pixel coordinates
    lie on pixel centres. ``distortion_model`` is "", "plumb_bob", "rational_polynomial" or
    "equidistant".
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion_model: str = ""
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise InvalidInputError(f"camera size is {self.width}x{self.height}; both must be positive")
        if not all(np.isfinite((self.fx, self.fy, self.cx, self.cy))) or self.fx <= 0 or self.fy <= 0:
            raise InvalidInputError(
                f"camera matrix fx={self.fx} fy={self.fy} cx={self.cx} cy={self.cy} is not usable; "
                "is the camera calibrated?"
            )
        if not all(np.isfinite(self.distortion)):
            raise InvalidInputError(f"distortion coefficients {self.distortion} are not all finite")
        if any(self.distortion) and not self.distortion_model:
            raise InvalidInputError(
                f"distortion coefficients {self.distortion} without a distortion_model; "
                "say which (plumb_bob, rational_polynomial, equidistant, ...)"
            )


# Arrays have no single ==, so objects that hold some are equal to themselves alone (eq=False).
@dataclass(frozen=True, eq=False)
class Frame:
    """One camera frame.

    rgb: uint8 [H, W, 3]. depth: float32 [H, W] in metres along the optical axis (REP 118), NaN
    where there is no reading, or None. intrinsics: of the rgb image, or None.
    stamp_ns: acquisition time. frame_id: optical frame (REP 103: x right, y down, z forward).
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32] | None = None
    intrinsics: CameraModel | None = None
    stamp_ns: int = 0
    frame_id: str = ""

    def __post_init__(self) -> None:
        check_rgb(self.rgb)
        size = self.rgb.shape[:2]
        if self.depth is not None and not (
            isinstance(self.depth, np.ndarray) and np.issubdtype(self.depth.dtype, np.floating)
        ):
            kind = getattr(self.depth, "dtype", type(self.depth).__name__)
            raise InvalidInputError(
                f"depth is {kind}, expected an array of float32 metres; integers are usually "
                "millimetres: see instructsam_ros.lifting.to_metres"
            )
        if self.depth is not None and self.depth.shape != size:
            raise InvalidInputError(
                f"depth is {self.depth.shape[1]}x{self.depth.shape[0]} but the image is "
                f"{size[1]}x{size[0]}; use depth registered (aligned) to the image"
            )
        if self.intrinsics is not None and (self.intrinsics.height, self.intrinsics.width) != size:
            raise InvalidInputError(
                f"camera_info is for {self.intrinsics.width}x{self.intrinsics.height} but the image is "
                f"{size[1]}x{size[0]}"
            )


@dataclass(frozen=True, eq=False)
class Instance:
    """One segmented object.

    mask: bool [H, W] at the size of the input image. box: float32 [4], x0 y0 x1 y1 in pixels,
    half-open (x1, y1 exclusive), tight around the mask. score: 0..1. phrase: what the model
    named it.
    """

    mask: NDArray[np.bool_]
    box: NDArray[np.float32]
    score: float
    phrase: str


@dataclass(frozen=True)
class PhraseAnswer:
    """How one phrase of the answer was answered. text: as in ``Instance.phrase``."""

    text: str
    status: Status


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Answer to one instruction on one image.

    timings: seconds per stage. phrases: the phrases that the model answered one by one, those without
    instances included; a backend that does not tell them leaves them out. See ``phrase_answers``.
    """

    instances: tuple[Instance, ...]
    answer: str
    status: Status
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    phrases: tuple[PhraseAnswer, ...] = ()

    def phrase_answers(self) -> tuple[PhraseAnswer, ...]:
        """Return every phrase once, with NO_TARGET where none of the instances has it (any more)."""
        found = {instance.phrase for instance in self.instances}
        told = [*self.phrases, *(PhraseAnswer(text, Status.OK) for text in sorted(found))]
        merged: dict[str, Status] = {}
        for phrase in told:
            answered = Status.OK if phrase.text in found else Status.NO_TARGET
            saturated = Status.MAX_INSTANCES in (phrase.status, merged.get(phrase.text))
            merged[phrase.text] = Status.MAX_INSTANCES if saturated else answered
        return tuple(PhraseAnswer(text, status) for text, status in merged.items())

    def unanswered(self) -> tuple[str, ...]:
        """Return the phrases that nothing in the image answers."""
        return tuple(p.text for p in self.phrase_answers() if p.status == Status.NO_TARGET)


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid motion: points map to ``rotation @ p + translation``; [3, 3] and [3] metres."""

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def apply(self, points: NDArray[Any]) -> NDArray[Any]:
        """Transform points [N, 3] or [3] to the other frame; their type is kept."""
        if self is IDENTITY:
            return points
        return (points @ self.rotation.T + self.translation).astype(points.dtype)


IDENTITY = Pose(np.eye(3), np.zeros(3))


@dataclass(frozen=True, eq=False)
class View:
    """The pose of the camera in a frame ``fixed_frame``, in which things at rest stand still."""

    fixed_frame: str
    pose: Pose


def check_rgb(rgb: NDArray[np.uint8]) -> None:
    """Raise InvalidInputError unless ``rgb`` is a non-empty uint8 [H, W, 3] array."""
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        found = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise InvalidInputError(f"expected an RGB image as uint8 [H, W, 3], got {found}")
    if rgb.shape[0] == 0 or rgb.shape[1] == 0:
        raise InvalidInputError(f"the image is empty: {rgb.shape}")


def check_instruction(text: str) -> str:
    """Return the instruction stripped of surrounding space; raise InvalidInputError if unusable."""
    if not isinstance(text, str):
        raise InvalidInputError(f"the instruction is a {type(text).__name__}; expected a text")
    stripped = text.strip()
    if not stripped.isascii() and stripped != stripped.encode(errors="ignore").decode():
        raise InvalidInputError("the instruction is not valid Unicode text (UTF-8)")
    if not stripped:
        raise InvalidInputError("the instruction is empty; say what to segment, e.g. 'the red mug'")
    if len(stripped) > MAX_INSTRUCTION_CHARS:
        raise InvalidInputError(
            f"the instruction has {len(stripped)} characters; at most {MAX_INSTRUCTION_CHARS} are read"
        )
    return stripped


def tight_box(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Half-open x0 y0 x1 y1 around the true pixels of a bool [H, W] mask; zeros if there are none."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(ys):
        return np.zeros(4, np.float32)
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)


def mask_iou(first: NDArray[np.bool_], second: NDArray[np.bool_], *, empty: float = 0.0) -> float:
    """Compute the intersection over union of two bool [H, W] masks of one size, 0..1.

    empty: the value for two masks without any pixel.
    """
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else empty
