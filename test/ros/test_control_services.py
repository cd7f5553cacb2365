"""Services that steer the stream, over DDS with a node in its own process."""

from __future__ import annotations

import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String
from std_srvs.srv import SetBool

from instructsam_ros.msg import InstanceArray
from instructsam_ros.ros.conversions import points_from_cloud
from instructsam_ros.srv import NamedInstruction, SaveSample, SetModel
from test.ros.conftest import call, picture, started

QUIET = 1.0
"""Seconds in which a running stream would surely answer."""


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls")
    with started(folder, "controls", model="fake", depth_wait=0.2, sample_folder=str(folder / "samples")) as (
        _,
        client,
    ):
        yield client, folder


@pytest.fixture
def client(robot):
    """The red thing is answered."""
    client, _ = robot
    begin(client, "the red thing")
    return client


def begin(client, instruction):
    client.heard["instances"].clear()
    return client.wait(
        lambda: next((a for a in client.heard["instances"] if a.instruction == instruction), None),
        lambda: (client.instruction.publish(String(data=instruction)), client.send()),
    )


def is_quiet(client):
    client.heard["instances"].clear()
    until = time.monotonic() + QUIET
    while time.monotonic() < until:
        client.send()
        time.sleep(0.1)
    return not client.heard["instances"]


def test_each_phrase_is_answered_and_geometry_comes_with_it(client):
    answer = begin(client, "the red thing and the green one")
    assert answer.status == InstanceArray.STATUS_OK
    assert {(p.text, p.status) for p in answer.phrases} == {
        ("red", InstanceArray.STATUS_OK),
        ("green", InstanceArray.STATUS_NO_TARGET),
    }
    (red,) = answer.instances
    assert red.grasp.widths[0] > 0.05
    assert red.grasp.size_stddev.x > 0


def test_a_disabled_stream_is_quiet_and_goes_on_when_enabled(client):
    assert call(client, SetBool, "set_enabled", data=False).success
    assert is_quiet(client)
    assert client.ask("the blue thing").result.instances
    assert call(client, SetBool, "set_enabled", data=True).success
    client.wait(lambda: client.heard["instances"], client.send)


def test_an_empty_instruction_clears(client):
    def cleared():
        client.instruction.publish(String(data=" "))
        return client.heard["active_instruction"][-1].data == ""

    client.wait(cleared)
    assert is_quiet(client)


def test_named_instructions_have_their_own_answers_and_ids(client):
    named = client.listen(InstanceArray, "named_instances")
    reply = call(client, NamedInstruction, "instructions", name="other", instruction="everything")
    assert (reply.success, reply.names, reply.instructions) == (True, ["other"], ["everything"])
    answer = client.wait(lambda: named and named[-1], client.send)
    assert (answer.name, answer.instruction) == ("other", "everything")
    assert sorted(i.id for i in answer.instances) == [1, 2]
    client.heard["instances"].clear()
    main = client.wait(lambda: client.heard["instances"], client.send)[-1]
    assert (main.name, main.instruction, [i.id for i in main.instances]) == ("", "the red thing", [1])
    assert not call(client, NamedInstruction, "instructions", name="a/b", instruction="x").success
    assert not call(client, NamedInstruction, "instructions", name="", instruction="x").success
    assert not call(client, NamedInstruction, "instructions", name="long", instruction="x" * 9999).success
    assert call(client, NamedInstruction, "instructions", name="other").names == []


def test_the_chosen_target_has_mask_points_and_pose(client):
    mask, points, pose = (
        client.listen(kind, f"target/{topic}")
        for kind, topic in ((Image, "mask"), (PointCloud2, "points"), (PoseStamped, "pose"))
    )
    begin(client, "everything")
    nearest = Parameter("target", value="nearest").to_parameter_msg()
    assert call(client, SetParameters, "set_parameters", parameters=[nearest]).results[0].successful

    def red():
        newest = np.frombuffer(mask[-1].data, np.uint8).reshape(120, 160) if mask else np.zeros((120, 160))
        return np.array_equal(newest > 0, picture()[..., 0] == 220)

    client.wait(red, client.send)
    client.wait(lambda: points and points_from_cloud(points[-1])[0][:, 2].max() < 0.6, client.send)
    client.wait(lambda: pose and pose[-1].pose.position.z < 0.6, client.send)


def test_a_sample_is_written_and_failures_are_told(client, robot):
    _, folder = robot
    reply = call(client, SaveSample, "save_sample", name="first")
    assert (reply.success, reply.folder) == (True, str(folder / "samples" / "first"))
    assert (folder / "samples" / "first" / "annotations.json").exists()
    again = call(client, SaveSample, "save_sample", name="first")
    assert not again.success
    assert "already" in again.message
    assert not call(client, SaveSample, "save_sample", name="../first").success


def test_another_model_is_loaded_and_a_bad_one_leaves_the_old(client):
    reply = call(client, SetModel, "set_model", model_options="{slow: 0.01}")
    assert reply.success, reply.message
    begin(client, "the blue thing")
    bad = call(client, SetModel, "set_model", model_options="{wings: 2}")
    assert not bad.success
    assert "wings" in bad.message
    begin(client, "the red thing")
    code = call(client, SetModel, "set_model", backend="os:system")
    assert not code.success
    assert "allow_backend_import" in code.message
    assert not call(client, SetModel, "set_model").success
    begin(client, "the blue thing")
