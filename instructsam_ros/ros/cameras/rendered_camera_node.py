"""A camera that looks at rendered scenes: ``ros2 run instructsam_ros rendered_camera_node``."""

from __future__ import annotations

if __name__ == "__main__":  # python -m: its defaults are set before what follows loads numpy
    from instructsam_ros import programs

    raise SystemExit(programs.rendered_camera_node())

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields

from instructsam_ros.ros.cameras.camera_node import CameraNode
from instructsam_ros.ros.cameras.frame_player import FramePlayer
from instructsam_ros.ros.cameras.frames import CameraFrame
from instructsam_ros.ros.cameras.scene_renderer import ClipRequest, render_clip
from instructsam_ros.ros.node_main import spin


class RenderedCameraNode(CameraNode):
    """Camera of rendered clips: it swings while an object is pushed there and back.

    The parameters are those of ClipRequest, and ``advance``: whether to go on to the next scene as
    soon as its clip is complete, or to repeat the first.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__("rendered_camera_node")
        given = {item.name: self.setting(item.name, item.default) for item in fields(ClipRequest)}
        request = ClipRequest(**given)
        advance = self.setting("advance", False)
        self._player = FramePlayer(
            self._clips(request, None if advance else 1, stop),
            stop,
            report=lambda error: self.get_logger().error(f"no new clip: {error}"),
        )
        self._player.start()
        self.publish(self._player.next_frame)

    def close(self) -> None:
        """Stop publishing and rendering."""
        super().close()
        self._player.join()

    def _clips(
        self, request: ClipRequest, count: int | None, stop: threading.Event
    ) -> Iterator[Iterator[CameraFrame]]:
        for scene in itertools.islice(request.scenes(), count):
            self.get_logger().info(f"rendering scene {scene}: {request.frames} frames for {self.rate:g} Hz")
            yield render_clip(request, scene, stop)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; 0 after SIGINT or SIGTERM, 2 for parameters that cannot be used or without MuJoCo."""
    return spin(RenderedCameraNode, 2, args)
