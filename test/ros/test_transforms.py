"""Look-ups that tf cannot answer fail; poses are never guessed."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rclpy.duration import Duration

from instructsam_ros.ros.errors import TransformError
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.transforms import Transforms
from test.ros import tf_stand_in

SECOND = 1_000_000_000


@pytest.fixture
def tf(monkeypatch):
    """Transforms on a stand-in buffer of 10 s; ``tf.buffers`` are those made so far."""
    tf_stand_in.install(monkeypatch)
    buffers = []

    def listen(seconds):
        buffers.append(tf_stand_in.Buffer(Duration(seconds=seconds)))
        return buffers[-1], None

    transforms = Transforms(listen, seconds=10.0)
    transforms.buffers = buffers
    return transforms


def test_an_image_without_a_stamp_has_no_pose(tf):
    """To tf2 a stamp of zero means the latest transform that it has."""
    with pytest.raises(TransformError, match="no stamp"):
        tf.look_up("map", "camera", 0, 0.1)
    assert tf.view("camera", 0, 0.1) is None


def test_without_tf_the_reason_is_reported():
    transforms = Transforms(None, "tf2_ros is not installed")
    transforms.keep(100.0)
    with pytest.raises(TransformError, match="tf2_ros is not installed"):
        transforms.look_up("map", "camera", 1, 0.1)
    assert transforms.view("camera", 1, 0.1) is None


def test_a_node_listens_for_as_long_as_its_settings_need(monkeypatch):
    tf_stand_in.install(monkeypatch)
    settings = NodeSettings(max_age=300.0, request_timeout=20.0)
    transforms = Transforms.on_node(object(), object(), settings.transform_memory)
    assert transforms._buffer.seconds >= 300.0
    assert NodeSettings(max_age=5.0, request_timeout=120.0).transform_memory >= 120.0
    assert NodeSettings(max_age=0.1, request_timeout=0.1).transform_memory >= 10.0


def test_the_buffer_grows_when_it_has_to_and_is_kept_else(tf):
    tf.keep(5.0)
    tf.keep(10.0)
    tf.keep(90.0)
    tf.keep(20.0)
    assert [buffer.seconds for buffer in tf.buffers] == [10.0, 90.0]


@pytest.mark.parametrize(
    ("chain", "named", "fixed", "x"),
    [
        ([("map", "odom"), ("odom", "base"), ("base", "camera")], "", "odom", 2.0),
        ([("map", "r1/odom"), ("r1/odom", "r1/base"), ("r1/base", "camera")], "", "r1/odom", 2.0),
        ([("map", "odom"), ("odom", "base"), ("base", "camera")], "map", "map", 3.0),
        ([("base", "arm"), ("arm", "hand"), ("hand", "camera")], "", "base", 3.0),
        ([("world", "camera")], "", "world", 1.0),
    ],
)
def test_the_fixed_frame_is_odom_or_the_root(tf, chain, named, fixed, x):
    for parent, child in chain:
        tf.buffers[0].set(parent, child, 7, 1.0)
    view = tf.view("camera", 7 * SECOND, 0.2, named)
    assert view.fixed_frame == fixed
    np.testing.assert_allclose(view.pose.translation, [x, 0, 0])


def test_no_view_where_tf_does_not_know_the_camera(tf):
    assert tf.view("camera", 7 * SECOND, 0.2) is None
    assert tf.view("", 7 * SECOND, 0.2) is None
    tf.buffers[0].set("odom", "base", 7, 1.0)
    assert tf.view("camera", 7 * SECOND, 0.2) is None
    assert tf.view("camera", 7 * SECOND, 0.2, "odom") is None


@pytest.mark.parametrize(
    ("newest", "waits"), [(7, 0.0), (6, 0.2), (3, 0.0), (8, 0.0)], ids=["there", "late", "ceased", "past"]
)
def test_a_transform_is_waited_for_only_while_such_come_in(tf, newest, waits):
    tf.buffers[0].set("odom", "camera", newest, 1.0)
    view = tf.view("camera", 7 * SECOND, 0.2)
    assert (view is not None) == (newest == 7)
    assert tf.buffers[0].waited == [waits]


def test_the_package_depends_on_what_has_tf2_ros_for_python():
    """The package tf2_ros is the one for C++."""
    package = ElementTree.parse(Path(__file__).parents[2] / "package.xml")
    needed = {item.text for item in package.iter("exec_depend")}
    assert "tf2_ros_py" in needed
    assert "tf2_ros" not in needed
