"""Quality of service by purpose (REP 2003)."""

from __future__ import annotations

import pytest
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSCompatibility, qos_check_compatible
from rclpy.qos import qos_profile_sensor_data as sensor_data
from rclpy.qos import qos_profile_system_default as system_default

from instructsam_ros.ros.qos import COMMAND, LATCHED, OUTPUT, REQUEST, camera


def compatible(publisher, subscription):
    return qos_check_compatible(publisher, subscription)[0] != QoSCompatibility.ERROR


def test_a_camera_subscription_matches_best_effort_and_reliable_drivers():
    assert compatible(sensor_data, camera("best_effort"))
    assert compatible(OUTPUT, camera("best_effort"))
    assert compatible(OUTPUT, camera("reliable"))
    assert not compatible(sensor_data, camera("reliable"))


@pytest.mark.parametrize(
    "subscription", [sensor_data, COMMAND, system_default], ids=["sensor", "default", "system"]
)
def test_outputs_match_every_usual_subscription(subscription):
    assert compatible(OUTPUT, subscription)


def test_a_late_subscription_gets_the_last_latched_message():
    assert compatible(LATCHED, LATCHED)
    assert not compatible(OUTPUT, LATCHED), "a volatile publisher keeps nothing for it"
    assert (LATCHED.durability, LATCHED.depth) == (DurabilityPolicy.TRANSIENT_LOCAL, 1)


def test_no_request_displaces_another():
    assert REQUEST.history == HistoryPolicy.KEEP_ALL
