"""What ``ros2 run`` and the installed commands start: processes with defaults of their own.

Nothing here imports numpy or torch before the defaults are set.
"""

from __future__ import annotations

import importlib

from instructsam_ros.process_defaults import set_process_defaults

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell has it."""


def instructsam() -> int:
    """Run the command line."""
    return _run("instructsam_ros.cli")


def segment_node() -> int:
    """Run the segmentation node."""
    return _run("instructsam_ros.ros.segment_node")


def replay_camera_node() -> int:
    """Run the camera that plays recorded frames."""
    return _run("instructsam_ros.ros.cameras.replay_camera_node")


def rendered_camera_node() -> int:
    """Run the camera that renders scenes."""
    return _run("instructsam_ros.ros.cameras.rendered_camera_node")


def _run(module: str) -> int:
    """Import a module and call its main; Ctrl-C ends it without a traceback, also while it is imported."""
    try:
        set_process_defaults()
        return int(importlib.import_module(module).main())
    except KeyboardInterrupt:
        return INTERRUPTED
