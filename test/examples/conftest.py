"""An answer about a block on a table, as the node would publish it."""

from __future__ import annotations

from typing import Any

import pytest
from std_msgs.msg import Header

from instructsam_ros.lifting import lift
from instructsam_ros.pipeline import Pipeline, Result
from instructsam_ros.ros.conversions import image_from_array
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.types import IDENTITY
from test.lifting.conftest import tabletop  # noqa: F401


@pytest.fixture
def block(tabletop: Any) -> Any:  # noqa: F811
    return tabletop(yaw=20.0, tilt=45.0, noise=0.0)


@pytest.fixture
def frame_result(block: Any) -> FrameResult:
    frame, segmentation = block.frame, block.segmentation
    result = Result(frame, "the block", segmentation, lift(frame, segmentation), {})
    header = Header(frame_id="camera")
    messages = FrameMessages(image_from_array(frame.rgb, "rgb8", header), None, None, 0.0)
    return FrameResult(result, IDENTITY, "camera", messages, Pipeline(None), 1.0)
