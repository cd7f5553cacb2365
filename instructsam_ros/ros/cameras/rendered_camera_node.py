"""A camera that looks at rendered scenes: ``ros2 run instructsam_ros rendered_camera_node``."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields

from instructsam_ros.ros.cameras.camera_node import CameraNode
from instructsam_ros.ros.cameras.frame_player import Projector
from instructsam_ros.ros.cameras.frames import CameraFrame
from instructsam_ros.ros.cameras.scene_renderer import FilmOrder, render_film
from instructsam_ros.ros.node_main import spin


class RenderedCameraNode(CameraNode):
    """Plays films of seeded scenes: the camera swings while an object is pushed there and back.

    The parameters are those of FilmOrder, and ``advance``: whether to go on to the next scene as
    soon as its film is complete, or to repeat the first.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__("rendered_camera_node")
        given = {
            item.name: self.declare_parameter(item.name, item.default).value for item in fields(FilmOrder)
        }
        order = FilmOrder(**given)
        advance = self.declare_parameter("advance", False).value
        self._projector = Projector(
            self._films(order, None if advance else 1, stop),
            stop,
            report=lambda error: self.get_logger().error(f"no new film: {error}"),
        )
        self._projector.start()
        self.play(self._projector.next_frame)

    def close(self) -> None:
        """Stop publishing and rendering."""
        super().close()
        self._projector.join()

    def _films(
        self, order: FilmOrder, count: int | None, stop: threading.Event
    ) -> Iterator[Iterator[CameraFrame]]:
        for scene in itertools.islice(order.scenes(), count):
            self.get_logger().info(f"rendering scene {scene}: {order.frames} frames for {self.rate:g} Hz")
            yield render_film(order, scene, stop)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; 0 after SIGINT or SIGTERM, 2 for parameters that cannot be used or without MuJoCo."""
    return spin(RenderedCameraNode, 2, args)


if __name__ == "__main__":
    sys.exit(main())
