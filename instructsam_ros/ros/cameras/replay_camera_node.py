"""A camera that plays recorded RGB-D frames: ``ros2 run instructsam_ros replay_camera_node``."""

from __future__ import annotations

if __name__ == "__main__":  # python -m: its defaults are set before what follows loads numpy
    from instructsam_ros import programs

    raise SystemExit(programs.replay_camera_node())

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from instructsam_ros.paths import DATA
from instructsam_ros.ros.cameras.camera_node import CameraNode
from instructsam_ros.ros.cameras.frames import CameraFrame, read_folder, read_frame
from instructsam_ros.ros.node_main import spin


class ReplayCameraNode(CameraNode):
    """Camera of the frames of ``folder``, or of the one of ``image``, ``depth`` and ``info``."""

    def __init__(self, _stop: threading.Event) -> None:
        super().__init__("replay_camera_node")
        folder = self.setting("folder", str(DATA / "scenes"))
        files = {name: self.setting(name, "") for name in ("image", "depth", "info")}
        loop = self.setting("loop", True)
        if files["image"]:
            paths = {name: Path(file) if file else None for name, file in files.items()}
            frames = [read_frame(Path(files["image"]), paths["depth"], paths["info"])]
        else:
            frames = read_folder(Path(folder))
        source: Iterator[CameraFrame] = itertools.cycle(frames) if loop else iter(frames)
        self.publish(lambda: next(source, None))
        self.get_logger().info(f"{len(frames)} frames at {self.rate:g} Hz")


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; 0 after SIGINT or SIGTERM, 2 for parameters that cannot be used."""
    return spin(ReplayCameraNode, 2, args)
