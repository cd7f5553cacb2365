"""A camera that plays recorded RGB-D frames: ``ros2 run instructsam_ros replay_camera_node``."""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from instructsam_ros.camera_file import read_camera
from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.paths import DATA
from instructsam_ros.ros.conversions import image_from_array, info_from_camera
from instructsam_ros.ros.spin import spin
from instructsam_ros.types import CameraModel

FRAME_ID = "camera_color_optical_frame"


@dataclass(frozen=True)
class RecordedFrame:
    """rgb: uint8 [H, W, 3]. depth: uint16 [H, W] millimetres or float32 metres, or None."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.uint16] | NDArray[np.float32] | None
    camera: CameraModel | None


def read_frame(image: Path, depth: Path | None, info: Path | None) -> RecordedFrame:
    """Read one frame from files. Raises InvalidInputError that names the unreadable one."""
    depth_image = None if depth is None else _read(depth, cv2.IMREAD_UNCHANGED)
    if depth_image is not None and (
        depth_image.ndim != 2 or depth_image.dtype not in (np.uint16, np.float32)
    ):
        raise InvalidInputError(f"{depth} is {depth_image.dtype} {depth_image.shape}, not 16 bit depth")
    rgb = cv2.cvtColor(_read(image, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return RecordedFrame(rgb, depth_image, None if info is None else read_camera(info))


def read_folder(folder: Path) -> list[RecordedFrame]:
    """NAME.jpg, NAME_depth.png (uint16 mm), NAME.json with key K, in order. Raises ConfigError for none."""
    frames = []
    for image in sorted(folder.glob("*.jpg")):
        depth = image.with_name(f"{image.stem}_depth.png")
        intrinsics = json.loads(image.with_suffix(".json").read_text())["K"]
        frame = read_frame(image, depth if depth.exists() else None, None)
        frames.append(RecordedFrame(frame.rgb, frame.depth, CameraModel(**intrinsics)))
    if not frames:
        raise ConfigError(f"no frames (NAME.jpg with NAME.json) in {folder}")
    return frames


def _read(path: Path, flags: int) -> NDArray[Any]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise InvalidInputError(f"cannot read the picture {path}")
    return np.asarray(picture)


class ReplayCameraNode(Node):  # type: ignore[misc]
    """Publishes image, depth and camera_info at ``rate``, stamped now."""

    def __init__(self, _stop: threading.Event) -> None:
        super().__init__("replay_camera_node")
        rate = self.declare_parameter("rate", 5.0).value
        folder = self.declare_parameter("folder", str(DATA / "scenes")).value
        files = {name: self.declare_parameter(name, "").value for name in ("image", "depth", "info")}
        loop = self.declare_parameter("loop", True).value
        self._frame_id = self.declare_parameter("frame_id", FRAME_ID).value
        if not rate > 0:
            raise ConfigError(f"rate is {rate}; it must be positive")
        if files["image"]:
            paths = {name: Path(file) if file else None for name, file in files.items()}
            frames = [read_frame(Path(files["image"]), paths["depth"], paths["info"])]
        else:
            frames = read_folder(Path(folder))
        self._frames: Iterator[RecordedFrame] = itertools.cycle(frames) if loop else iter(frames)
        self._image = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._depth = self.create_publisher(Image, "depth", qos_profile_sensor_data)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        self._timer = self.create_timer(1.0 / rate, self._publish)
        self.get_logger().info(f"{len(frames)} frames at {rate:g} Hz")

    def close(self) -> None:
        """Stop publishing."""
        self._timer.cancel()

    def _publish(self) -> None:
        frame = next(self._frames, None)
        if frame is None:
            self._timer.cancel()
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        if frame.camera is not None:
            self._info.publish(info_from_camera(frame.camera, header))
        if frame.depth is not None:
            encoding = "16UC1" if frame.depth.dtype == np.uint16 else "32FC1"
            self._depth.publish(image_from_array(frame.depth, encoding, header))
        self._image.publish(image_from_array(frame.rgb, "rgb8", header))


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; 0 after SIGINT or SIGTERM, 2 for parameters that cannot be used."""
    return spin(ReplayCameraNode, 2, args)


if __name__ == "__main__":
    sys.exit(main())
