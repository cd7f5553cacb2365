"""Instances as MoveIt collision objects: ``python examples/moveit_scene.py``. Needs moveit_msgs.

Listens to ``segment_node/instances`` and publishes ``collision_object`` (moveit_msgs/CollisionObject): a box
for every instance, and the support plane. Objects that are gone are removed. The rest of the scene comes as
an octomap from ``segment_node/scene_points``, which MoveIt reads as it is: examples/sensors_3d.yaml.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

MARGIN = 0.005
"""Metres that a box is larger on every side, for noise and a mask that is too small."""


class CollisionObjects:
    """Keeper of which objects are in MoveIt's scene."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def update(self, answer: Any) -> list[Any]:
        """Return the CollisionObjects that bring the scene up to an InstanceArray: added, and removed
        ones.
        """
        from moveit_msgs.msg import CollisionObject

        objects = {f"instance_{each.id}": box_object(each) for each in answer.instances if each.size.x > 0}
        if answer.plane.found:
            objects["support_plane"] = plane_object(answer.plane)
        gone = {
            name: CollisionObject(operation=CollisionObject.REMOVE) for name in self._known - objects.keys()
        }
        self._known = set(objects)
        for name, each in {**objects, **gone}.items():
            each.id, each.header = name, answer.header
        return [*objects.values(), *gone.values()]


def box_object(instance: Any) -> Any:
    """Return the box of an instructsam_ros/Instance as a CollisionObject."""
    from moveit_msgs.msg import CollisionObject
    from shape_msgs.msg import SolidPrimitive

    size = instance.size
    box = SolidPrimitive(
        type=SolidPrimitive.BOX, dimensions=[edge + 2 * MARGIN for edge in (size.x, size.y, size.z)]
    )
    return CollisionObject(operation=CollisionObject.ADD, primitives=[box], primitive_poses=[instance.pose])


def plane_object(plane: Any) -> Any:
    """Return an instructsam_ros/SupportPlane as a CollisionObject."""
    from geometry_msgs.msg import Pose
    from moveit_msgs.msg import CollisionObject
    from shape_msgs.msg import Plane

    # In the frame of the header, as the coefficients; MoveIt's sign convention is the same.
    whole = Plane(coef=list(plane.coefficients))
    return CollisionObject(operation=CollisionObject.ADD, planes=[whole], plane_poses=[Pose()])


def main() -> int:
    """Run until Ctrl-C."""
    import rclpy
    from moveit_msgs.msg import CollisionObject

    from instructsam_ros.msg import InstanceArray

    rclpy.init()
    node = rclpy.create_node("moveit_scene")
    publisher = node.create_publisher(CollisionObject, "collision_object", 50)
    objects = CollisionObjects()

    def on_answer(answer: Any) -> None:
        for each in objects.update(answer):
            publisher.publish(each)

    node.create_subscription(InstanceArray, "segment_node/instances", on_answer, 5)
    with suppress(KeyboardInterrupt):
        rclpy.spin(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
