"""Subscriptions to the camera. Their callbacks only store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros import qos
from instructsam_ros.ros.input.job_queue import JobQueue
from instructsam_ros.ros.input.synchronizer import check_stamp, make_synchroniser
from instructsam_ros.ros.parameters import NodeSettings


class CameraInfoInput:
    """Subscription that stores every ``camera_info`` from now on, in any state of the node.

    Best effort, which matches every driver, since the node's parameters may change while it listens.
    """

    def __init__(self, node: Node, topic: str, store: Callable[[Any], None]) -> None:
        self._node = node
        self._topic = topic
        self._store = store
        self._group = MutuallyExclusiveCallbackGroup()
        self._hears_latched = False
        self._subscribe(qos.camera("best_effort"))

    def look_for_latched(self) -> None:
        """Listen for the last message of a driver that latches it, which may have sent no other; call often.

        Only once there is such a driver: with every other one such a subscription does not match, which both
        sides log.
        """
        if self._hears_latched:
            return
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        if any(found.qos_profile.durability == qos.LATCHED.durability for found in publishers):
            self._hears_latched = True
            self._subscribe(qos.LATCHED)

    def _subscribe(self, profile: Any) -> None:
        self._node.create_subscription(
            CameraInfo, self._topic, self._store, profile, callback_group=self._group
        )


class CameraInputs:
    """Subscriptions that feed a job queue from ``image`` and ``depth`` until ``destroy``.

    topics: the resolved names of both. refuse: called with the error of every image and depth image that
    is not passed on.
    """

    def __init__(
        self,
        node: Node,
        topics: Mapping[str, str],
        queue: JobQueue,
        settings: NodeSettings,
        refuse: Callable[[Exception], None],
    ) -> None:
        self._node = node
        self._topics = topics
        self._queue = queue
        self._refuse = refuse
        self._subscriptions: list[Any] = []
        self._group = MutuallyExclusiveCallbackGroup()  # the synchroniser is not thread-safe
        profile = qos.camera(settings.image_reliability)
        self._synchroniser = make_synchroniser(queue.store_pair, settings.sync_slop)
        self._use_depth = settings.use_depth
        self._subscribe("image", settings.image_transport, self._on_image, profile)
        if settings.use_depth:
            self._subscribe("depth", settings.depth_transport, self._synchroniser.add_depth, profile)

    def destroy(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()  # their callbacks hold this object, and with it images

    def _on_image(self, message: Any) -> None:
        self._queue.store_image(message)
        if self._use_depth:
            self._synchroniser.add_image(message)

    def _subscribe(self, topic: str, transport: str, callback: Any, profile: Any) -> None:
        def take(message: Any) -> None:
            try:
                check_stamp(message, f"a message on {topic!r}")
            except InvalidInputError as error:
                self._refuse(error)
            else:
                callback(message)

        if transport == "raw":
            self._add(Image, self._topics[topic], take, profile)
        else:
            # As image_transport does it: the remapped base topic and the transport's name.
            self._add(CompressedImage, f"{self._topics[topic]}/{transport}", take, profile)

    def _add(self, kind: Any, topic: str, callback: Any, profile: Any) -> None:
        self._subscriptions.append(
            self._node.create_subscription(kind, topic, callback, profile, callback_group=self._group)
        )
