"""From messages to an answer, with tf as a stand-in."""

import numpy as np
import pytest
from std_msgs.msg import Header

from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import TransformError
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.job_queue import Job
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.processor import Processor
from instructsam_ros.ros.transforms import Pose
from instructsam_ros.segmenter import load
from test.ros.conftest import CAMERA, depth_mm, picture

# Columns are the camera's axes in the frame: it looks along x and stands upright.
LEVEL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


class Tf:
    """Knows where the camera is in ``odom`` and nothing else."""

    def look_up(self, target: str, source: str, stamp_ns: int, timeout: float) -> Pose:
        if (target, source) != ("odom", "camera"):
            raise TransformError(f"no transform from {source!r} to {target!r}")
        return Pose(LEVEL, np.zeros(3))


def processor(warn=lambda _text: None, **settings):
    return Processor(load("fake"), lambda: NodeSettings(**settings), Tf(), Counters(), warn)


def box_of_the_red_square(**settings):
    """The red square is a slab 5 cm in front of a wall; it is answered by a node with these settings."""
    header = Header(frame_id="camera")
    header.stamp.sec = 1
    depth = depth_mm()
    depth[depth == 500] = 950
    messages = FrameMessages(
        image=image_from_array(picture(), "rgb8", header),
        depth=image_from_array(depth, "16UC1", header),
        info=info_from_intrinsics(CAMERA, header),
        received=0.0,
    )
    answer = processor(**settings).run(Job("the red thing", messages, None, lambda: False), lambda: False)
    return answer.result.lifted.instances[0].box


def test_where_up_is_not_known_a_wall_may_be_what_things_stand_on():
    np.testing.assert_allclose(box_of_the_red_square().rotation[:, 2], [0, 0, -1], atol=0.05)


def test_up_is_the_z_axis_of_the_up_frame():
    box = box_of_the_red_square(up_frame="odom")
    np.testing.assert_allclose(box.rotation[:, 2], [0, -1, 0], atol=1e-6)
    assert not box.on_plane


def test_an_up_frame_that_cannot_be_reached_is_an_error():
    with pytest.raises(TransformError, match="'camera' to 'map'"):
        box_of_the_red_square(up_frame="map")


@pytest.mark.parametrize(
    ("image", "depth", "info", "said"),
    [
        ("color", "depth", "color", ["depth is in 'depth' but the image is in 'color'"]),
        ("color", "", "depth", ["depth is in '' and camera_info is in 'depth' but the image is in 'color'"]),
        ("", "color", "color", ["the image has no frame_id"]),
        ("color", "color", "color", []),
    ],
)
def test_frame_ids_that_do_not_fit_are_warned_of_once_and_answered(image, depth, info, said):
    warnings = []
    messages = FrameMessages(
        image=image_from_array(picture(), "rgb8", Header(frame_id=image)),
        depth=image_from_array(depth_mm(), "16UC1", Header(frame_id=depth)),
        info=info_from_intrinsics(CAMERA, Header(frame_id=info)),
        received=0.0,
    )
    running = processor(warnings.append)
    for _ in range(2):
        answer = running.run(Job("the red thing", messages, None, lambda: False), lambda: False)
        assert answer.result.lifted.instances
    assert len(warnings) == len(said)
    assert all(text in warning for text, warning in zip(said, warnings, strict=True))


@pytest.mark.parametrize("wanted", [False, True])
def test_masks_are_refined_where_the_parameter_says_so(monkeypatch, wanted):
    calls = []

    def refine(frame, segmentation, refinement, **_further):
        calls.append(refinement)
        return segmentation

    monkeypatch.setattr("instructsam_ros.pipeline.refine_with_depth", refine)
    box_of_the_red_square(refine_with_depth=wanted)
    assert len(calls) == wanted


def test_a_target_frame_that_cannot_be_reached_fails_before_the_model_runs():
    class Untouched:
        name = "untouched"

    header = Header(frame_id="camera")
    header.stamp.sec = 1
    messages = FrameMessages(image_from_array(picture(), "rgb8", header), None, None, 0.0)
    running = Processor(Untouched(), lambda: NodeSettings(target_frame="map"), Tf(), Counters(), print)
    with pytest.raises(TransformError, match="'camera' to 'map'"):
        running.run(Job("the red thing", messages, None, lambda: False), lambda: False)
