"""Where Fast DDS, the default middleware of ROS 2, finds its profile."""

from __future__ import annotations

import os

NEW, OLD = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"


def profile_variables() -> tuple[str, ...]:
    """The environment variables that this ROS distribution reads, the one to set first.

    Up to Jazzy that is the old name alone; from Kilted on the old one still works, with a warning.
    """
    return (OLD,) if os.environ.get("ROS_DISTRO", "") in ("humble", "iron", "jazzy") else (NEW, OLD)
