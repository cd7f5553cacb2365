"""Clouds with segmentation for a grasp network that runs as a server (AnyGrasp, GraspNet), and its grasps
back.

``python examples/grasp_server.py --ros-args -p url:=http://localhost:8000/grasps`` asks for every answer of
``segment_node`` and publishes ``grasps`` (geometry_msgs/PoseArray), best first. The request is an .npz file
with what both networks take: ``points`` float32 [N, 3] metres in the camera's frame, ``colors`` float32 [N,
3] 0..1 and ``segmentation`` int32 [N], the id of each point's instance, 0 for the scene. The reply is an
.npz with ``grasps`` float [M, 17], rows of graspnetAPI's GraspGroup: score, width, height, depth, rotation
(9), translation (3), object id.
"""

from __future__ import annotations

import io
import sys
import urllib.request
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

TIMEOUT = 10.0
"""Seconds that the server may take."""
COLUMNS = 17


def request_of(scene: Any, instances: Any) -> bytes:
    """Return the request for the clouds of ``scene_points`` and ``points`` of one answer."""
    from instructsam_ros.ros.conversions import points_from_cloud

    (around, around_colors, _), (points, colors, ids) = map(points_from_cloud, (scene, instances))
    file = io.BytesIO()
    np.savez(
        file,
        points=np.concatenate([points, around]),
        colors=np.concatenate([colors, around_colors]).astype(np.float32) / 255,
        segmentation=np.concatenate([ids, np.zeros(len(around))]).astype(np.int32),
    )
    return file.getvalue()


def ask(url: str, request: bytes) -> NDArray[np.float64]:
    """Return the grasps [M, 17] of the server, best first. Raises OSError and ValueError for a reply that is
    none.
    """
    reply = urllib.request.urlopen(urllib.request.Request(url, request), timeout=TIMEOUT).read()
    grasps = np.load(io.BytesIO(reply), allow_pickle=False)["grasps"].astype(float)
    if grasps.ndim != 2 or grasps.shape[1] != COLUMNS:
        raise ValueError(f"grasps are {grasps.shape}, not [M, {COLUMNS}]")
    return np.asarray(grasps[np.argsort(-grasps[:, 0], kind="stable")])


def poses_of(grasps: NDArray[np.float64], header: Any, instance_ids: set[int]) -> Any:
    """Return the grasps of the given instances as PoseArray: x is GraspNet's approach, y the closing
    direction.
    """
    from geometry_msgs.msg import Point, Pose, PoseArray, Quaternion

    message = PoseArray(header=header)
    for grasp in grasps[np.isin(grasps[:, 16].astype(int), list(instance_ids))]:
        place = [float(value) for value in grasp[13:16]]
        x, y, z, w = (float(v) for v in Rotation.from_matrix(grasp[4:13].reshape(3, 3)).as_quat())
        message.poses.append(
            Pose(
                position=Point(x=place[0], y=place[1], z=place[2]), orientation=Quaternion(x=x, y=y, z=z, w=w)
            )
        )
    return message


def main() -> int:
    """Run until Ctrl-C; a server that is away is logged, and asked again with the next answer."""
    import rclpy
    from geometry_msgs.msg import PoseArray
    from sensor_msgs.msg import PointCloud2

    from instructsam_ros.ros.conversions import points_from_cloud

    rclpy.init()
    node = rclpy.create_node("grasp_server")
    url = node.declare_parameter("url", "http://localhost:8000/grasps").value
    publisher = node.create_publisher(PoseArray, "grasps", 5)
    latest: dict[str, Any] = {}

    def on_cloud(name: str, cloud: Any) -> None:
        latest[name] = cloud
        if len(latest) < 2 or latest["scene"].header != latest["instances"].header:
            return
        try:
            grasps = ask(url, request_of(latest["scene"], latest["instances"]))
        except (OSError, ValueError, KeyError) as error:
            node.get_logger().warning(f"no grasps from {url}: {error}", throttle_duration_sec=5.0)
            return
        ids = set(map(int, np.unique(points_from_cloud(latest["instances"])[2])))
        publisher.publish(poses_of(grasps, cloud.header, ids))

    for name, topic in (("scene", "scene_points"), ("instances", "points")):
        node.create_subscription(
            PointCloud2, f"segment_node/{topic}", lambda cloud, name=name: on_cloud(name, cloud), 1
        )
    with suppress(KeyboardInterrupt):
        rclpy.spin(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
