"""Decoding of the messages of one frame, and what is odd about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import pixel_rays, share_outside
from instructsam_ros.ros.conversions import (
    depth_from_compressed,
    depth_from_image,
    intrinsics_from_info,
    principal_point_warning,
    rgb_from_compressed,
    rgb_from_image,
)
from instructsam_ros.ros.input.frame_buffer import FrameMessages, frame_id_warning, other_frames
from instructsam_ros.ros.input.synchronizer import stamp_ns
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.types import Frame

MOST = 0.5
"""Share of depth readings outside the limits from which the unit of depth is doubted."""
UNUSABLE = "masks without points, for"
"""Beginning of the warnings of depth and camera_info that cannot be used."""
_COLORS = re.compile(
    r"\b(red|orange|yellow|green|cyan|turquoise|blue|purple|violet|magenta|pink|brown|golden)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DecodedFrame:
    """frame: without depth or intrinsics where these cannot be used. warnings: what to correct, in sentences.

    outside_limits: share of the depth readings outside min_depth and max_depth, None without depth.
    """

    frame: Frame
    warnings: tuple[str, ...] = ()
    outside_limits: float | None = None


def decode_frame(messages: FrameMessages, settings: NodeSettings, *, strict: bool = False) -> DecodedFrame:
    """Decode one frame; without depth or camera_info it is 2D.

    Depth or camera_info that cannot be used is left out with a warning or, if ``strict``, refused. Raises
    InvalidInputError for that, for an unusable image, and for other frame ids with ``require_same_frame``.
    """
    if settings.require_same_frame and (others := other_frames(messages)):
        raise InvalidInputError(f"{' and '.join(others)}, which require_same_frame does not allow")
    image = messages.image
    read = rgb_from_compressed if hasattr(image, "format") else rgb_from_image
    frame = Frame(read(image), stamp_ns=stamp_ns(image), frame_id=image.header.frame_id)
    warnings: list[str] = []
    outside = None
    try:
        if messages.depth is not None:
            depth = _depth(messages.depth, settings)
            frame = replace(frame, depth=depth)
            outside = share_outside(depth, settings.min_depth, settings.max_depth)
            warnings.append(_limits_warning(depth, outside, settings))
    except InvalidInputError as error:
        if strict:
            raise
        warnings.append(f"{UNUSABLE} depth cannot be used: {error}")
    try:
        if messages.info is not None:
            intrinsics = intrinsics_from_info(messages.info, rectified=settings.rectified)
            frame = replace(frame, intrinsics=intrinsics)
            pixel_rays(intrinsics)  # fails for a lens that is not known
            warnings.append(principal_point_warning(messages.info, rectified=settings.rectified))
    except InvalidInputError as error:
        if strict:
            raise
        frame = replace(frame, intrinsics=None)
        warnings.append(f"{UNUSABLE} camera_info cannot be used: {error}")
    warnings.append(frame_id_warning(messages))
    if frame.stamp_ns == 0:
        warnings.append(
            "the image's stamp is 0, so neither depth nor tf can be matched: set it in the driver"
        )
    return DecodedFrame(frame, tuple(filter(None, warnings)), outside)


def grey_warning(rgb: NDArray[np.uint8], instruction: str) -> str:
    """Return a warning if an instruction names a colour and the image [H, W, 3] has none; else nothing."""
    named = _COLORS.search(instruction)
    if named is None:
        return ""
    sample = rgb[::4, ::4]
    if (sample != sample[..., :1]).any():
        return ""
    return f"the image is grey, so nothing in it is {named[0].lower()}: use the camera's colour topic"


def _depth(message: Any, settings: NodeSettings) -> NDArray[np.float32]:
    read = depth_from_compressed if hasattr(message, "format") else depth_from_image
    return read(message, settings.depth_scale)


def _limits_warning(depth: NDArray[np.float32], outside: float, settings: NodeSettings) -> str:
    if outside <= MOST:
        return ""
    return (
        f"{outside:.0%} of the depth readings lie outside min_depth {settings.min_depth:g} m to max_depth "
        f"{settings.max_depth:g} m (median {np.nanmedian(depth[::4, ::4]):.3g} m): is depth in another unit "
        "than depth_scale says?"
    )
