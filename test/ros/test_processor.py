"""From messages to an answer, with tf as a stand-in."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from std_msgs.msg import Header

from instructsam_ros.errors import CheckpointError
from instructsam_ros.prompt_requests import PromptRequest
from instructsam_ros.ros.conversions import image_from_array, info_from_intrinsics
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import MotionError, PromptError, TransformError
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.job_queue import Job, Request
from instructsam_ros.ros.input.prompts import Click
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.processor import Processor
from instructsam_ros.ros.transforms import Transforms
from instructsam_ros.segmenter import load
from instructsam_ros.types import Pose, View
from test.ros import tf_stand_in
from test.ros.conftest import CAMERA, depth_mm, picture

# Columns are the camera's axes in the frame: it looks along x and stands upright.
LEVEL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


class Tf:
    """Knows where the camera is in ``odom`` and nothing else."""

    def look_up(self, target: str, source: str, stamp_ns: int, timeout: float) -> Pose:
        if (target, source) != ("odom", "camera"):
            raise TransformError(f"no transform from {source!r} to {target!r}")
        return Pose(LEVEL, np.zeros(3))

    def view(self, camera: str, stamp_ns: int, timeout: float, fixed_frame: str = "") -> None:
        return None


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
    stamp = Time(sec=1)
    messages = FrameMessages(
        image=image_from_array(picture(), "rgb8", Header(stamp=stamp, frame_id=image)),
        depth=image_from_array(depth_mm(), "16UC1", Header(stamp=stamp, frame_id=depth)),
        info=info_from_intrinsics(CAMERA, Header(stamp=stamp, frame_id=info)),
        received=0.0,
    )
    running = processor(warnings.append)
    for _ in range(2):
        answer = running.run(Job("the red thing", messages, None, lambda: False), lambda: False)
        assert answer.result.lifted.instances
    assert len(warnings) == len(said) == len(running.warnings)
    assert all(text in warning for text, warning in zip(said, warnings, strict=True))


@pytest.mark.parametrize("wanted", [False, True])
def test_masks_are_refined_where_the_parameter_says_so(monkeypatch, wanted):
    calls = []

    def refine(frame, segmentation, plane, refinement, lift_settings):
        calls.append(refinement)
        return segmentation

    monkeypatch.setattr("instructsam_ros.pipeline.refine_on_plane", refine)
    box_of_the_red_square(refine_with_depth=wanted)
    assert len(calls) == wanted


def test_a_warning_stands_while_its_frames_come_and_is_logged_once_whatever_its_numbers():
    logged = []
    running = processor(logged.append)
    stamp = Time(sec=1)
    for millimetres in (20_000, 30_000, 900):
        messages = FrameMessages(
            image=image_from_array(picture(), "rgb8", Header(stamp=stamp, frame_id="camera")),
            depth=image_from_array(
                np.full((120, 160), millimetres, np.uint16), "16UC1", Header(stamp=stamp, frame_id="camera")
            ),
            info=info_from_intrinsics(CAMERA, Header(stamp=stamp, frame_id="camera")),
            received=0.0,
        )
        running.run(Job("the red thing", messages, None, lambda: False), lambda: False)
        far = millimetres > 10_000
        assert len(running.warnings) == far
        assert running.outside_limits == far
    assert len(logged) == 1
    assert "depth_scale" in logged[0]


class Slow:
    """A model that takes 12 s, during which the robot's tf goes on; tf is that of the stand-in."""

    name = "slow"

    def __init__(self, tf):
        self.tf, self.second, self.runs = tf, 1, 0

    def encode(self, rgb):
        return rgb

    def segment(self, features, instruction, *, previous=None, cancel=None):
        self.runs += 1
        for _ in range(12):
            self.second += 1
            self.tf.set("odom", "camera", self.second, float(self.second))
        return load("fake").segment(load("fake").encode(features), instruction)


def test_poses_are_fetched_when_a_frame_is_taken_whatever_the_model_takes(monkeypatch):
    """Once the model is done a buffer of 10 s has forgotten the time of the image."""
    tf_stand_in.install(monkeypatch)
    buffer = tf_stand_in.Buffer(Duration(seconds=10.0))
    buffer.set("odom", "camera", 1, 1.0)
    model = Slow(buffer)
    settings = NodeSettings(target_frame="odom", max_age=60.0)
    transforms = Transforms(lambda _seconds: (buffer, None), seconds=10.0)
    running = Processor(model, lambda: settings, transforms, Counters(), lambda _text: None)
    for second in (1, 13):
        answer = running.run(Job("the red thing", frame_at(second), None, lambda: False), lambda: False)
        np.testing.assert_allclose(answer.pose.translation, [second, 0, 0])
        assert answer.frame_id == "odom"
    with pytest.raises(TransformError):
        running.run(Job("the red thing", frame_at(99), None, lambda: False), lambda: False)
    assert model.runs == 2, "a frame that cannot be reached costs no run of the model"


def frame_at(second: int, columns: tuple[int, ...] = (30,)) -> FrameMessages:
    """Red squares of 20 pixels, 0.5 m away, from these columns on."""
    header = Header(stamp=Time(sec=second), frame_id="camera")
    rgb = np.full((120, 160, 3), 128, np.uint8)
    for column in columns:
        rgb[40:60, column : column + 20] = (220, 20, 20)
    return FrameMessages(
        image=image_from_array(rgb, "rgb8", header),
        depth=image_from_array(np.full((120, 160), 500, np.uint16), "16UC1", header),
        info=info_from_intrinsics(CAMERA, header),
        received=0.0,
    )


def test_ids_of_things_at_rest_are_kept_while_the_camera_moves(monkeypatch):
    """A pixel is 1/300 m there. The camera jumps by 0.2 m, 60 pixels, so that things change places."""
    tf_stand_in.install(monkeypatch)
    buffer = tf_stand_in.Buffer(Duration(seconds=10.0))
    running = Processor(
        load("fake"),
        NodeSettings,
        Transforms(lambda _seconds: (buffer, None), seconds=10.0),
        Counters(),
        lambda _text: None,
    )
    seen = []
    for second, camera_x, columns in ((1, 0.0, (20, 80)), (2, -0.2, (80, 140)), (3, 0.0, (20, 80))):
        buffer.set("odom", "camera", second, camera_x)
        answer = running.run(
            Job("the red thing", frame_at(second, columns), None, lambda: False), lambda: False
        )
        seen.append({int(i.instance.box[0]): i.id for i in answer.result.lifted.instances})
    first = seen[0]
    assert seen[1] == {80: first[20], 140: first[80]}
    assert seen[2] == first


def test_a_target_frame_that_cannot_be_reached_fails_before_the_model_runs():
    class Untouched:
        name = "untouched"

    header = Header(frame_id="camera")
    header.stamp.sec = 1
    messages = FrameMessages(image_from_array(picture(), "rgb8", header), None, None, 0.0)
    running = Processor(Untouched(), lambda: NodeSettings(target_frame="map"), Tf(), Counters(), print)
    with pytest.raises(TransformError, match="'camera' to 'map'"):
        running.run(Job("the red thing", messages, None, lambda: False), lambda: False)


@pytest.mark.parametrize(("speed", "held"), [(0.05, False), (0.2, True)])
def test_frames_of_a_moving_camera_are_held_back(speed, held):
    class Moving(Tf):
        def view(self, camera, stamp_ns, timeout, fixed_frame=""):
            return View("odom", Pose(LEVEL, np.array([speed * stamp_ns / 1e9, 0.0, 0.0])))

    header = Header(frame_id="camera")
    header.stamp.sec = 10
    messages = FrameMessages(image_from_array(picture(), "rgb8", header), None, None, 0.0)
    job = Job("the red thing", messages, None, lambda: False)
    moving = Processor(
        load("fake"), lambda: NodeSettings(max_motion=0.1), Moving(), Counters(), lambda _text: None
    )
    if held:
        with pytest.raises(MotionError, match=r"0\.20 m/s"):
            moving.run(job, lambda: False)
    else:
        assert moving.run(job, lambda: False).view.fixed_frame == "odom"


def test_named_instructions_share_the_frame_and_keep_their_own_ids():
    header = Header(frame_id="camera")
    messages = FrameMessages(image_from_array(picture(), "rgb8", header), None, None, 0.0)
    runner = processor()
    job = Job(
        "the blue thing", messages, None, lambda: False, (("all", "everything"), ("red", "the red thing"))
    )
    for _ in range(2):
        answer = runner.run(job, lambda: False)
        assert (answer.name, [i.id for i in answer.result.lifted.instances]) == ("", [1])
        assert [(each.name, list(each.result.ids)) for each in answer.named] == [
            ("all", [1, 2]),
            ("red", [1]),
        ]
    only = runner.run(Job("", messages, None, lambda: False, (("red", "the red thing"),)), lambda: False)
    assert (only.name, only.named) == ("red", ())


def test_a_prompt_that_the_model_cannot_answer_is_told_as_one_and_the_ids_of_before_are_kept():
    """Weights without a tracker are found out when the first click comes."""

    class Untracked(type(load("fake"))):
        def segment_prompts(self, features, points, labels, boxes=(), *, cancel=None):
            raise CheckpointError("the weights have no tracker")

    messages = frame_at(1)
    runner = Processor(Untracked(), NodeSettings, Tf(), Counters(), lambda _text: None)
    job = Job("the red thing", messages, None, lambda: False)
    before = runner.run(job, lambda: False).result.ids
    outside, within = PromptRequest(((500, 1),)), PromptRequest(((35, 45),))
    for prompt, said in ((outside, "not in the image"), (within, "no tracker")):
        prompted = Job(prompt.text, messages, None, lambda: False, prompt=prompt)
        with pytest.raises(PromptError, match=said) as caught:
            runner.run(prompted, lambda: False)
        assert caught.value.prompt is prompt
        assert runner.run(job, lambda: False).result.ids == before


def test_a_clicked_object_is_projected_by_tf_at_the_stamp_of_the_image(monkeypatch):
    tf_stand_in.install(monkeypatch)
    buffer = tf_stand_in.Buffer(Duration(seconds=10.0))
    buffer.set("odom", "camera", 1, 0.0)
    buffer.set("odom", "camera", 2, -0.2)
    transforms = Transforms(lambda _seconds: (buffer, None), seconds=10.0)
    runner = Processor(load("fake"), NodeSettings, transforms, Counters(), lambda _text: None)
    # On the second square, when the camera is where it is in the first image; a pixel is 1/300 m.
    click = Click(((90 - 79.5) / 300, (50 - 59.5) / 300, 0.5), "odom")
    seen = []
    for second, columns in ((1, (20, 80)), (2, (80, 140))):
        job = Job(click.text, frame_at(second, columns), None, lambda: False, prompt=click)
        lifted = runner.run(job, lambda: False).result.lifted.instances
        seen.append([(int(each.instance.box[0]), each.id) for each in lifted])
    assert seen == [[(80, 1)], [(140, 1)]]


def textured(second: int, column: int) -> FrameMessages:
    """A red square of 40 pixels, 0.5 m away, on a grey pattern."""
    header = Header(stamp=Time(sec=second), frame_id="camera")
    pattern = np.random.default_rng(0).integers(40, 200, (30, 40, 1), dtype=np.uint8)
    rgb = np.kron(pattern, np.ones((4, 4, 3), np.uint8))
    rgb[40:80, column : column + 40] = (220, 20, 20)
    return FrameMessages(
        image=image_from_array(rgb, "rgb8", header),
        depth=image_from_array(np.full((120, 160), 500, np.uint16), "16UC1", header),
        info=info_from_intrinsics(CAMERA, header),
        received=0.0,
    )


def test_frames_between_inferences_are_followed_with_their_ids_and_say_so():
    runner = processor(follow_frames=2)
    results = []
    for second in range(6):
        job = Job("the red thing", textured(second, 40 + 2 * second), None, lambda: False)
        results.append(runner.run(job, lambda: False).result)
    assert [result.followed for result in results] == [False, True, True, False, True, True]
    assert {result.ids for result in results} == {(1,)}
    assert results[1].segmentation.answer.startswith("[followed] ")
    last = results[-1].lifted.instances[0]
    assert last.instance.mask.nonzero()[1].mean() == pytest.approx(50 + 19.5, abs=3)
    assert len(last.points) > 1000


def test_a_new_instruction_a_request_and_the_default_are_not_followed():
    runner = processor(follow_frames=9)
    for second, text in enumerate(("the red thing", "everything")):
        job = Job(text, textured(second, 40), None, lambda: False)
        assert not runner.run(job, lambda: False).result.followed
    request = Job("everything", textured(2, 40), Request("everything"), lambda: False)
    assert not runner.run(request, lambda: False).result.followed
    plain = processor()
    for second in range(2):
        job = Job("the red thing", textured(second, 40), None, lambda: False)
        assert not plain.run(job, lambda: False).result.followed
