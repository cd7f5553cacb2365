"""Quality of service by purpose (REP 2003)."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

OUTPUT = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
COMMAND = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
# A burst of requests must not push some out: each is answered, be it with ERROR_BUSY.
REQUEST = QoSProfile(history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE)


def camera(reliability: str) -> QoSProfile:
    """Return the profile of the camera's topics.

    reliability: best_effort, which also matches reliable drivers, or reliable.
    """
    chosen = ReliabilityPolicy.RELIABLE if reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=5, history=HistoryPolicy.KEEP_LAST, reliability=chosen)
