"""What the subscriptions let through."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.input import subscriptions
from instructsam_ros.ros.input.subscriptions import CameraInfoInput, CameraInputs
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.qos import LATCHED, OUTPUT
from test.ros.stamped import message


@pytest.mark.parametrize("transports", [("raw", "raw"), ("compressed", "compressedDepth")])
def test_a_message_with_a_negative_stamp_is_refused_and_the_next_ones_make_a_pair(monkeypatch, transports):
    """rclpy refuses such a time, in the midst of message_filters' work."""
    seen, callbacks, refused, images = [], {}, [], []

    def make_synchroniser(_on_pair, _slop):
        return SimpleNamespace(
            add_image=lambda m: seen.append(("image", m)), add_depth=lambda m: seen.append(("depth", m))
        )

    monkeypatch.setattr(subscriptions, "make_synchroniser", make_synchroniser)
    node = SimpleNamespace(
        create_subscription=lambda _kind, topic, callback, *_, **__: callbacks.update(
            {topic.partition("/")[0]: callback}
        ),
    )
    queue = SimpleNamespace(store_image=images.append, store_pair=None)
    settings = NodeSettings(image_transport=transports[0], depth_transport=transports[1])
    CameraInputs(node, {"image": "image", "depth": "depth"}, queue, settings, refused.append)
    bad, good = message(-1.5), message(1)
    for stamped in (bad, good):
        for topic in ("image", "depth"):
            callbacks[topic](stamped)
    assert seen == [("image", good), ("depth", good)]
    assert images == [good]
    assert [type(error) for error in refused] == [InvalidInputError] * 2
    assert "'depth' has a negative stamp" in str(refused[1])


def test_a_latched_camera_info_is_subscribed_to_once_a_driver_latches_it():
    profiles, drivers = [], []
    node = SimpleNamespace(
        create_subscription=lambda _kind, _topic, _store, profile, **_: profiles.append(profile),
        get_publishers_info_by_topic=lambda _topic: drivers,
    )
    camera_info = CameraInfoInput(node, "/camera_info", print)
    for profile, subscriptions_then in ((OUTPUT, 1), (LATCHED, 2), (LATCHED, 2)):
        drivers.append(SimpleNamespace(qos_profile=profile))
        camera_info.look_for_latched()
        assert len(profiles) == subscriptions_then
    assert profiles[1] is LATCHED
