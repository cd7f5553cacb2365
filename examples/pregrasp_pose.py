"""Pre-grasp poses from boxes and support plane: ``python examples/pregrasp_pose.py --ros-args -p
opening:=0.08``.

Listens to ``segment_node/instances`` and publishes ``pregrasp`` (geometry_msgs/PoseStamped) for the best
instance that the gripper fits around: z is the direction of approach, fingers close along y.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

STANDOFF = 0.10
"""Metres from the face of the box to the pose."""


def pregrasp(instance: Any, normal: NDArray[np.float64] | None, opening: float) -> Any:
    """Return a geometry_msgs/Pose before an instructsam_ros/Instance, in the frame of its answer.

    Among the approaches that were seen to be free, the one most downwards (against ``normal``, of the plane)
    for which one of the other axes of the box is narrower than ``opening`` metres. None where there is none.
    """
    from geometry_msgs.msg import Point, Pose, Quaternion

    turn, place, size = instance.pose.orientation, instance.pose.position, instance.size
    axes = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    edges, centre = np.array([size.x, size.y, size.z]), np.array([place.x, place.y, place.z])
    approaches = [np.array([a.x, a.y, a.z]) for a in instance.grasp.approaches]
    if normal is not None:
        approaches.sort(key=lambda approach: float(approach @ normal))
    for approach in approaches:
        depth_axis = int(np.abs(approach @ axes).argmax())
        closing = min((a for a in range(3) if a != depth_axis), key=lambda a: instance.grasp.widths[a])
        if instance.grasp.widths[closing] >= opening:
            continue
        y = axes[:, closing]
        x, y, z, w = Rotation.from_matrix(np.stack([np.cross(y, approach), y, approach], axis=1)).as_quat()
        position = centre - approach * (edges[depth_axis] / 2 + STANDOFF)
        return Pose(
            position=Point(x=float(position[0]), y=float(position[1]), z=float(position[2])),
            orientation=Quaternion(x=float(x), y=float(y), z=float(z), w=float(w)),
        )
    return None


def best_pregrasp(answer: Any, opening: float) -> Any:
    """Return a geometry_msgs/PoseStamped for an InstanceArray: of the best instance that has one; or None."""
    from geometry_msgs.msg import PoseStamped

    normal = np.array(answer.plane.coefficients[:3]) if answer.plane.found else None
    for instance in sorted(answer.instances, key=lambda each: -each.score):
        if (pose := pregrasp(instance, normal, opening)) is not None:
            return PoseStamped(header=answer.header, pose=pose)
    return None


def main() -> int:
    """Run until Ctrl-C."""
    import rclpy
    from geometry_msgs.msg import PoseStamped

    from instructsam_ros.msg import InstanceArray

    rclpy.init()
    node = rclpy.create_node("pregrasp_pose")
    opening = node.declare_parameter("opening", 0.08).value
    publisher = node.create_publisher(PoseStamped, "pregrasp", 5)

    def on_answer(answer: Any) -> None:
        if (pose := best_pregrasp(answer, opening)) is not None:
            publisher.publish(pose)

    node.create_subscription(InstanceArray, "segment_node/instances", on_answer, 5)
    with suppress(KeyboardInterrupt):
        rclpy.spin(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
