"""Callback group of lifecycle transitions, which may take minutes, and of services that ask about them."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from instructsam_ros.srv import SetModel

_CHANGES = (ChangeState, SetModel)


class TransitionGroup(MutuallyExclusiveCallbackGroup):  # type: ignore[misc]
    """Runs transitions and timers one after the other, and services that only ask at any time.

    rclpy gives all lifecycle services one group: in an exclusive one ``get_state`` would wait while a model
    loads, in a reentrant one a transition that comes before the last one has ended would fail.
    """

    def can_execute(self, entity: Any) -> bool:
        """Return whether nothing that excludes the entity is running."""
        return _asks(entity) or bool(super().can_execute(entity))

    def beginning_execution(self, entity: Any) -> bool:
        """Return whether the entity may begin, and note it if it excludes others."""
        return _asks(entity) or bool(super().beginning_execution(entity))

    def ending_execution(self, entity: Any) -> None:
        """Note the end of an entity that excludes others."""
        if not _asks(entity):
            super().ending_execution(entity)


def _asks(entity: Any) -> bool:
    return getattr(entity, "srv_type", ChangeState) not in _CHANGES
