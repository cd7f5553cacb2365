"""Messages and sizes that the tests of the conversions share; rosbags judges what is written."""

from __future__ import annotations

from hypothesis.extra.numpy import array_shapes
from rclpy.serialization import serialize_message
from rosbags.typesys import Stores, get_typestore
from std_msgs.msg import Header

STORE = get_typestore(Stores.ROS2_KILTED)
HEADER = Header(frame_id="camera")
SIZES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def as_rosbags(message, kind):
    return STORE.deserialize_cdr(serialize_message(message), kind)
