"""Clicks and prompts over DDS, with a node in its own process."""

from importlib.util import find_spec

import pytest
from geometry_msgs.msg import Point, PointStamped
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Header, String

from instructsam_ros.msg import InstanceArray
from test.ros.conftest import FRAME_ID, call, started

ON_RED = ((45.0 - 79.5) / 300, (55.0 - 59.5) / 300, 0.5)
"""In the camera's frame, metres."""
RED, BLUE = (30, 40), (100, 50)
"""Left and top of the boxes."""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with started(tmp_path_factory.mktemp("clicks"), "clicks", model="fake", depth_wait=0.2) as (_, client):
        client.click = client.node.create_publisher(PointStamped, "clicked_point", 5)
        client.prompts = client.node.create_publisher(String, "clicks/prompts", 5)
        client.wait(lambda: client.click.get_subscription_count() and client.prompts.get_subscription_count())
        yield client


@pytest.fixture
def everything(client):
    """The instruction "everything" is answered, with two instances."""
    client.instruction.publish(String(data="everything"))
    answer_to(client, "everything")
    return client


def answer_to(client, instruction):
    """The first answer to this instruction from now on."""
    client.heard["instances"].clear()
    found = client.wait(
        lambda: next((a for a in client.heard["instances"] if a.instruction == instruction), None),
        client.send,
    )
    return [((i.box.x_offset, i.box.y_offset), i.id) for i in found.instances]


def point(position=ON_RED, frame_id=FRAME_ID):
    return PointStamped(
        header=Header(frame_id=frame_id), point=Point(**dict(zip("xyz", position, strict=True)))
    )


def test_a_click_needs_camera_info(tmp_path):
    """The first test, as two nodes would both hear the click and report in /diagnostics."""
    with started(tmp_path, "blind", model="fake", use_depth=False) as (_, client):
        click = client.node.create_publisher(PointStamped, "clicked_point", 5)
        client.wait(click.get_subscription_count)
        click.publish(point())
        client.wait(lambda: "camera_info" in client.diagnostics()["node"].message, client.send)
        client.wait(lambda: client.count("invalid_prompt") == 1)


def test_a_click_selects_an_object_whose_id_stays_until_the_next_instruction(everything):
    everything.click.publish(point())
    text = f"object at {','.join(f'{value:.3f}' for value in ON_RED)} in {FRAME_ID}"
    assert answer_to(everything, text) == [(RED, 1)]
    assert everything.heard["active_instruction"][-1].data == text
    everything.heard["instances"].clear()
    everything.wait(lambda: len(everything.heard["instances"]) > 4, everything.send)
    assert {(a.instruction, *(i.id for i in a.instances)) for a in everything.heard["instances"]} == {
        (text, 1)
    }
    everything.instruction.publish(String(data="the blue thing"))
    assert answer_to(everything, "the blue thing") == [(BLUE, 1)]


def test_prompts_in_pixels_select_until_they_are_emptied(everything):
    everything.prompts.publish(String(data="{points: [[110, 60], [40, 50]], labels: [1, 0]}"))
    assert answer_to(everything, "object at 110,60 not at 40,50") == [(BLUE, 1)]
    everything.prompts.publish(String(data="{boxes: [[28, 38, 62, 72]]}"))
    assert answer_to(everything, "object in 28,38,62,72") == [(RED, 1)]
    everything.prompts.publish(String(data=""))
    assert len(answer_to(everything, "everything")) == 2


@pytest.mark.parametrize(
    ("topic", "message", "said"),
    [
        ("click", point((0.0, 0.0, -1.0)), "behind the camera"),
        ("click", point((9.0, 0.0, 1.0)), "outside of the image"),
        ("click", point(frame_id="moon"), "moon" if find_spec("tf2_ros") else "a transform needs tf2_ros"),
        ("click", point(frame_id=""), "no frame_id"),
        ("prompts", String(data="{points: [[500, 1]]}"), "not in the image"),
        ("prompts", String(data="points"), "must be a mapping"),
    ],
)
def test_what_cannot_be_used_is_counted_and_the_instruction_goes_on(everything, topic, message, said):
    before = everything.count("invalid_prompt")
    getattr(everything, topic).publish(message)
    everything.wait(lambda: said in everything.diagnostics()["node"].message, everything.send)
    everything.wait(lambda: everything.count("invalid_prompt") == before + 1, everything.send)
    assert len(answer_to(everything, "everything")) == 2


def test_clicks_can_be_switched_off(everything):
    def set_clicks(value):
        parameter = Parameter("clicks", value=value).to_parameter_msg()
        assert call(everything, SetParameters, "set_parameters", parameters=[parameter]).results[0].successful

    set_clicks(False)
    try:
        everything.click.publish(point())
        everything.heard["instances"].clear()
        everything.wait(lambda: len(everything.heard["instances"]) > 3, everything.send)
        assert {a.instruction for a in everything.heard["instances"]} == {"everything"}
        assert everything.heard["instances"][-1].status == InstanceArray.STATUS_OK
    finally:
        set_clicks(True)
