"""Clicks in RViz and prompts in pixels: what a user points at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from instructsam_ros.errors import ConfigError, InstructSamError, InvalidInputError
from instructsam_ros.lifting import visible_pixel
from instructsam_ros.prompt_requests import PromptRequest
from instructsam_ros.ros.errors import NotActiveError, PromptError, TransformError
from instructsam_ros.ros.input.persistent_inputs import PersistentInputs
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.qos import COMMAND
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.types import IDENTITY, Frame, Pose
from instructsam_ros.yaml_config import build, parse_mapping


@dataclass(frozen=True)
class Click:
    """A point on an object. position: x y z, metres in the tf frame ``frame_id``."""

    position: tuple[float, float, float]
    frame_id: str

    @property
    def text(self) -> str:
        """Name the point."""
        return f"object at {','.join(f'{value:.3f}' for value in self.position)} in {self.frame_id}"


UserPrompt = Click | PromptRequest


class PromptInputs:
    """Subscriptions to ``clicked_point`` and ``~/prompts``, until the node is destroyed.

    refuse: called with the error of every message that cannot be used.
    """

    def __init__(
        self,
        node: Node,
        inputs: PersistentInputs,
        settings: Callable[[], NodeSettings],
        refuse: Callable[[Exception], None],
    ) -> None:
        self._inputs = inputs
        self._settings = settings
        self._refuse = refuse
        group = MutuallyExclusiveCallbackGroup()
        node.create_subscription(PointStamped, "clicked_point", self._on_click, COMMAND, callback_group=group)
        node.create_subscription(String, "~/prompts", self._on_prompts, COMMAND, callback_group=group)

    def _on_click(self, message: PointStamped) -> None:
        if self._settings().clicks:
            self._set(lambda: read_click(message))

    def _on_prompts(self, message: String) -> None:
        self._set(lambda: read_prompts_text(message.data))

    def _set(self, read: Callable[[], UserPrompt | None]) -> None:
        try:
            prompt = read()
            if not self._inputs.set_prompt(prompt):
                raise NotActiveError("the node is not active, so nothing can be pointed at")
        except InstructSamError as error:
            self._refuse(error)


def read_click(message: PointStamped) -> Click:
    """Read a click. Raises PromptError for one without a frame or with values that are no finite numbers."""
    position = (float(message.point.x), float(message.point.y), float(message.point.z))
    if not np.isfinite(position).all():
        raise PromptError(f"the clicked point {position} is no place")
    if not message.header.frame_id:
        raise PromptError("the clicked point has no frame_id, so nobody can tell where it is")
    return Click(position, message.header.frame_id)


def read_prompts_text(text: str) -> PromptRequest | None:
    """Read YAML such as ``{points: [[320, 240], [400, 250]], labels: [1, 0], boxes: [[100, 80, 260, 300]]}``,
    in pixels, with at most one box; None for an empty text. Raises PromptError.
    """
    try:
        mapping = parse_mapping(text, "prompts")
        request = build(PromptRequest, mapping, "prompts")
    except ConfigError as error:
        raise PromptError(f"{error}; write e.g. {{points: [[320, 240]], labels: [1]}}") from None
    if len(request.boxes) > 1:
        raise PromptError(f"prompts select one object and take at most one box, got {len(request.boxes)}")
    return request if mapping else None


def place(
    prompt: UserPrompt, frame: Frame, segmenter: Segmenter, look_up: Callable[[str], Pose]
) -> PromptRequest:
    """Express a prompt in pixels of an image, and check that it can be answered there.

    look_up: returns the pose of a tf frame in the camera's frame at the image's stamp. Raises PromptError.
    """
    try:
        request = _in_pixels(prompt, frame, look_up) if isinstance(prompt, Click) else prompt
        request.check(segmenter, (frame.rgb.shape[0], frame.rgb.shape[1]))
    except (InvalidInputError, TransformError) as error:
        raise PromptError(str(error), prompt) from None
    return request


def _in_pixels(click: Click, frame: Frame, look_up: Callable[[str], Pose]) -> PromptRequest:
    if frame.intrinsics is None:
        raise InvalidInputError(
            "a clicked point needs camera_info, and none has come that can be used (use_depth has to be on)"
        )
    pose = IDENTITY if click.frame_id == frame.frame_id else look_up(click.frame_id)
    point = pose.apply(np.array(click.position))
    if point[2] <= 0:
        raise InvalidInputError(f"the clicked point is behind the camera: {_metres(point)} in its frame")
    pixel = visible_pixel(point, frame.intrinsics)
    if pixel is None:
        raise InvalidInputError(
            f"the clicked point is outside of the image: {_metres(point)} in the camera's frame"
        )
    return PromptRequest(((float(pixel[0]), float(pixel[1])),), (1,))


def _metres(point: Any) -> str:
    return f"{', '.join(f'{value:.3f}' for value in point)} m"
