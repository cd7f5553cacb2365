"""Run a node until a signal, and end cleanly."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from instructsam_ros.errors import InstructSamError
from instructsam_ros.paths import share
from instructsam_ros.ros.logs import NodeHandler
from instructsam_ros.ros.memory import share_freed_memory
from instructsam_ros.ros.parameters import warn_of_unknown_parameters

SPIN_SECONDS = 0.2
GRACE_SECONDS = 0.05
LOG_EVERY = 5.0
# Where Fast DDS, the default middleware of ROS 2, finds its profile.
PROFILE_VARIABLE, OLD_PROFILE_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"


def spin(make_node: Callable[[threading.Event], Any], threads: int, args: Sequence[str] | None = None) -> int:
    """Make a node and serve it until SIGINT or SIGTERM; return the exit code.

    make_node gets an event that is set when the node is to stop, and returns a node with a method
    ``close``. Arguments and parameters that cannot be used are named, with exit code 2; parameters that
    the node does not have are warned of. What the package logs goes to the node's logger. A callback that
    raises is logged, and the node goes on. rclpy's own signal handlers are not used: with them a SIGTERM
    can hang or trace back.
    """
    share_freed_memory()
    use_shipped_profile()
    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.executors import MultiThreadedExecutor
    from rclpy.impl.implementation_singleton import rclpy_implementation as rcl
    from rclpy.signals import SignalHandlerOptions

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node(stop)
    except (InstructSamError, ParameterException, rcl.RCLError, rcl.UnknownROSArgsError) as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    warn_of_unknown_parameters(node)
    handler = NodeHandler(node.get_logger())
    package = logging.getLogger("instructsam_ros")
    package.addHandler(handler)
    executor = MultiThreadedExecutor(threads)
    executor.add_node(node)
    try:
        while not stop.is_set():
            try:
                executor.spin_once(timeout_sec=SPIN_SECONDS)
            except Exception:
                if not rclpy.ok():
                    raise
                # A fault of ours in a callback; one message must not end the node.
                node.get_logger().error(
                    f"a callback failed:\n{traceback.format_exc()}", throttle_duration_sec=LOG_EVERY
                )
    finally:
        stop.set()
        node.close()
        # rclpy destroys what a callback needs to begin, so let those begin that were just handed out.
        time.sleep(GRACE_SECONDS)
        executor.shutdown()
        package.removeHandler(handler)
        node.destroy_node()
        rclpy.shutdown()
    if any(thread.daemon for thread in threading.enumerate()):
        # A model that cannot be interrupted. Python would abort when its thread comes back from torch.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def profile_variables() -> tuple[str, ...]:
    """Return the environment variables that this ROS distribution reads, the one to set first.

    Up to Jazzy that is the old name alone; from Kilted on the old one still works, with a warning.
    """
    distribution = os.environ.get("ROS_DISTRO")
    # The wheels of PyPI set no ROS_DISTRO; up to Jazzy Fast DDS is called fastrtps there.
    old_wheels = not distribution and importlib.util.find_spec("fastrtps") is not None
    if old_wheels or distribution in ("humble", "iron", "jazzy"):
        return (OLD_PROFILE_VARIABLE,)
    return (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE)


def use_shipped_profile() -> None:
    """Let whole images through Fast DDS's shared memory, unless the user has set a profile already."""
    names = profile_variables()
    if not any(name in os.environ for name in names):
        os.environ[names[0]] = str(share("config", "fastdds.xml"))
